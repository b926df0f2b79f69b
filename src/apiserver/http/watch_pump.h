#pragma once

/// Feeds HTTP watches. One thread takes the events of all of them, serialises each once per representation and
/// hands the shared bytes to the connections. A watch holds a position in the store's history, not a queue: while
/// its connection is slow it is left behind, and when it falls out of the history it is ended with a 410.

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "apiserver/http/representation.h"
#include "apiserver/http/request_info.h"
#include "apiserver/rest/watcher.h"
#include "net/http_server.h"

namespace serin::apiserver {

struct WatchRequest {
  Target target;
  Representation as;
  WatcherOptions options;
  bool bookmarks = false;
  bool initial_bookmark = false;  ///< sendInitialEvents: a bookmark ends the initial state
  Duration timeout;
};

class WatchPump {
 public:
  struct Options {
    Duration bookmark_interval;
    size_t max_backlog_bytes;
  };
  WatchPump(const Rest& rest, Options options);
  ~WatchPump();  ///< drops every watch

  /// Answers through `responder`, now or later.
  void start(WatchRequest request, std::unique_ptr<net::Responder> responder, const RequestInfo& info);

 private:
  struct Session;
  using SessionPtr = std::shared_ptr<Session>;
  /// Sessions with something to do; outlives the pump where connections still hold it.
  struct Signals {
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::weak_ptr<Session>> ready;  // guarded by mutex
    bool stopping = false;                      // guarded by mutex
    /// Nothing where the session is among them already.
    void raise(const std::weak_ptr<Session>&);
  };

  void run();
  /// False when the watch has ended.
  bool advance(Session&, TimePoint now);
  bool pass_deadlines(Session&, TimePoint now);
  /// Ends a watch with an error that is told in the stream; false.
  static bool end_with(Session&, const Error&);
  static bool send_bookmark(Session&, bool ends_initial_events);
  /// Whether `pass_deadlines` would find anything to do.
  static bool is_due(Session&, TimePoint now);
  Result<net::SharedBytes> encoded(Session&, const Delta&);

  const Rest& rest_;
  Options options_;
  std::shared_ptr<Signals> signals_ = std::make_shared<Signals>();

  std::mutex sessions_mutex_;
  std::set<SessionPtr> sessions_;  // guarded by sessions_mutex_

  // The latest serialised events. Used by the thread alone, as `representations_`.
  struct Encoding {
    Revision revision;
    client::WatchEvent::Type type;
    size_t representation;  ///< a number that stands for API version and representation
    auto operator<=>(const Encoding&) const = default;
  };
  std::map<Encoding, net::SharedBytes> cache_;
  std::deque<Encoding> cache_order_;
  std::map<std::string, size_t> representations_;  // from 1

  std::thread thread_;
};

}  // namespace serin::apiserver
