#include "apiserver/store/mvcc.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

Error expired(Revision asked, Revision oldest) {
  return {Code::kExpired, concat("too old resource version: ", asked, " (", oldest, ")")};
}

/// The version of an object that a reader at `at` sees; null where there is none.
const EntryPtr* visible(const std::vector<MvccTable::Version>& versions, Revision at) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it)
    if (it->revision <= at) return it->entry ? &it->entry : nullptr;
  return nullptr;
}

}  // namespace

void Mvcc::load(const Collection& collection, EntryPtr entry) {
  MvccTable& table = tables_[collection];
  Revision revision = entry->revision;
  NamespacedName name = entry->name;
  table.objects[std::move(name)].push_back({revision, std::move(entry)});
  ++table.live;
}

void Mvcc::finish_load(Revision revision) {
  revision_ = loaded_ = revision;
  for (auto& [collection, table] : tables_) table.floor = revision;
}

EntryPtr Mvcc::get(const Collection& collection, const NamespacedName& name) const {
  auto table = tables_.find(collection);
  if (table == tables_.end()) return nullptr;
  auto found = table->second.objects.find(name);
  return found == table->second.objects.end() ? nullptr : found->second.back().entry;
}

Result<Listing> Mvcc::list(const Collection& collection, const ListQuery& query) const {
  Listing listing;
  listing.revision = query.at == 0 ? revision_ : query.at;
  if (query.at > revision_)
    return fail(Code::kTimeout, concat("Too large resource version: ", query.at, ", current: ", revision_));
  auto found = tables_.find(collection);
  if (query.at != 0) {
    Revision floor = found == tables_.end() ? loaded_ : found->second.floor;
    if (query.at < floor) return fail(expired(query.at, floor));
  }
  if (found == tables_.end()) return listing;
  const MvccTable& table = found->second;
  if (query.name) {
    auto one = table.objects.find({query.ns.value_or(""), *query.name});
    if (one != table.objects.end())
      if (const EntryPtr* entry = visible(one->second, listing.revision)) listing.entries.push_back(*entry);
    return listing;
  }
  auto it = table.objects.begin();
  if (query.after) it = table.objects.upper_bound(*query.after);
  else if (query.ns) it = table.objects.lower_bound({*query.ns, ""});
  if (query.ns && query.after && query.after->ns < *query.ns) it = table.objects.lower_bound({*query.ns, ""});
  for (; it != table.objects.end(); ++it) {
    if (query.ns && it->first.ns != *query.ns) break;
    const EntryPtr* entry = visible(it->second, listing.revision);
    if (!entry) continue;
    if (query.limit != 0 && listing.entries.size() == query.limit) {
      listing.more = true;
      ++listing.remaining;
      continue;
    }
    listing.entries.push_back(*entry);
  }
  return listing;
}

void Mvcc::apply(const Collection& collection, const EntryPtr& entry, bool deleted, TimePoint now) {
  MvccTable& table = tables_.try_emplace(collection).first->second;
  if (table.objects.empty() && table.events.empty() && table.floor < loaded_) table.floor = loaded_;
  auto& versions = table.objects[entry->name];
  EntryPtr previous = versions.empty() ? nullptr : versions.back().entry;
  revision_ = entry->revision;
  versions.push_back({entry->revision, deleted ? nullptr : entry});
  if (deleted && previous) --table.live;
  if (!deleted && !previous) ++table.live;
  size_t bytes = entry->bytes.size() + 200;
  table.events.push_back(std::make_shared<const Event>(
      Event{entry->revision, deleted ? nullptr : entry, std::move(previous)}));
  history_.push_back({now, &table, entry->name, bytes});
  history_bytes_ += bytes;
}

void Mvcc::compact(TimePoint now) {
  while (!history_.empty()) {
    bool over = history_.size() > bounds_.max_events || history_bytes_ > bounds_.max_bytes;
    bool old = history_.size() > bounds_.min_events && now - history_.front().at > bounds_.max_age;
    if (!over && !old) return;
    forget(history_.front());
    history_bytes_ -= history_.front().bytes;
    history_.pop_front();
  }
}

void Mvcc::forget(const Remembered& oldest) {
  MvccTable& table = *oldest.table;
  table.floor = table.events.front()->revision;
  table.events.pop_front();
  auto found = table.objects.find(oldest.name);
  if (found == table.objects.end()) return;
  auto& versions = found->second;
  // A version is needed as long as a reader at or above the floor can see it.
  while (versions.size() > 1 && versions[1].revision <= table.floor) versions.erase(versions.begin());
  if (versions.size() == 1 && !versions[0].entry && versions[0].revision <= table.floor)
    table.objects.erase(found);
}

Result<void> Mvcc::check_start(const Collection& collection, Revision from) const {
  if (from > revision_)
    return fail(Code::kTimeout, concat("Too large resource version: ", from, ", current: ", revision_));
  auto found = tables_.find(collection);
  Revision floor = found == tables_.end() ? loaded_ : found->second.floor;
  if (from < floor) return fail(expired(from, floor));
  return {};
}

Result<Subscription::Batch> Mvcc::poll(const Collection& collection, Revision& cursor,
                                       size_t limit) const {
  Subscription::Batch batch;
  batch.seen = revision_;
  auto found = tables_.find(collection);
  if (found != tables_.end()) {
    const MvccTable& table = found->second;
    if (cursor < table.floor) return fail(expired(cursor, table.floor));
    auto it = std::upper_bound(table.events.begin(), table.events.end(), cursor,
                               [](Revision at, const auto& event) { return at < event->revision; });
    for (; it != table.events.end() && batch.events.size() < limit; ++it) batch.events.push_back(*it);
    if (it != table.events.end() && !batch.events.empty()) batch.seen = batch.events.back()->revision;
  }
  cursor = batch.seen;
  return batch;
}

}  // namespace serin::apiserver
