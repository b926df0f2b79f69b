#pragma once

/// Long lists of whole objects as JSON, sent in pieces that are spliced from stored text: nothing is parsed, and the
/// list never stands in memory as a whole.

#include "apiserver/http/representation.h"
#include "net/http_server.h"

namespace serin::apiserver {

/// Whether the list is one of those. A client that takes compressed answers gets its list in one piece, since only
/// that is compressed.
bool is_long_list(const net::Request& request, const Representation& as, const Page& page);

void send_long_list(const Rest& rest, const Target& target, Page page, net::Response head,
                    std::unique_ptr<net::Responder> responder);

}  // namespace serin::apiserver
