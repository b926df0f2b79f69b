#include "kube/scale_fields.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/managed_fields.h"

namespace serin::kube {
namespace {

constexpr std::string_view kScaleVersion = "autoscaling/v1";

FieldSet set_of(const std::vector<std::string>& path) {
  FieldSet set;
  FieldSet* at = &set;
  for (const std::string& name : path) at = &at->children[concat("f:", name)];
  at->self = true;
  return set;
}

bool owns(const FieldSet& fields, const FieldSet& leaf) { return !fields.intersect(leaf).empty(); }

bool same_writer(const ManagedEntry& a, const ManagedEntry& b) {
  return a.manager == b.manager && a.operation == b.operation && a.subresource == b.subresource;
}

}  // namespace

void add_scale_managed_fields(json::value& scale, const json::value& parent, const std::vector<std::string>& path) {
  const FieldSet leaf = set_of(path);
  ManagedFields managed = ManagedFields::of(parent);
  std::erase_if(managed.entries(), [&](const ManagedEntry& entry) { return !owns(entry.fields, leaf); });
  for (ManagedEntry& entry : managed.entries()) {
    entry.api_version = kScaleVersion;
    entry.fields = set_of({"spec", "replicas"});
  }
  managed.put_into(scale);
}

void take_scale_managed_fields(json::value& parent, const json::value& scale, const std::vector<std::string>& path) {
  const FieldSet leaf = set_of(path), scale_leaf = set_of({"spec", "replicas"});
  ManagedFields managed = ManagedFields::of(parent);
  const std::string api_version(json::get_string(parent, "apiVersion"));
  for (ManagedEntry& entry : managed.entries()) entry.fields.subtract(leaf);
  ManagedFields owners = ManagedFields::of(scale);
  for (ManagedEntry& owner : owners.entries()) {
    if (!owns(owner.fields, scale_leaf)) continue;
    auto& entries = managed.entries();
    auto known = std::find_if(entries.begin(), entries.end(), [&](const ManagedEntry& e) { return same_writer(e, owner); });
    if (known != entries.end()) {
      known->fields.unite(leaf);
      continue;
    }
    owner.api_version = api_version;
    owner.fields = leaf;
    entries.push_back(std::move(owner));
  }
  managed.tidy();
  managed.put_into(parent);
}

}  // namespace serin::kube
