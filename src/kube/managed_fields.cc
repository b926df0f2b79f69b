#include "kube/managed_fields.h"

#include <algorithm>
#include <tuple>

namespace serin::kube {

namespace {
constexpr std::string_view kAncient = "ancient-changes";
}

bool ManagedEntry::is(const ManagedEntry& other) const {
  return manager == other.manager && operation == other.operation && subresource == other.subresource &&
         (applied() || api_version == other.api_version);
}

ManagedFields ManagedFields::of(const json::value& object) {
  ManagedFields managed;
  for (const json::value& entry : json::items(object, "metadata", "managedFields")) {
    const json::value* fields = json::find(entry, "fieldsV1");
    if (!fields || json::get_string(entry, "fieldsType") != "FieldsV1") continue;
    managed.entries_.push_back({std::string(json::get_string(entry, "manager")),
                                std::string(json::get_string(entry, "operation")),
                                std::string(json::get_string(entry, "apiVersion")),
                                std::string(json::get_string(entry, "time")),
                                std::string(json::get_string(entry, "subresource")),
                                FieldSet::from_json(*fields)});
  }
  return managed;
}

void ManagedFields::put_into(json::value& object) const {
  if (entries_.empty()) {
    json::erase(object, {"metadata", "managedFields"});
    return;
  }
  std::vector<const ManagedEntry*> order;
  for (const ManagedEntry& entry : entries_) order.push_back(&entry);
  auto key = [](const ManagedEntry* e) {
    return std::tie(e->operation, e->time, e->manager, e->api_version, e->subresource);
  };
  std::stable_sort(order.begin(), order.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
  json::array list;
  for (const ManagedEntry* entry : order) {
    json::object out{{"manager", entry->manager},
                     {"operation", entry->operation},
                     {"apiVersion", entry->api_version}};
    if (!entry->time.empty()) out["time"] = entry->time;
    out["fieldsType"] = "FieldsV1";
    out["fieldsV1"] = entry->fields.to_json();
    if (!entry->subresource.empty()) out["subresource"] = entry->subresource;
    list.push_back(std::move(out));
  }
  json::ensure_object(object, {"metadata"})["managedFields"] = std::move(list);
}

ManagedEntry* ManagedFields::find(const ManagedEntry& like) {
  auto at = std::find_if(entries_.begin(), entries_.end(), [&](const ManagedEntry& e) { return e.is(like); });
  return at == entries_.end() ? nullptr : &*at;
}

void ManagedFields::tidy() {
  std::erase_if(entries_, [](const ManagedEntry& entry) { return entry.fields.empty(); });
  auto updates = [&] {
    std::vector<ManagedEntry*> found;
    for (ManagedEntry& entry : entries_)
      if (!entry.applied()) found.push_back(&entry);
    std::stable_sort(found.begin(), found.end(), [](auto* a, auto* b) { return a->time < b->time; });
    return found;
  };
  for (auto found = updates(); found.size() > kMaxUpdateEntries; found = updates()) {
    // The two oldest become one.
    ManagedEntry merged = *found[0];
    merged.manager = kAncient;
    merged.subresource.clear();
    merged.time = found[1]->time;
    merged.fields.unite(found[1]->fields);
    ManagedEntry* gone = found[1];
    *found[0] = std::move(merged);
    entries_.erase(entries_.begin() + (gone - entries_.data()));
  }
}

}  // namespace serin::kube
