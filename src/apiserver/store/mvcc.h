#pragma once

/// The in-memory state behind both engines: versions of every object, the event history, and who watches.
/// Not locked; `MvccStore` does that.

#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "apiserver/store/store.h"

namespace serin::apiserver {

class MvccSubscription;

/// One collection: objects by namespace and name, each with the versions that history still needs.
struct MvccTable {
  struct Version {
    Revision revision;
    EntryPtr entry;  ///< null: deleted
  };
  std::map<NamespacedName, std::vector<Version>> objects;
  std::deque<std::shared_ptr<const Event>> events;
  Revision floor = 0;  ///< events up to here are gone
  size_t live = 0;
};

class Mvcc {
 public:
  explicit Mvcc(HistoryBounds bounds) : bounds_(bounds) {}

  /// Puts back one object at start-up. `finish_load` follows the last.
  void load(const Collection&, EntryPtr);
  void finish_load(Revision revision);

  EntryPtr get(const Collection&, const NamespacedName&) const;
  Result<Listing> list(const Collection&, const ListQuery&) const;
  /// Makes one operation's result visible.
  void apply(const Collection&, const EntryPtr& entry, bool deleted, TimePoint now);
  /// Drops history beyond the bounds.
  void compact(TimePoint now);

  Result<Subscription::Batch> poll(const Collection&, Revision& cursor, size_t limit) const;
  Result<void> check_start(const Collection&, Revision from) const;

  Revision revision() const { return revision_; }
  const std::map<Collection, MvccTable>& tables() const { return tables_; }

 private:
  struct Remembered {
    TimePoint at;
    MvccTable* table;
    NamespacedName name;
    size_t bytes;
  };
  void forget(const Remembered&);

  HistoryBounds bounds_;
  Revision revision_ = 0;
  Revision loaded_ = 0;  ///< the revision at start-up: older events are gone
  std::map<Collection, MvccTable> tables_;
  std::deque<Remembered> history_;
  size_t history_bytes_ = 0;
};

}  // namespace serin::apiserver
