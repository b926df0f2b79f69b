#include "apiserver/http/piecewise.h"

namespace serin::apiserver {
namespace {

/// Held by the stream's callback, which goes when the connection or the body ends.
struct Sender {
  MakePiece make;
  std::shared_ptr<net::BodyStream> stream;

  void next() {
    if (!stream) return;
    std::string piece;
    piece.reserve(kPieceBytes + kPieceBytes / 8);
    bool more = make(piece);
    stream->write(std::make_shared<const std::string>(std::move(piece)));
    if (more) return;
    stream->finish();
    stream.reset();
    make = nullptr;
  }
};

}  // namespace

void send_pieces(net::Response head, std::unique_ptr<net::Responder> responder, MakePiece make) {
  auto sender = std::make_shared<Sender>(Sender{std::move(make), responder->stream(std::move(head))});
  sender->stream->on_drained([sender] { sender->next(); });
  sender->next();
}

}  // namespace serin::apiserver
