#pragma once

/// /healthz, /livez and /readyz, each with its parts (/readyz/ping) and in words (?verbose). Pure.

#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace serin::apiserver {

bool is_health_path(std::string_view path);

/// `storage`: whether writes are accepted. A server that cannot write is alive, but not ready. Parts named in the
/// parameter `exclude` are left out. 200 "ok", 500 with the parts and what is wrong, 404 for a part there is not.
net::Response health_answer(const net::Request& request, std::string_view path, const Result<void>& storage);

}  // namespace serin::apiserver
