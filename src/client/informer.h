#pragma once

/// A shared cache of one resource of one cluster: lists once, then watches from the list's revision. A lost
/// watch is taken up again at the last revision seen (bookmarks count), with back-off; one that is too old
/// (410) lists again, and what differs reaches the handlers like any change.
///
/// The cache is never older than its process's own writes: `observe` puts the answer of a write in at once,
/// `observe_removed` hides what was deleted until the watch confirms it. `client::CachedClient` calls both.
/// Handlers hear only what list and watch bring, so each change is heard once.
///
/// Reads are safe from any thread and answer with shared objects. One thread drives it: `run`, or `pump` in a
/// simulation. Handlers are called on that thread, in order, without a lock on the cache.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "client/client.h"
#include "client/controller.h"

namespace serin::client {

struct InformerOptions {
  std::string ns;              ///< empty: all namespaces
  std::string label_selector;  ///< query form
  std::string field_selector;  ///< query form
  /// What is kept of each object beside apiVersion, kind and metadata's name, namespace, uid and resourceVersion: members
  /// ("lastTimestamp") and members of members ("metadata.ownerReferences"). Empty: everything. For followers of very many
  /// objects that look at little of each.
  std::vector<std::string> keep{};
  Backoff reconnect{std::chrono::milliseconds(100), std::chrono::seconds(30), 2};
  auto operator<=>(const InformerOptions& other) const {
    return std::tie(ns, label_selector, field_selector, keep) <=>
           std::tie(other.ns, other.label_selector, other.field_selector, other.keep);
  }
  /// Whether the informer holds all that there is of its resource.
  bool whole() const { return ns.empty() && label_selector.empty() && field_selector.empty() && keep.empty(); }
};

/// For metrics. Counted since construction.
struct InformerStats {
  uint64_t lists = 0, watches = 0, events = 0, errors = 0;
};

class Informer {
 public:
  using IndexFunction = std::function<std::vector<std::string>(const Object&)>;
  /// `old` is null for an addition, `now` for a removal.
  using Handler = std::function<void(const Object* old, const Object* now)>;

  Informer(Client& client, Resource resource, Clock& clock, InformerOptions options = {});
  ~Informer();

  const Resource& resource() const { return resource_; }
  const InformerOptions& options() const { return options_; }

  // ---- reading ----
  std::optional<Object> get(const NamespacedName& key) const;
  /// Sorted by namespace and name. An empty `ns` means all.
  std::vector<Object> list(const std::string& ns = "", const kube::LabelSelector& selector = {}) const;
  /// The objects for which the index's function gave `value`, sorted by namespace and name.
  std::vector<Object> by_index(const std::string& index, const std::string& value) const;
  /// Whether the first list has been read. Before that the cache knows nothing.
  bool synced() const { return synced_; }
  /// The newest revision that list or watch has brought.
  ResourceVersion version() const;
  size_t size() const;
  InformerStats stats() const;

  // ---- setting up; at any time ----
  /// Adding an index again under its name does nothing.
  void add_index(const std::string& name, IndexFunction function);
  /// Objects that are there already are handed to it as additions at once, on the calling thread.
  void add_handler(Handler handler);
  /// Called once when the first list has been read and handled; at once where that has happened.
  void on_synced(std::function<void()> callback);

  // ---- own writes ----
  /// The answer of a write. Ignored where the cache is as new already, and by an informer with a selector or `keep`.
  void observe(const Object& written);
  /// The object with this uid is gone from the store, whatever the cache still hears about it.
  void observe_removed(const NamespacedName& key, std::string_view uid);

  // ---- driving ----
  /// One list, one watch start or one event, without blocking. False where there is nothing to do now.
  bool pump();
  /// When `pump` has something to do again: set while it waits to reconnect.
  std::optional<TimePoint> next_due() const;
  /// Drives it on the calling thread until `stop`.
  void run();
  /// Any thread. It stays readable.
  void stop();

 private:
  struct Entry {
    std::optional<Object> seen;   // as list and watch have it
    std::optional<Object> ahead;  // an own write that the watch has not brought yet
    std::string gone_uid;         // an own delete that the watch has not brought yet
    const Object* visible() const;
  };
  struct Index {
    IndexFunction function;
    std::unordered_map<std::string, std::set<NamespacedName>> keys;
  };
  struct Change {
    std::optional<Object> old, now;
  };

  bool step(TimePoint deadline);
  bool list_all();
  void handle(const WatchEvent& event);
  void retry(const Error& error);
  /// What list or watch says stands under `key`; nullopt: nothing, since revision `version`.
  std::optional<Change> put_seen(const NamespacedName& key, std::optional<Object> object,
                                 ResourceVersion version);
  void change_entry(const NamespacedName& key, const std::function<void(Entry&)>& change);
  void deliver(const std::vector<Change>& changes);

  Client& client_;
  const Resource resource_;
  Clock& clock_;
  const InformerOptions options_;

  mutable std::shared_mutex mutex_;
  std::map<NamespacedName, Entry> entries_;     // guarded by mutex_
  std::map<std::string, Index> indexes_;        // guarded by mutex_
  ResourceVersion version_;                     // guarded by mutex_
  InformerStats stats_;                         // guarded by mutex_

  std::recursive_mutex handlers_mutex_;         // held while handlers run, so that each hears all in order
  std::vector<Handler> handlers_;               // guarded by handlers_mutex_
  std::vector<std::function<void()>> on_synced_;  // guarded by handlers_mutex_

  std::atomic<bool> synced_ = false;
  mutable std::mutex drive_mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;                        // guarded by drive_mutex_
  bool need_list_ = true;                       // driver only
  int failures_ = 0, expiries_ = 0;             // driver only; since the last good answer of a watch
  std::optional<TimePoint> retry_at_;           // guarded by drive_mutex_
  std::shared_ptr<Watch> watch_;                // guarded by drive_mutex_; read by the driver alone
};

}  // namespace serin::client
