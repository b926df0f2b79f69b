#include "gitops/comparison.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"
#include "gitops/sync/tracking.h"
#include "kube/resources.h"

namespace serin::gitops {
namespace {

using client::Client;
using kube::Object;
using sync::Compared;
using sync::ResourceKey;

/// Resources that a scan for tracked objects passes by: nobody keeps them in Git, and there are many.
bool worth_scanning(const kube::Resource& resource) {
  static const std::set<std::string> kPassed{"events", "endpoints", "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io",
                                             "replicasets.apps", "events.events.k8s.io", "applications.argoproj.io"};
  return !kPassed.contains(resource.group_resource());
}

/// Kinds to resources, each asked for once. An unknown kind is an empty resource.
class Kinds {
 public:
  explicit Kinds(Client& cluster) : cluster_(cluster) {}
  Result<kube::Resource> find(const kube::GroupVersionKind& gvk) {
    auto known = known_.find(gvk);
    if (known != known_.end()) return known->second;
    Result<kube::Resource> found = cluster_.resource_for(gvk);
    if (!found && found.error().code != Code::kNotFound) return found;
    return known_[gvk] = found ? *found : kube::Resource{};
  }

 private:
  Client& cluster_;
  std::map<kube::GroupVersionKind, kube::Resource> known_;
};

/// Whether a kind that the cluster doesn't serve yet will have a namespace, by the CRD that comes with it.
bool namespaced_by_definition(const render::Manifests& manifests, const kube::GroupVersionKind& gvk) {
  for (const render::Manifest& manifest : manifests) {
    const json::value& doc = manifest.object.doc();
    if (manifest.object.kind() == "CustomResourceDefinition" && json::get_string(doc, "spec", "group") == gvk.group &&
        json::get_string(doc, "spec", "names", "kind") == gvk.kind)
      return json::get_string(doc, "spec", "scope") != "Cluster";
  }
  return true;
}

/// A manifest as it is applied: with a namespace where its kind has one, tracked, without status.
Object target(const Object& manifest, bool namespaced, const std::string& ns, const std::string& application, const std::string& revision) {
  return manifest.edit([&](json::value& doc) {
    if (!namespaced) json::erase(doc, {"metadata", "namespace"});
    else if (manifest.ns().empty() && !ns.empty()) json::set(doc, {"metadata", "namespace"}, json::value(ns));
    if (manifest.name().empty()) {
      // Each run of a sync gets an object of its own; one revision is one run.
      json::set(doc, {"metadata", "name"}, json::value(concat(json::get_string(doc, "metadata", "generateName"), revision.substr(0, 7))));
      json::erase(doc, {"metadata", "generateName"});
    }
    json::erase(doc, {"status"});
    for (std::string_view field : {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"})
      json::erase(doc, {"metadata", field});
    json::set(doc, {"metadata", "annotations", sync::kTrackingId}, json::value(sync::tracking_id(application, Object(doc), ns)));
  });
}

Result<Object> live_or_empty(Client& cluster, const kube::Resource& resource, const kube::NamespacedName& name) {
  if (resource.plural.empty()) return Object();
  Result<Object> live = cluster.get(resource, name);
  if (!live && live.error().code == Code::kNotFound) return Object();
  return live;
}

Result<std::vector<Object>> all_rollouts(Client& cluster, const std::vector<Compared>& resources) {
  std::vector<Object> rollouts;
  for (const Compared& resource : resources)
    if (resource.desired.kind() == "Rollout" && resource.desired.gvk().group == "argoproj.io") rollouts.push_back(resource.desired);
  Result<kube::ObjectList> live = cluster.list(kube::kRollouts);
  if (!live && live.error().code != Code::kNotFound) return fail(live.error());
  if (live) rollouts.insert(rollouts.end(), live->items.begin(), live->items.end());
  return rollouts;
}

}  // namespace

bool Comparison::out_of_sync() const {
  return std::any_of(resources.begin(), resources.end(), [](const Compared& resource) {
    if (resource.hook || !resource.out_of_sync()) return false;
    std::string_view options = resource.live.annotation("argocd.argoproj.io/compare-options");
    return !(resource.prunable() && options.find("IgnoreExtraneous") != std::string_view::npos);
  });
}

Result<Comparison> Comparer::compare(const Application& app, Client& cluster, const std::string& commit,
                                     const std::vector<std::pair<ResourceKey, std::string>>& inventory, bool scan) {
  Comparison out;
  out.revision = commit;
  std::shared_ptr<source::Repository> repository = SERIN_TRY(repositories_.open(app.source.repo_url));
  std::shared_ptr<const render::Manifests> manifests = SERIN_TRY(cache_.render(*repository, commit, app.source.path, app.source.selection));

  std::string application = app.tracking_name(home_);
  Kinds kinds(cluster);
  std::map<ResourceKey, size_t> seen;
  for (const render::Manifest& manifest : *manifests) {
    kube::GroupVersionKind gvk = manifest.object.gvk();
    Compared compared;
    compared.resource = SERIN_TRY(kinds.find(gvk));
    bool namespaced = compared.resource.plural.empty() ? namespaced_by_definition(*manifests, gvk) : compared.resource.namespaced;
    compared.desired = target(manifest.object, namespaced, app.ns, application, commit);
    compared.hook = sync::is_hook(compared.desired);
    ResourceKey key = sync::key_of(compared.desired);
    auto [at, fresh] = seen.emplace(key, out.resources.size());
    if (fresh) {
      out.resources.push_back(std::move(compared));
    } else {
      out.warnings.push_back({"RepeatedResourceWarning", concat("Resource ", key.str(), " appears more than once; the one in ", manifest.file, ":",
                                                                manifest.line, " counts")});
      out.resources[at->second] = std::move(compared);
    }
  }
  out.owned = diff::ownership(SERIN_TRY(all_rollouts(cluster, out.resources)));
  for (Compared& resource : out.resources) {
    resource.live = SERIN_TRY(live_or_empty(cluster, resource.resource, resource.desired.key()));
    if (resource.live.empty()) continue;
    resource.health = health::assess(resource.live);
    if (resource.hook) continue;
    if (std::optional<std::string> owner = sync::tracked_by(resource.live); owner && *owner != application)
      out.warnings.push_back({"SharedResourceWarning", concat(sync::key_of(resource.live).str(), " is part of applications ", application, " and ", *owner)});
    resource.desired = diff::merge_runtime_owned(resource.desired, resource.live, out.owned);
    resource.changes = diff::compare(resource.desired, resource.live);
  }
  for (Compared& extra : SERIN_TRY(tracked(app, cluster, inventory, scan))) {
    if (seen.contains(sync::key_of(extra.live)) || sync::is_hook(extra.live)) continue;
    out.resources.push_back(std::move(extra));
  }
  return out;
}

Result<std::vector<Compared>> Comparer::tracked(const Application& app, Client& cluster,
                                                const std::vector<std::pair<ResourceKey, std::string>>& inventory, bool scan) {
  std::string application = app.tracking_name(home_);
  std::map<ResourceKey, Compared> found;
  auto add = [&](const kube::Resource& resource, const Object& live) {
    if (sync::tracked_by(live) != application) return;
    Compared compared;
    compared.resource = resource;
    compared.live = live;
    compared.health = health::assess(live);
    found.emplace(sync::key_of(live), std::move(compared));
  };
  Kinds kinds(cluster);
  for (const auto& [key, version] : inventory) {
    kube::Resource resource = SERIN_TRY(kinds.find({key.group, version, key.kind}));
    Object live = SERIN_TRY(live_or_empty(cluster, resource, {resource.namespaced ? key.ns : "", key.name}));
    if (!live.empty()) add(resource, live);
  }
  if (scan) {
    for (const kube::Resource& resource : SERIN_TRY(cluster.resources())) {
      if (!worth_scanning(resource)) continue;
      Result<kube::ObjectList> list = cluster.list(resource);
      if (!list && list.error().code != Code::kNotFound && list.error().code != Code::kMethodNotAllowed) return fail(list.error());
      if (!list) continue;
      for (const Object& live : list->items) add(resource, live);
    }
  }
  std::vector<Compared> out;
  for (auto& [key, compared] : found) out.push_back(std::move(compared));
  return out;
}

std::vector<std::pair<ResourceKey, std::string>> inventory_of(const Object& application) {
  std::vector<std::pair<ResourceKey, std::string>> inventory;
  std::set<ResourceKey> seen;
  auto add = [&](const json::array& list) {
    for (const json::value& item : list) {
      auto text = [&](std::string_view name) { return std::string(json::get_string(item, name)); };
      ResourceKey key{text("group"), text("kind"), text("namespace"), text("name")};
      if (seen.insert(key).second) inventory.emplace_back(key, text("version"));
    }
  };
  add(json::items(application.doc(), "status", "resources"));
  add(json::items(application.doc(), "status", "operationState", "syncResult", "resources"));
  return inventory;
}

}  // namespace serin::gitops
