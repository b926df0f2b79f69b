#pragma once

/// metav1.Status, the answer to everything that has no object. Pure.

#include <string>

#include "apiserver/http/request_info.h"
#include "base/error.h"
#include "data/json.h"
#include "net/http.h"

namespace serin::apiserver {

/// A failure's Status; `about` fills the details.
json::value status_of(const Error&, const RequestInfo& about, std::string_view kind = {});
/// The whole response: HTTP status, Retry-After, Status as JSON.
net::Response error_response(const Error&, const RequestInfo& about, std::string_view kind = {});
/// The Status of a deletion that is done.
json::value deleted_status(const RequestInfo& about, std::string_view uid);

net::Response json_response(int status, std::string body);

}  // namespace serin::apiserver
