#include "mesh/xds/ack_table.h"

namespace serin::mesh {

void AckTable::on_change(Listener listener) {
  std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

void AckTable::notify(const std::set<SourceRef>& changed) {
  if (changed.empty()) return;
  std::vector<Listener> listeners;
  {
    std::lock_guard lock(mutex_);
    listeners = listeners_;
  }
  for (const Listener& listener : listeners) listener(changed);
}

void AckTable::set_translated(const std::set<SourceRef>& sources) {
  std::set<SourceRef> added;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(translated_, [&](const auto& entry) { return !sources.contains(entry.first); });
    for (const SourceRef& source : sources)
      if (translated_.emplace(source, clock_.now()).second) added.insert(source);
  }
  notify(added);
}

void AckTable::report(const std::string& proxy, const std::map<SourceRef, Progress>& changed) {
  std::set<SourceRef> told;
  {
    std::lock_guard lock(mutex_);
    auto& known = by_proxy_[proxy];
    for (const auto& [source, progress] : changed) {
      auto found = known.find(source);
      if (found == known.end() ? !progress.subscribed : found->second == progress) continue;
      told.insert(source);
      if (progress.subscribed) known[source] = progress;
      else known.erase(found);
    }
  }
  notify(told);
}

void AckTable::disconnect(const std::string& proxy) {
  std::set<SourceRef> changed;
  {
    std::lock_guard lock(mutex_);
    auto known = by_proxy_.find(proxy);
    if (known == by_proxy_.end()) return;
    for (const auto& [source, progress] : known->second) changed.insert(source);
    by_proxy_.erase(known);
  }
  notify(changed);
}

std::optional<Acknowledgement> AckTable::of(const SourceRef& source) const {
  std::lock_guard lock(mutex_);
  auto translated = translated_.find(source);
  if (translated == translated_.end()) return std::nullopt;
  Acknowledgement out;
  out.since = translated->second;
  out.settled = settled_;
  for (const auto& [proxy, progress] : by_proxy_) {
    auto found = progress.find(source);
    if (found == progress.end() || !found->second.subscribed) continue;
    ++out.subscribed;
    if (!found->second.rejection.empty()) out.rejections.push_back(proxy + ": " + found->second.rejection);
    else if (found->second.acked) ++out.acked;
    else out.lagging.push_back(proxy);
  }
  return out;
}

size_t AckTable::proxies() const {
  std::lock_guard lock(mutex_);
  return by_proxy_.size();
}

}  // namespace serin::mesh
