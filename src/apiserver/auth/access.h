#pragma once

/// What somebody wants to do, and the answer.

#include <string>

#include "apiserver/auth/user.h"

namespace serin::apiserver {

struct AccessRequest {
  UserPtr user = system_user();
  std::string cluster;
  /// get, list, watch, create, update, patch, delete, deletecollection, or one that only roles know (bind, escalate,
  /// impersonate); for a path the lower-case method.
  std::string verb;
  std::string group, version, resource, subresource, ns, name;
  std::string path;  ///< for what is not a resource; then the members above but `verb` are empty
};

struct Decision {
  bool allowed = false;
  std::string reason;  ///< which binding allows it, or which role could not be found; may be empty
};

/// Safe from any thread; must not wait.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual Decision decide(const AccessRequest&) = 0;
};

}  // namespace serin::apiserver
