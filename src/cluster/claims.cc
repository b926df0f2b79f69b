#include "cluster/claims.h"

#include "base/strings.h"

namespace serin::cluster {
namespace {

/// Lists are replaced whole by a merge patch, so it holds only for the version that was read.
client::Write set_owners(const kube::Resource& resource, const Object& object, json::array owners,
                         std::optional<json::array> finalizers, std::string why) {
  json::object metadata{{"resourceVersion", object.version().str()}, {"ownerReferences", std::move(owners)}};
  if (finalizers) metadata["finalizers"] = *std::move(finalizers);
  return client::merge_patch(resource, object.key(), json::object{{"metadata", std::move(metadata)}}, std::move(why));
}

/// The object's finalizers with or without one; nullopt where that is how they are.
std::optional<json::array> finalizers_with(const Object& object, std::string_view finalizer, bool present) {
  if (finalizer.empty() || object.has_finalizer(finalizer) == present) return std::nullopt;
  json::array finalizers;
  for (const json::value& each : json::items(object.doc(), "metadata", "finalizers"))
    if (json::as_string(&each) != finalizer) finalizers.push_back(each);
  if (present) finalizers.emplace_back(finalizer);
  return finalizers;
}

}  // namespace

Claims claim(const Object& owner, const kube::LabelSelector& selector, const kube::Resource& resource,
             const std::vector<Object>& candidates, std::string_view finalizer) {
  Claims claims;
  for (const Object& object : candidates) {
    bool selected = selector.matches(json::find(object.doc(), "metadata", "labels"));
    json::array owners = json::items(object.doc(), "metadata", "ownerReferences");
    if (std::optional<kube::OwnerReference> controller = object.controller()) {
      if (controller->uid != owner.uid()) continue;
      if (selected || owner.deleting()) {
        claims.owned.push_back(object);
        continue;
      }
      json::array others;
      for (const json::value& reference : owners)
        if (json::get_string(reference, "uid") != owner.uid()) others.push_back(reference);
      claims.release.push_back(set_owners(resource, object, std::move(others), finalizers_with(object, finalizer, false),
                                           "let go of " + object.describe()));
    } else if (selected && !owner.deleting() && !object.deleting()) {
      owners.push_back(kube::controller_reference(owner));
      claims.adopt.push_back(set_owners(resource, object, std::move(owners), finalizers_with(object, finalizer, true),
                                        "adopt " + object.describe()));
      claims.owned.push_back(object);
    }
  }
  return claims;
}

std::vector<std::string> controller_index(const Object& object) {
  std::optional<kube::OwnerReference> controller = object.controller();
  return {controller ? controller->uid : orphans_of(object.ns())};
}

std::string orphans_of(std::string_view ns) { return concat("orphans/", ns); }

}  // namespace serin::cluster
