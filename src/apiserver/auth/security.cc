#include "apiserver/auth/security.h"

namespace serin::apiserver {

Result<std::unique_ptr<Security>> Security::make(SecurityOptions options, const Environment& environment) {
  if (options.token_keys.empty()) options.token_keys.push_back(SERIN_TRY(net::SigningKey::generate()));
  std::unique_ptr<audit::Log> log;
  if (options.audit_log) log = SERIN_TRY(audit::Log::open(*options.audit_log, environment.clock));
  return std::unique_ptr<Security>(new Security(std::move(options), environment, std::move(log)));
}

Security::Security(SecurityOptions options, const Environment& environment, std::unique_ptr<audit::Log> log)
    : accounts_(environment.store, environment.clock, environment.random,
                {std::move(options.token_keys), std::move(options.issuer), environment.external_address}),
      authenticator_(std::move(options.tokens), accounts_),
      authorizer_(environment.store),
      escalation_check_(authorizer_),
      reviews_(authorizer_, authenticator_),
      recorder_(std::make_shared<const audit::Recorder>(std::move(options.audit_policy), std::move(log), environment.clock, environment.random)) {}

}  // namespace serin::apiserver
