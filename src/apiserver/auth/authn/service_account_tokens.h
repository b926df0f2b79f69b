#pragma once

/// Tokens of ServiceAccounts: made on request, and checked against the objects that they speak of, so that a token ends
/// with its account, its pod or its secret. Each logical cluster is an issuer of its own, so that a token of one is
/// nothing in another. Safe from any thread.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/user.h"
#include "apiserver/store/store.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/signing_key.h"

namespace serin::apiserver {

struct TokenIssuerOptions {
  std::vector<net::SigningKey> keys;  ///< all verify; the first one signs
  std::string issuer;                 ///< followed by /clusters/<name> it is the issuer of a cluster's tokens
  std::string external_address;       ///< where jwks_uri points; empty: the issuer
};

class ServiceAccountTokens {
 public:
  ServiceAccountTokens(const Store& store, Clock& clock, Random& random, TokenIssuerOptions options)
      : store_(store), clock_(clock), random_(random), options_(std::move(options)) {}

  /// The `iss` of a cluster's tokens, and the audience that its API server answers to.
  std::string issuer(const std::string& cluster) const;

  /// Answers a TokenRequest: the request with its status. kNotFound for an unknown account, kInvalid and kBadRequest as
  /// Kubernetes words them for a lifetime or an object that a token cannot be bound to.
  Result<json::value> request(const std::string& cluster, const kube::NamespacedName& account, const json::value& token_request) const;

  struct Identity {
    UserPtr user;
    std::vector<std::string> audiences;  ///< those asked for that the token is meant for; never empty
  };
  /// kUnauthorized with a reason for the log, not for the client.
  Result<Identity> verify(const std::string& cluster, std::string_view token, const std::vector<std::string>& audiences) const;

  /// The documents of OpenID Connect discovery, for whoever verifies tokens elsewhere.
  json::value openid_configuration(const std::string& cluster) const;
  json::value keys() const;

 private:
  Result<void> check_live(const std::string& cluster, const char* resource, const kube::NamespacedName&, std::string_view uid) const;
  Result<json::object> bound_claim(const std::string& cluster, const kube::NamespacedName& account, const json::value& reference) const;

  const Store& store_;
  Clock& clock_;
  Random& random_;
  TokenIssuerOptions options_;
};

}  // namespace serin::apiserver
