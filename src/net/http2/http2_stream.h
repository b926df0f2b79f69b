#pragma once

/// One request of an HTTP/2 connection and its answer. On the connection's loop but for what Exchange says otherwise.
/// Private to `net`.

#include <cstdint>
#include <memory>
#include <vector>

#include "net/server/exchange.h"

namespace serin::net {

class Http2Session;
class OutputQueue;

/// A request as it comes in.
struct IncomingRequest {
  Request request;
  std::string authority;
  size_t header_bytes = 0;
  int64_t announced = -1;  // Content-Length
  bool headers_too_large = false;
};

class Http2Stream final : public Exchange, public std::enable_shared_from_this<Http2Stream> {
 public:
  /// `unanswered` counts the requests of the connection that a handler has and that are not answered.
  Http2Stream(std::shared_ptr<EventLoop> loop, Http2Session& session, int32_t id, std::shared_ptr<uint32_t> unanswered)
      : Exchange(std::move(loop)), session_(&session), id_(id), unanswered_(std::move(unanswered)) {}

  int32_t id() const { return id_; }

  /// Until it is dispatched or answered.
  std::unique_ptr<IncomingRequest> incoming = std::make_unique<IncomingRequest>();
  /// For a body that does not come, or an answer that the peer does not take.
  SteadyTime deadline = SteadyTime::max();

  void dispatched(bool head_only);
  /// Answers in place of a handler; what still comes of the request is ignored.
  void refuse(Response response);
  /// The stream has ended, or its connection. Who produces its body, where somebody does, is to be told (`end`).
  std::shared_ptr<StreamState> detach();
  /// A plain answer is owed, or not sent completely.
  bool busy() const { return session_ && !incoming && !stream_; }

  // The answer's body, piece by piece.
  size_t queued() const { return queued_; }
  bool ended() const { return ended_; }
  /// Moves `size` bytes, at most `queued()`, to `output`.
  void move_to(OutputQueue& output, size_t size);
  const std::shared_ptr<StreamState>& stream() const { return stream_; }

 private:
  std::shared_ptr<Exchange> shared() override { return shared_from_this(); }
  void begin_response(Response response) override;
  void begin_stream(const Response& head, const std::shared_ptr<StreamState>& stream) override;
  void flush_stream(const std::shared_ptr<StreamState>& stream) override;
  void abort_stream(const std::shared_ptr<StreamState>& stream) override;

  void answered();
  void queue(SharedBytes bytes);
  void take_stream_queue();

  Http2Session* session_;  // null once detached
  const int32_t id_;
  const std::shared_ptr<uint32_t> unanswered_;
  std::shared_ptr<StreamState> stream_;
  std::vector<SharedBytes> pieces_;  // from first_ on
  size_t first_ = 0, offset_ = 0, queued_ = 0;
  bool ended_ = false;  // nothing will be queued any more
  bool counted_ = false, head_only_ = false;
};

}  // namespace serin::net
