#pragma once

/// `client::Client` over the verbs, without HTTP. Blocking: waits for durability.

#include <memory>
#include <string>

#include "apiserver/rest/rest.h"
#include "client/client.h"

namespace serin::apiserver {

std::unique_ptr<client::Client> in_process_client(Rest& rest, ClusterPtr cluster, std::string field_manager);

}  // namespace serin::apiserver
