#include "mesh/translate/resource.h"

#include <algorithm>
#include <set>

namespace serin::mesh {

bool EnvoyResource::carries(const SourceRef& source) const {
  return std::find(sources.begin(), sources.end(), source) != sources.end();
}

const std::vector<ResourceKey>& ResourceSet::carriers(const SourceRef& source) const {
  static const std::vector<ResourceKey> kNone;
  std::call_once(indexed_, [&] {
    for (ResourceType type : kResourceTypes)
      for (const auto& [name, resource] : of(type))
        for (const SourceRef& carried : resource->sources) {
          auto& list = carriers_[carried];
          if (list.empty() || list.back() != ResourceKey{type, name}) list.push_back({type, name});
        }
  });
  auto found = carriers_.find(source);
  return found == carriers_.end() ? kNone : found->second;
}

ResourceChanges changes_between(const ResourceSet* before, const ResourceSet& after) {
  static const std::map<std::string, EnvoyResourcePtr> kNothing;
  ResourceChanges out;
  for (ResourceType type : kResourceTypes) {
    const auto& old = before ? before->of(type) : kNothing;
    const auto& now = after.of(type);
    auto& names = out[static_cast<size_t>(type)];
    auto a = old.begin();
    auto b = now.begin();
    while (a != old.end() || b != now.end()) {
      if (b == now.end() || (a != old.end() && a->first < b->first)) {
        names.push_back((a++)->first);
      } else if (a == old.end() || b->first < a->first) {
        names.push_back((b++)->first);
      } else {
        if (a->second != b->second) names.push_back(a->first);
        ++a, ++b;
      }
    }
  }
  return out;
}

std::vector<SourceRef> differing_sources(const EnvoyResource* before, const EnvoyResource* after) {
  static const std::vector<SourceRef> kNone;
  const auto& a = before ? before->sources : kNone;
  const auto& b = after ? after->sources : kNone;
  std::vector<SourceRef> out;
  if (a.size() == b.size()) {
    // The usual change: one object moves to its next generation in its place.
    size_t differing = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] == b[i]) continue;
      ++differing;
      out.push_back(a[i]);
      out.push_back(b[i]);
    }
    if (differing <= 1) return out;
    out.clear();
  }
  std::set<SourceRef> old(a.begin(), a.end()), now(b.begin(), b.end());
  std::set_symmetric_difference(old.begin(), old.end(), now.begin(), now.end(), std::back_inserter(out));
  return out;
}

}  // namespace serin::mesh
