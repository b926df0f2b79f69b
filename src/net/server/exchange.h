#pragma once

/// One request and the way its answer takes, whatever the protocol. Handlers answer from any thread; the protocols see
/// answers on their loop only. Private to `net`.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "net/http_server.h"
#include "net/server/event_loop.h"

namespace serin::net {

/// The part of a streaming response that producers touch from any thread.
struct StreamState {
  std::mutex mutex;
  // Guarded by mutex.
  std::vector<SharedBytes> queue;  // not yet taken over by the loop
  bool finished = false;           // no more writes
  bool closed = false;             // the peer is gone, or all has been sent
  bool flush_posted = false;
  std::function<void()> on_drained, on_closed;

  std::atomic<size_t> pending{0};

  /// What was queued since the last call, and whether that was all. Loop thread, like the following.
  struct Taken {
    std::vector<SharedBytes> pieces;
    bool finished;
  };
  Taken take();
  /// `bytes` have gone; tells the producer when that was all.
  void gone(size_t bytes);
  /// Nothing more will be sent; tells the producer unless it had finished.
  void end();
};

class Exchange {
 public:
  explicit Exchange(std::shared_ptr<EventLoop> loop) : loop_(std::move(loop)) {}
  virtual ~Exchange() = default;

  // Any thread. One of the first two is called, once for each request.
  void respond(Response response);
  std::shared_ptr<StreamState> respond_with_stream(Response head);
  /// Takes over what the producer has queued.
  void schedule_flush(const std::shared_ptr<StreamState>& stream);
  void schedule_abort(const std::shared_ptr<StreamState>& stream);
  bool post(std::function<void()> task) { return loop_->post(std::move(task)); }

 protected:
  // On the loop. The request may be gone by then.
  virtual std::shared_ptr<Exchange> shared() = 0;
  virtual void begin_response(Response response) = 0;
  virtual void begin_stream(const Response& head, const std::shared_ptr<StreamState>& stream) = 0;
  virtual void flush_stream(const std::shared_ptr<StreamState>& stream) = 0;
  virtual void abort_stream(const std::shared_ptr<StreamState>& stream) = 0;

  const std::shared_ptr<EventLoop> loop_;
};

}  // namespace serin::net
