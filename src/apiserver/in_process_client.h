#pragma once

/// `client::Client` over the verbs, without HTTP. Blocking: waits for durability. Creating serviceaccounts/token is a
/// TokenRequest.

#include <memory>
#include <string>

#include "apiserver/auth/authn/service_account_tokens.h"
#include "apiserver/rest/rest.h"
#include "client/client.h"

namespace serin::apiserver {

std::unique_ptr<client::Client> in_process_client(Rest& rest, const ServiceAccountTokens& tokens, ClusterPtr cluster,
                                                  std::string field_manager);

}  // namespace serin::apiserver
