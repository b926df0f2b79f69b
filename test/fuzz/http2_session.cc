/// Bytes as an HTTP/2 server receives them on one connection. The first byte says in which sizes they arrive, whether the
/// client's preface and SETTINGS come before them, and how the handler answers. Properties: no crash, no leak (with the
/// address sanitizer), every request answered or dropped, every producer of a stream told of its end.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/http2/http2_session.h"
#include "net/server/output_queue.h"

namespace {

using namespace serin::net;

/// A connection whose peer takes all that is sent.
class Sink final : public Wire {
 public:
  OutputQueue& output() override { return output_; }
  void wake() override {}
  std::shared_ptr<void> self() override { return nullptr; }
  void drain() {
    while (!output_.empty()) output_.sent(output_.front().size());
  }

 private:
  OutputQueue output_;
};

struct Counts {
  int streams = 0, ended = 0;
};

Handler handler_for(uint8_t kind, Counts& counts) {
  return [kind, &counts](Request request, std::unique_ptr<Responder> responder) {
    request.parameters();
    Response response;
    response.headers.add("Content-Type", "text/plain");
    response.body = std::string(kind == 1 ? 70'000 : 100, 'x');
    if (kind == 3) return;  // dropped: 500
    if (kind != 2) return responder->send(std::move(response));
    auto stream = responder->stream(std::move(response));
    ++counts.streams;
    stream->on_closed([&counts] { ++counts.ended; });
    stream->write(std::make_shared<const std::string>(3000, 'y'));
  };
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] & 0x20) text = std::string(kHttp2Preface) + std::string("\0\0\0\x04\0\0\0\0\0", 9) + text;
  size_t piece = 1 + (data[0] & 0x1f) * 7;

  Counts counts;
  auto server = std::make_shared<ServerState>();
  server->options.max_header_bytes = 2000;
  server->options.max_body_bytes = 1000;
  server->options.max_streams = 8;
  server->handler = handler_for(data[0] >> 6, counts);
  auto loop = std::make_shared<EventLoop>(std::chrono::milliseconds(1000));
  Sink wire;
  {
    Http2Session session(server, loop, wire, {}, SteadyTime::max());
    auto settle = [&] {
      loop->io().poll();
      session.fill();
      wire.drain();
      loop->io().poll();
    };
    for (size_t at = 0; at < text.size() && session.wish() == Protocol::Wish::kOpen; at += piece) {
      settle();
      if (session.wants_input()) session.receive(std::string_view(text).substr(at, piece));
      while (session.advance(true)) settle();
    }
    session.on_deadline();
    session.drain();
    settle();
    session.closed();
    loop->io().poll();
  }
  loop->io().poll();
  if (counts.ended != counts.streams) std::abort();
  return 0;
}
