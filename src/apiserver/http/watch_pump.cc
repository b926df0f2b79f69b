#include "apiserver/http/watch_pump.h"

#include <algorithm>
#include <atomic>

#include "apiserver/http/status.h"
#include "base/strings.h"
#include "kube/protobuf.h"

namespace serin::apiserver {
namespace {

constexpr size_t kPollLimit = 64;
constexpr size_t kCachedEvents = 512;
constexpr Duration kTick = std::chrono::milliseconds(500);  ///< how late a bookmark or time-out may be

using Type = client::WatchEvent::Type;

std::string error_event(const Representation& as, const Error& error, const RequestInfo& info) {
  json::value status = status_of(error, info);
  bool wire = as.encoding == Representation::Encoding::kProtobuf;
  return event_bytes(as, "ERROR", wire ? kube::protobuf_from_object(status).value() : json::dump(status));
}

net::Response stream_head(const Representation& as) {
  net::Response response;
  response.headers.set("Content-Type", as.stream_content_type());
  return response;
}

std::string_view type_text(Type type) {
  switch (type) {
    case Type::kAdded: return "ADDED";
    case Type::kModified: return "MODIFIED";
    case Type::kDeleted: return "DELETED";
    case Type::kBookmark: break;
  }
  return "BOOKMARK";
}

}  // namespace

struct WatchPump::Session {
  WatchRequest request;
  RequestInfo info;
  ObjectWriter writer;
  std::unique_ptr<Watcher> watcher;
  std::shared_ptr<net::BodyStream> stream;
  std::atomic<bool> closed{false};
  std::atomic<bool> raised{false};  ///< stands in Signals::ready
  std::atomic<bool> behind{false};  ///< waits until what has been sent is gone
  TimePoint ends{}, next_bookmark{};
  Revision seen = 0;
  size_t representation = 0;              ///< see `Encoding`; 0: not asked for yet
  const Catalog* catalog = nullptr;       ///< in which the resource was last seen; only compared
  bool started = false;            ///< something has been sent: a Table has had its columns
  bool initial_sent = false;

