#include "apiserver/rest/watcher.h"

namespace serin::apiserver {

using Type = client::WatchEvent::Type;

Result<std::unique_ptr<Watcher>> Watcher::open(const Rest& rest, const Target& target,
                                               const WatcherOptions& options, std::function<void()> wake) {
  Selection selection = SERIN_TRY(
      Selection::parse(*target.resource, target.name.ns, options.label_selector, options.field_selector));
  std::unique_ptr<Watcher> watcher(new Watcher(rest, std::move(selection)));
  if (options.from) {
    watcher->start_ = *options.from;
  } else {
    ListQuery query;
    query.ns = watcher->selection_.ns();
    Listing listing = SERIN_TRY(rest.store().list(target.collection(), query));
    for (EntryPtr& entry : listing.entries)
      if (watcher->selection_.matches(entry, rest.cache())) watcher->initial_.push_back(std::move(entry));
    watcher->start_ = listing.revision;
  }
  watcher->subscription_ =
      SERIN_TRY(rest.store().watch(target.collection(), watcher->start_, std::move(wake)));
  return watcher;
}

std::optional<Delta> Watcher::seen_by(const Event& event) const {
  bool before = event.previous && selection_.matches(event.previous, rest_.cache());
  bool after = event.entry && selection_.matches(event.entry, rest_.cache());
  if (after) return Delta{before ? Type::kModified : Type::kAdded, event.entry, event.revision};
  if (before) return Delta{Type::kDeleted, event.previous, event.revision};
  return std::nullopt;
}

Result<Watcher::Batch> Watcher::poll(size_t limit) {
  Batch batch;
  while (next_ < initial_.size() && batch.deltas.size() < limit) {
    EntryPtr entry = std::move(initial_[next_++]);
    Revision revision = entry->revision;
    batch.deltas.push_back({Type::kAdded, std::move(entry), revision, true});
  }
  if (next_ < initial_.size()) {
    batch.more = true;
    return batch;
  }
  initial_ = {};
  next_ = 0;
  batch.initial_done = true;
  batch.seen = start_;
  if (batch.deltas.size() >= limit) {
    batch.more = true;
    return batch;
  }
  Subscription::Batch events = SERIN_TRY(subscription_->poll(limit - batch.deltas.size()));
  for (const auto& event : events.events)
    if (auto delta = seen_by(*event)) batch.deltas.push_back(*std::move(delta));
  batch.more = !events.events.empty();
  batch.seen = start_ = events.seen;
  return batch;
}

}  // namespace serin::apiserver
