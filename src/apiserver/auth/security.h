#pragma once

/// Everything about who may do what, composed: authentication, RBAC, escalation checks, reviews, tokens, audit. One per
/// server. Safe from any thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/audit/recorder.h"
#include "apiserver/auth/authn/authenticator.h"
#include "apiserver/auth/authn/service_account_tokens.h"
#include "apiserver/auth/rbac/authorizer.h"
#include "apiserver/auth/rbac/escalation.h"
#include "apiserver/auth/reviews.h"

namespace serin::apiserver {

struct SecurityOptions {
  StaticTokens tokens{};
  /// Keys of ServiceAccount tokens: all verify, the first one signs. Empty: one that lives as long as the server.
  std::vector<net::SigningKey> token_keys{};
  /// With /clusters/<name> behind it the issuer of a cluster's ServiceAccount tokens; must not change while tokens live.
  std::string issuer = "https://kubernetes.default.svc";
  std::optional<audit::LogOptions> audit_log{};  ///< unset: no audit log
  audit::Policy audit_policy = audit::Policy::writes();
};

class Security {
 public:
  struct Environment {
    const Store& store;
    Clock& clock;
    Random& random;
    std::string external_address;
  };
  /// kForbidden where the audit log cannot be written.
  static Result<std::unique_ptr<Security>> make(SecurityOptions options, const Environment& environment);

  const Authenticator& authenticator() const { return authenticator_; }
  rbac::RbacAuthorizer& authorizer() { return authorizer_; }
  rbac::EscalationCheck& escalation_check() { return escalation_check_; }
  const ServiceAccountTokens& accounts() const { return accounts_; }
  const Reviews& reviews() const { return reviews_; }
  const audit::Recorder& recorder() const { return *recorder_; }

 private:
  Security(SecurityOptions options, const Environment& environment, std::unique_ptr<audit::Log> log);

  ServiceAccountTokens accounts_;
  Authenticator authenticator_;
  rbac::RbacAuthorizer authorizer_;
  rbac::EscalationCheck escalation_check_;
  Reviews reviews_;
  std::shared_ptr<const audit::Recorder> recorder_;
};

}  // namespace serin::apiserver