  Session(const Rest& rest, WatchRequest r, RequestInfo i)
      : request(std::move(r)), info(std::move(i)), writer(rest, request.target, request.as) {}
  void send(net::SharedBytes bytes) {
    started = true;
    if (!stream->write(std::move(bytes))) closed = true;
  }
  void send(std::string text) { send(std::make_shared<const std::string>(std::move(text))); }
};

void WatchPump::Signals::raise(const std::weak_ptr<Session>& session) {
  if (auto alive = session.lock(); !alive || alive->raised.exchange(true)) return;
  {
    std::lock_guard lock(mutex);
    ready.push_back(session);
  }
  wake.notify_one();
}

WatchPump::WatchPump(const Rest& rest, Options options) : rest_(rest), options_(options) {
  thread_ = std::thread([this] { run(); });
}

WatchPump::~WatchPump() {
  {
    std::lock_guard lock(signals_->mutex);
    signals_->stopping = true;
  }
  signals_->wake.notify_all();
  thread_.join();
  std::lock_guard lock(sessions_mutex_);
  for (const SessionPtr& session : sessions_) session->stream->abort();
}

void WatchPump::start(WatchRequest request, std::unique_ptr<net::Responder> responder, const RequestInfo& info) {
  auto session = std::make_shared<Session>(rest_, std::move(request), info);
  std::weak_ptr<Session> weak = session;
  auto opened = Watcher::open(rest_, session->request.target, session->request.options,
                              [signals = signals_, weak] { signals->raise(weak); });
  if (!opened) {
    // A start that is too old is told in the stream, as clients expect.
    if (opened.error().code != Code::kExpired) return responder->send(error_response(opened.error(), info));
    net::Response response = stream_head(session->request.as);
    response.body = error_event(session->request.as, opened.error(), info);
    return responder->send(std::move(response));
  }
  session->watcher = *std::move(opened);
  TimePoint now = rest_.clock().now();
  session->ends = now + session->request.timeout;
  session->next_bookmark = now + options_.bookmark_interval;
  session->stream = responder->stream(stream_head(session->request.as));
  session->stream->on_drained([signals = signals_, weak] {
    if (auto alive = weak.lock(); alive && alive->behind.exchange(false)) signals->raise(weak);
  });
  session->stream->on_closed([signals = signals_, weak] {
    if (auto alive = weak.lock()) alive->closed = true;
    signals->raise(weak);
  });
  {
    std::lock_guard lock(sessions_mutex_);
    sessions_.insert(session);
  }
  signals_->raise(weak);
}

void WatchPump::run() {
  TimePoint next_tick = rest_.clock().now() + kTick;
  for (;;) {
    std::vector<std::weak_ptr<Session>> ready;
    {
      std::unique_lock lock(signals_->mutex);
      auto something = [&] { return signals_->stopping || !signals_->ready.empty(); };
      rest_.clock().wait_until(lock, signals_->wake, next_tick, something);
      if (signals_->stopping) return;
      ready.swap(signals_->ready);
    }
    TimePoint now = rest_.clock().now();
    std::vector<SessionPtr> ended;
    for (const auto& weak : ready) {
      SessionPtr session = weak.lock();
      if (!session) continue;
      session->raised = false;  // what comes from here on raises it again
      {
        std::lock_guard lock(sessions_mutex_);
        if (!sessions_.contains(session)) continue;  // not started yet, or over
      }
      if (!advance(*session, now)) ended.push_back(std::move(session));
    }
    if (now >= next_tick) {
      next_tick = now + kTick;
      std::vector<SessionPtr> due;
      {
        std::lock_guard lock(sessions_mutex_);
        for (const SessionPtr& session : sessions_)
          if (is_due(*session, now)) due.push_back(session);
      }
      for (SessionPtr& session : due)
        if (!pass_deadlines(*session, now)) ended.push_back(std::move(session));
    }
    std::lock_guard lock(sessions_mutex_);
    for (const SessionPtr& session : ended) sessions_.erase(session);
  }
}

bool WatchPump::end_with(Session& session, const Error& error) {
  session.send(error_event(session.request.as, error, session.info));
  session.stream->finish();
  return false;
}

bool WatchPump::send_bookmark(Session& session, bool ends_initial_events) {
  auto bookmark = session.writer.bookmark(session.seen, ends_initial_events);
  if (!bookmark) return end_with(session, bookmark.error());
  session.send(event_bytes(session.request.as, "BOOKMARK", *bookmark));
  return true;
}

bool WatchPump::advance(Session& session, TimePoint now) {
  while (!session.closed && session.stream->pending() < options_.max_backlog_bytes) {
    auto batch = session.watcher->poll(kPollLimit);
    if (!batch) return end_with(session, batch.error());
    for (const Delta& delta : batch->deltas) {
      auto event = encoded(session, delta);
      if (!event) return end_with(session, event.error());
      session.send(*std::move(event));
    }
    if (batch->initial_done) {
      session.seen = batch->seen;
      if (!session.initial_sent && session.request.initial_bookmark && !send_bookmark(session, true)) return false;
      session.initial_sent = true;
    }
    if (!batch->deltas.empty()) session.next_bookmark = now + options_.bookmark_interval;
    if (!batch->more) return !session.closed;
  }
  if (session.closed) return false;
  session.behind = true;
  if (session.stream->pending() == 0 && session.behind.exchange(false)) return advance(session, now);
  return !session.closed;
}

bool WatchPump::is_due(Session& session, TimePoint now) {
  const Catalog* catalog = session.request.target.cluster->catalog().get();
  bool changed = std::exchange(session.catalog, catalog) != catalog;
  return changed || session.closed || now >= session.ends || (session.request.bookmarks && now >= session.next_bookmark);
}

bool WatchPump::pass_deadlines(Session& session, TimePoint now) {
  if (session.closed) return false;
  const Target& target = session.request.target;
  const kube::Resource& r = target.resource->resource();
  bool over = now >= session.ends || !target.cluster->catalog()->find(r.group, r.version, r.plural);
  if (session.request.bookmarks && session.initial_sent && (over || now >= session.next_bookmark)) {
    // Everything up to here has been looked at, also what this watch does not select.
    if (!advance(session, now)) return false;
    if (!send_bookmark(session, false)) return false;
    session.next_bookmark = now + options_.bookmark_interval;
  }
  if (over) session.stream->finish();
  return !over;
}

Result<net::SharedBytes> WatchPump::encoded(Session& session, const Delta& delta) {
  bool first_table_row = !session.started && session.request.as.form == Representation::Form::kTable;
  auto encode = [&]() -> Result<net::SharedBytes> {
    std::string object = SERIN_TRY(session.writer.event_object(delta.entry, delta.revision, first_table_row));
    return std::make_shared<const std::string>(event_bytes(session.request.as, type_text(delta.type), object));
  };
  if (first_table_row || delta.initial) return encode();
  if (session.representation == 0)
    session.representation =
        representations_.try_emplace(concat(session.request.target.api_version(), '/', session.request.target.kind(), '/', session.request.as.key()),
                                     representations_.size() + 1).first->second;
  // A revision is one event of one object.
  Encoding key{delta.revision, delta.type, session.representation};
  auto found = cache_.find(key);
  if (found != cache_.end()) return found->second;
  net::SharedBytes bytes = SERIN_TRY(encode());
  cache_.emplace(key, bytes);
  cache_order_.push_back(key);
  if (cache_order_.size() > kCachedEvents) {
    cache_.erase(cache_order_.front());
    cache_order_.pop_front();
  }
  return bytes;
}

}  // namespace serin::apiserver
