#pragma once

/// HTTP/2 (RFC 9113) on one connection of a server, on nghttp2: many requests at once, flow control both ways, time-outs
/// of each, and bounds on what a peer may make the server do for nothing. Private to `net` (includes nothing of nghttp2).
///
/// Bounds: `max_streams` requests at once, those included whose stream the peer has reset while a handler works on them
/// (rapid reset, CVE-2023-44487); resets, pings, settings, empty frames and continuations (CVE-2024-27316) together only
/// as many as `Allowance` gives, then GOAWAY ENHANCE_YOUR_CALM. A stream that its peer does not read waits by itself, its
/// bytes where they were queued; the connection takes no more than it can send.

#include <memory>
#include <unordered_map>
#include <vector>

#include "net/http2/allowance.h"
#include "net/http2/http2_stream.h"
#include "net/server/protocol.h"
#include "net/server/server_state.h"

struct nghttp2_session;

namespace serin::net {

/// What a client says first (RFC 9113 §3.4).
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Http2Session final : public Protocol {
 public:
  /// `first_deadline` is for the client's first frame.
  Http2Session(std::shared_ptr<ServerState> server, std::shared_ptr<EventLoop> loop, Wire& wire, Peer peer,
               SteadyTime first_deadline);
  ~Http2Session() override;

  void fill() override;
  bool advance(bool flushed) override;
  bool wants_input() const override;
  void receive(std::string_view bytes) override;
  void peer_done() override { dropped_ = true; }
  void sent_payload(size_t) override {}
  Wish wish() const override;
  SteadyTime deadline() const override;
  void on_deadline() override;
  void drain() override;
  void closed() override;

  // For the streams.
  void submit(Http2Stream& stream, const Response& response, bool body);
  /// There is more of the body, or its end.
  void resume(Http2Stream& stream);
  void reset(Http2Stream& stream);

 private:
  struct Callbacks;  // from nghttp2
  struct FreeSession {
    void operator()(nghttp2_session* session) const;
  };

  Http2Stream* find(int32_t id);
  void head_complete(Http2Stream& stream, bool whole);
  void take_request(const std::shared_ptr<Http2Stream>& stream);
  void spend();
  void set_deadline(Http2Stream& stream, std::chrono::milliseconds after);
  void wait_for_peer(Http2Stream& stream);
  void give_up(uint32_t error);
  bool busy() const;

  const std::shared_ptr<ServerState> server_;
  const std::shared_ptr<EventLoop> loop_;
  Wire& wire_;
  const Peer peer_;
  std::unique_ptr<nghttp2_session, FreeSession> session_;
  std::unordered_map<int32_t, std::shared_ptr<Http2Stream>> streams_;
  std::vector<std::shared_ptr<Http2Stream>> ready_;  // requests that are complete
  std::vector<std::pair<std::shared_ptr<StreamState>, size_t>> sent_;  // to be told to producers
  std::shared_ptr<uint32_t> unanswered_ = std::make_shared<uint32_t>(0);
  Allowance allowance_;
  SteadyTime first_deadline_, head_deadline_ = SteadyTime::max(), idle_deadline_ = SteadyTime::max();
  SteadyTime streams_deadline_ = SteadyTime::max();  // no later than that of any stream
  bool draining_ = false;
  bool given_up_ = false;  // a last GOAWAY is on its way
  bool dropped_ = false;
};

}  // namespace serin::net
