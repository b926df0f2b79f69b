#pragma once

/// Where API objects live: a multi-version map from (cluster, resource, namespace, name) to serialized objects.
///
/// Every write gets one revision from one strictly increasing, server-wide sequence that survives restarts;
/// the first write of a new store is revision 1. A write is answered, and seen by reads and watches, only after
/// it is durable. Reads are served from memory and see one consistent state; old states stay readable, and old
/// events watchable, as far back as the history bounds say (kExpired beyond that).
///
/// Engines: `memory_store` is fully synchronous and keeps nothing; `open_sqlite_store` keeps everything in one
/// SQLite file with group commit on a thread of its own. One contract test suite runs against both.
///
/// Safe from any thread. After a storage error the store answers reads and refuses writes (kUnavailable);
/// `health` says why.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "data/json.h"
#include "kube/types.h"

namespace serin::apiserver {

using kube::NamespacedName;
using Revision = uint64_t;

/// All objects of one resource in one logical cluster.
struct Collection {
  std::string cluster;
  std::string group_resource;  ///< "rollouts.argoproj.io", "pods"
  auto operator<=>(const Collection&) const = default;
};

/// One object as of one revision. Immutable.
struct Entry {
  Revision revision = 0;
  NamespacedName name;
  std::string bytes;   ///< the JSON text, without metadata.resourceVersion
  json::value labels;  ///< metadata.labels, or null
};
using EntryPtr = std::shared_ptr<const Entry>;

/// What a revision changed.
struct Event {
  Revision revision = 0;
  EntryPtr entry;     ///< the new state; null for a deletion
  EntryPtr previous;  ///< the state before; null for a creation
};

/// One part of a transaction.
struct Operation {
  Collection collection;
  NamespacedName name;
  std::optional<std::string> bytes;  ///< nullopt: delete
  json::value labels;
  Revision expected = 0;  ///< the revision the object must be at; 0: it must not exist
};

/// Something a transaction relies on but does not write.
struct Guard {
  Collection collection;
  NamespacedName name;
  Revision expected = 0;
};

/// All or nothing. Each operation gets a revision of its own.
struct Transaction {
  std::vector<Operation> operations;
  std::vector<Guard> guards;
  /// Called once the transaction is durable and before anybody can see it, in commit order. Must not call the
  /// store.
  std::function<void()> before_visible;
};

/// The entries written, one per operation; for a deletion the last state, under the revision of the deletion.
using Committed = std::vector<EntryPtr>;
/// kConflict: an expectation did not hold. kUnavailable: the store is read-only.
using OnCommitted = std::function<void(Result<Committed>)>;

struct ListQuery {
  std::optional<std::string> ns;  ///< nullopt: all namespaces
  std::optional<std::string> name;  ///< only this one; needs `ns`
  Revision at = 0;                ///< 0: now
  std::optional<NamespacedName> after;  ///< only what follows it in order of namespace and name
  size_t limit = 0;               ///< 0: everything
};

struct Listing {
  std::vector<EntryPtr> entries;  ///< in order of namespace and name
  Revision revision = 0;          ///< the state they are from
  bool more = false;              ///< cut at the limit
  size_t remaining = 0;           ///< how many follow the last one
};

/// A position in a collection's stream of events. One reader; any thread.
class Subscription {
 public:
  virtual ~Subscription() = default;
  struct Batch {
    std::vector<std::shared_ptr<const Event>> events;
    Revision seen = 0;  ///< every event up to here has been handed out
  };
  /// At most `limit` events that follow the last ones, in order; none where nothing is new. kExpired where the
  /// reader has fallen out of the history.
  virtual Result<Batch> poll(size_t limit) = 0;
};

struct HistoryBounds {
  size_t max_events = 100'000;
  size_t max_bytes = 64 << 20;
  Duration max_age = std::chrono::minutes(15);
  size_t min_events = 2'000;  ///< kept whatever their age
};

class Store {
 public:
  virtual ~Store() = default;

  /// Null where there is no such object.
  virtual EntryPtr get(const Collection&, const NamespacedName&) const = 0;
  /// kExpired for a state that is gone, kTimeout for one that is not there yet.
  virtual Result<Listing> list(const Collection&, const ListQuery&) const = 0;
  /// The collections of a cluster that hold or held objects.
  virtual std::vector<Collection> collections(const std::string& cluster) const = 0;
  /// The names of all clusters that have objects.
  virtual std::vector<std::string> clusters() const = 0;
  virtual Revision revision() const = 0;
  virtual Result<void> health() const = 0;

  /// `done` is called exactly once: by the synchronous engine before this returns, else on a thread of the store's,
  /// which it must not hold up.
  virtual void commit(Transaction, OnCommitted done) = 0;
  /// Blocks until the answer is there. Never from within `done`.
  Result<Committed> commit_and_wait(Transaction transaction);

  /// Events after `from`. `wake` is called, from any thread and without locks held, whenever there may be
  /// something to poll; it must be short.
  virtual Result<std::unique_ptr<Subscription>> watch(const Collection&, Revision from,
                                                      std::function<void()> wake) = 0;
};

/// An engine without a disk: synchronous, for simulation and tests.
std::unique_ptr<Store> memory_store(const Clock& clock, HistoryBounds = {});

/// Opens or makes `<directory>/serin.db`. Errors say what to do: kForbidden for a directory that cannot be
/// written, kConflict where another process has it open, kInvalid for a file that is damaged, foreign or newer.
/// `log_pages`: how long the write-ahead log gets (in pages of 4 KiB) before it is folded into the file.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& directory, const Clock& clock, HistoryBounds = {},
                                                 int log_pages = 2000);

}  // namespace serin::apiserver
