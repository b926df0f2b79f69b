#pragma once

/// From a complete request to the handler, and from the handler's answer to the exchange. Private to `net`.

#include <memory>
#include <optional>

#include "net/http_server.h"
#include "net/server/exchange.h"
#include "net/server/server_state.h"

namespace serin::net {

/// Hands a complete request to the server's handler, or answers it where no handler should see it: a path that different
/// readers take for different ones (400), a body with a coding (415).
void dispatch(const std::shared_ptr<ServerState>& server, Request request, std::shared_ptr<Exchange> exchange);

/// What is wrong with a path: "." and ".." as segments, an encoded slash, backslash or NUL, a broken escape. "" where
/// nothing is.
std::string_view path_trick(std::string_view path);

/// An error answer in the form of a Kubernetes Status. `reason` and `message` need no escaping in JSON.
Response status_response(int status, std::string_view reason, std::string_view message);

}  // namespace serin::net
