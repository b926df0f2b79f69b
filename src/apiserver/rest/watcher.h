#pragma once

/// A watch of one resource through a selection: the store's events turned into what this watcher sees. An object
/// that enters the selection is added, one that leaves it is deleted. One reader.

#include <memory>
#include <vector>

#include "apiserver/rest/rest.h"
#include "apiserver/rest/selection.h"

namespace serin::apiserver {

/// One thing that happened, as this watcher sees it.
struct Delta {
  client::WatchEvent::Type type;
  EntryPtr entry;         ///< the state to show
  Revision revision = 0;  ///< the resourceVersion to show it under
  bool initial = false;   ///< part of the state at the start
};

struct WatcherOptions {
  std::string label_selector, field_selector;
  /// Events after this revision; nullopt: first the current state as additions.
  std::optional<Revision> from;
};

class Watcher {
 public:
  /// `wake` as in Store::watch. kExpired where `from` is too old, kTimeout where it is yet to come.
  static Result<std::unique_ptr<Watcher>> open(const Rest&, const Target&, const WatcherOptions&,
                                               std::function<void()> wake);

  struct Batch {
    std::vector<Delta> deltas;
    Revision seen = 0;      ///< everything up to here has been handed out
    bool more = false;      ///< poll again
    bool initial_done = false;  ///< the initial state has been handed out in full
  };
  Result<Batch> poll(size_t limit);

 private:
  Watcher(const Rest& rest, Selection selection) : rest_(rest), selection_(std::move(selection)) {}
  std::optional<Delta> seen_by(const Event&) const;

  const Rest& rest_;
  Selection selection_;
  std::vector<EntryPtr> initial_;  // from next_ on; empty once handed out
  size_t next_ = 0;
  Revision start_ = 0;
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace serin::apiserver
