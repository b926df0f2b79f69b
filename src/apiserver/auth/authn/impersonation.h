#pragma once

/// The headers Impersonate-User, -Group, -Uid and -Extra-*: acting as somebody else. Pure.

#include <optional>
#include <vector>

#include "apiserver/auth/access.h"
#include "base/error.h"
#include "net/http.h"

namespace serin::apiserver {

struct Impersonation {
  UserPtr user;                       ///< who the request is from, once all is allowed
  std::vector<AccessRequest> needed;  ///< the permissions that it takes, of the user who really asks
};

/// Nullopt where nobody is impersonated; kBadRequest for groups, a uid or extras without a user.
Result<std::optional<Impersonation>> read_impersonation(const net::Headers&, const UserPtr& real, const std::string& cluster);

}  // namespace serin::apiserver
