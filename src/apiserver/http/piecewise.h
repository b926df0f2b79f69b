#pragma once

/// Large answers in pieces: each is made when the one before has gone to the kernel, so the first byte leaves at once,
/// one answer holds one piece of memory, and a client that does not read costs no more.

#include <functional>
#include <memory>
#include <string>

#include "net/http_server.h"

namespace serin::apiserver {

/// About how long a piece should be: enough that a round through the I/O thread does not show.
inline constexpr size_t kPieceBytes = 256 << 10;

/// Appends the next piece; false with the last one. Called on the connection's I/O thread; must not wait.
using MakePiece = std::function<bool(std::string& piece)>;

/// To be called on the I/O thread that the request came on.
void send_pieces(net::Response head, std::unique_ptr<net::Responder> responder, MakePiece make);

}  // namespace serin::apiserver
