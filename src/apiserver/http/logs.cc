// pods/log over HTTP: a stream that begins with its first line, so that a source may still refuse.

#include "apiserver/http/call.h"
#include "apiserver/http/log_request.h"

namespace serin::apiserver {
namespace {

/// Lines of a log on their way into a response.
class StreamSink final : public LogSink {
 public:
  explicit StreamSink(std::shared_ptr<net::BodyStream> stream) : stream_(std::move(stream)) {}
  bool write(std::string_view text) override {
    return text.empty() || stream_->write(std::make_shared<const std::string>(text));
  }
  size_t pending() const override { return stream_->pending(); }
  void finish() override { stream_->finish(); }

 private:
  std::shared_ptr<net::BodyStream> stream_;
};

/// Begins the response with the first line, so that a source may still refuse.
class LazySink final : public LogSink {
 public:
  explicit LazySink(std::unique_ptr<net::Responder> responder) : responder_(std::move(responder)) {}
  bool write(std::string_view text) override {
    auto sink = begin();
    return sink && sink->write(text);
  }
  size_t pending() const override {
    std::lock_guard lock(mutex_);
    return sink_ ? sink_->pending() : 0;
  }
  void finish() override {
    if (auto sink = begin()) sink->finish();
  }
  std::unique_ptr<net::Responder> take_back() {
    std::lock_guard lock(mutex_);
    return std::move(responder_);
  }
  /// Sends the head now: a follower wants to know that it follows.
  std::shared_ptr<LogSink> begin() {
    std::lock_guard lock(mutex_);
    if (!sink_ && responder_) {
      net::Response head;
      head.headers.set("Content-Type", "text/plain");
      sink_ = std::make_shared<StreamSink>(responder_->stream(std::move(head)));
      responder_.reset();
    }
    return sink_;
  }

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<net::Responder> responder_;  // guarded by mutex_
  std::shared_ptr<LogSink> sink_;              // guarded by mutex_
};

}  // namespace

void ApiHandler::serve_log(Call& call) {
  Target target = call.target();
  target.subresource.clear();
  auto entry = rest_.get(target);
  if (!entry) return call.fail(entry.error());
  if (!options_.logs) return call.fail({Code::kUnavailable, "this cluster has no agent that serves logs"});
  auto log = read_log_options(call.request, rest_.object(target, *entry), rest_.clock().now());
  if (!log) return call.fail(log.error());
  auto sink = std::make_shared<LazySink>(std::exchange(call.responder, nullptr));
  auto opened = options_.logs->open(call.info.cluster, target.name, *log, sink);
  if (!opened) {
    call.responder = sink->take_back();
    if (call.responder) call.fail(opened.error());
    else sink->finish();
    return;
  }
  if (log->follow) sink->begin();
}

}  // namespace serin::apiserver
