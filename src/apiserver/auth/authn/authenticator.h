#pragma once

/// From a request to a user: by client certificate (CN the name, O the groups), static bearer token or ServiceAccount
/// token, in this order. Safe from any thread.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/authn/service_account_tokens.h"
#include "apiserver/auth/authn/static_tokens.h"
#include "net/http.h"

namespace serin::apiserver {

class Authenticator {
 public:
  Authenticator(StaticTokens tokens, const ServiceAccountTokens& accounts) : tokens_(std::move(tokens)), accounts_(accounts) {}

  /// Null: nobody has been named. kUnauthorized: credentials that are none, without a detail. `cluster` may be empty;
  /// then no ServiceAccount is known.
  Result<UserPtr> authenticate(const net::Request&, const std::string& cluster) const;

  /// The user of a token, in the groups that they get with it. `audiences` empty: the API server's own.
  Result<ServiceAccountTokens::Identity> token(const std::string& cluster, std::string_view token, std::vector<std::string> audiences) const;

 private:
  StaticTokens tokens_;
  const ServiceAccountTokens& accounts_;
};

/// system:anonymous in system:unauthenticated.
const UserPtr& anonymous();

}  // namespace serin::apiserver
