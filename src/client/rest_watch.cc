#include "client/rest_watch.h"

#include "base/strings.h"

namespace serin::client {
namespace {

/// A server that ends a silent watch sooner is not asked again at once.
constexpr Duration kShortest = std::chrono::seconds(1);

}  // namespace

RestWatch::RestWatch(std::shared_ptr<RestSession> session, Resource resource, WatchOptions options)
    : session_(std::move(session)),
      resource_(std::move(resource)),
      options_(std::move(options)),
      seen_(options_.from) {}

Result<std::unique_ptr<Watch>> RestWatch::open(std::shared_ptr<RestSession> session,
                                               const Resource& resource,
                                               const WatchOptions& options) {
  std::unique_ptr<RestWatch> watch(new RestWatch(std::move(session), resource, options));
  SERIN_TRY(watch->connect());
  return watch;
}

Result<void> RestWatch::connect() {
  auto response = SERIN_TRY(session_->stream(
      {"GET", api_path(resource_, options_.ns), watch_query(options_, seen_).str(), {}}));
  if (response.head.status >= 400) return fail(error_from(response.head));
  connected_at_ = session_->clock().now();
  heard_ = false;
  decoder_ = WatchDecoder();
  std::lock_guard lock(mutex_);
  body_ = std::move(response.body);
  if (cancelled_) body_->cancel();
  return {};
}

Result<void> RestWatch::reconnect() {
  // What a watch from "now" has not delivered of the first state cannot be asked for again without
  // repeats.
  if (options_.from.value == 0) return fail(Code::kUnavailable, "the server has ended the watch");
  if (!heard_ && session_->clock().now() - connected_at_ < kShortest)
    return fail(Code::kUnavailable, "the server ended the watch as soon as it began");
  return connect();
}

Result<std::optional<WatchEvent>> RestWatch::next(TimePoint deadline) {
  for (;;) {
    if (auto event = SERIN_TRY(decoder_.next())) {
      heard_ = true;
      ResourceVersion version = event->object.version();
      if (version > seen_) seen_ = version;
      return event;
    }
    std::shared_ptr<net::BodyReader> body;
    {
      std::lock_guard lock(mutex_);
      if (cancelled_) return fail(Code::kUnavailable, "the watch was cancelled");
      body = body_;
    }
    TimePoint now = session_->clock().now();
    auto bytes = body->read(deadline > now ? deadline - now : Duration::zero());
    if (bytes && !*bytes) return std::nullopt;
    if (bytes) {
      decoder_.feed(**bytes);
    } else if (bytes.error().code == Code::kGone) {
      SERIN_TRY(reconnect());
    } else {
      return fail(std::move(bytes).error());
    }
  }
}

void RestWatch::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (body_) body_->cancel();
}

}  // namespace serin::client
