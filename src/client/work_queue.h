#pragma once

/// The queue of one controller: keyed, deduplicating, delayed, with back-off per key. A key that is added while
/// it is being worked on waits until it is done, then runs again: the same key is never out twice. Safe from
/// any thread.

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "client/controller.h"

namespace serin::client {

/// For metrics. Counted since construction, `depth`, `delayed` and `out` as of now.
struct QueueStats {
  uint64_t added = 0, taken = 0, retried = 0;
  size_t depth = 0, delayed = 0, out = 0;
};

class WorkQueue {
 public:
  explicit WorkQueue(Clock& clock, Backoff backoff = {}) : clock_(clock), backoff_(backoff) {}

  void add(const Key& key);
  /// Once `delay` has passed. The earliest time of a key counts.
  void add_after(const Key& key, Duration delay);
  /// After the key's back-off, at least `at_least`; each call makes the next wait longer.
  void retry(const Key& key, Duration at_least = {});
  /// Forgets the key's failures.
  void forget(const Key& key);

  /// The next key, waiting for one; nullopt after `shut_down`. Ends the key's timer.
  std::optional<Key> take();
  /// The `pick`th (modulo their number) of the keys that are ready now, without waiting.
  std::optional<Key> try_take(uint64_t pick);
  /// Every key taken is handed back here.
  void done(const Key& key);

  bool ready() const;
  /// When the next delayed key is due; the present where one is ready.
  std::optional<TimePoint> next_due() const;
  void shut_down();
  QueueStats stats() const;

 private:
  void add_locked(const Key& key);
  void promote_locked(TimePoint now);
  Key out_locked(std::deque<Key>::iterator at);

  Clock& clock_;
  const Backoff backoff_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::deque<Key> queue_;
  std::unordered_set<Key> dirty_;  // waiting: in queue_, or out and to run again
  std::unordered_set<Key> out_;
  std::set<std::pair<TimePoint, Key>> delayed_;
  std::unordered_map<Key, TimePoint> due_;  // the delayed keys' times
  std::unordered_map<Key, int> failures_;
  bool shut_down_ = false;
  QueueStats stats_;
};

}  // namespace serin::client
