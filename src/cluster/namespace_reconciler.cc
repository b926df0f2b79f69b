#include "cluster/namespace_reconciler.h"

#include "base/strings.h"
#include "client/write.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using kube::Object;

constexpr char kFinalizer[] = "kubernetes";

bool finalized(const Object& space) {
  for (const json::value& finalizer : json::items(space.doc(), "spec", "finalizers"))
    if (json::as_string(&finalizer) == kFinalizer) return false;
  return true;
}

/// "pods has 2 resource instances, services has 1 resource instances"
std::string counts(const std::map<std::string, size_t>& numbers, std::string_view what) {
  std::vector<std::string> parts;
  for (const auto& [name, number] : numbers) parts.push_back(concat(name, " ", what, " ", number, " resource instances"));
  return join(parts, ", ");
}

}  // namespace

NamespaceReconciler::NamespaceReconciler(client::CachedClient& client, client::Informer& namespaces, Clock& clock)
    : client_(client), namespaces_(namespaces), clock_(clock) {}

Result<void> NamespaceReconciler::empty(const client::Resource& resource, const std::string& ns, Remains& remains) {
  client::Client& live = client_.live();
  client::ObjectList present = SERIN_TRY(live.list(resource, {ns}));
  for (const Object& object : present.items) {
    if (!object.deleting()) {
      client::DeleteOptions options;
      options.uid = object.uid();
      options.propagation = "Background";
      Result<void> removed = live.remove(resource, object.key(), options);
      if (!removed && removed.error().code != Code::kNotFound && removed.error().code != Code::kConflict)
        return removed;
    }
  }
  if (present.items.empty()) return {};
  present = SERIN_TRY(live.list(resource, {ns}));
  if (!present.items.empty()) remains.objects[resource.group_resource()] = present.items.size();
  for (const Object& object : present.items)
    for (const json::value& finalizer : json::items(object.doc(), "metadata", "finalizers"))
      ++remains.finalizers[std::string(json::as_string(&finalizer))];
  return {};
}

Result<void> NamespaceReconciler::show(const Object& space, const Remains& remains) {
  json::value status = json::object{{"phase", "Terminating"},
                                    {"conditions", json::items(space.doc(), "status", "conditions")}};
  auto set = [&](std::string_view type, bool holds, std::string_view reason, const std::string& message,
                 std::string_view fine_reason, std::string_view fine) {
    kube::set_condition(status, type, holds ? "True" : "False", holds ? reason : fine_reason, holds ? message : fine, clock_.now());
  };
  auto said = [](const std::optional<Error>& error) { return error ? error->message : ""; };
  set("NamespaceDeletionDiscoveryFailure", remains.discovery.has_value(), "DiscoveryFailed",
      concat("Discovery failed for some groups: ", said(remains.discovery)), "ResourcesDiscovered",
      "All resources successfully discovered");
  set("NamespaceDeletionGroupVersionParsingFailure", false, "", "", "ParsedGroupVersions",
      "All legacy kube types successfully parsed");
  set("NamespaceDeletionContentFailure", remains.content.has_value(), "ContentDeletionFailed",
      concat("Failed to delete all resource types: ", said(remains.content)), "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization");
  set("NamespaceContentRemaining", !remains.objects.empty(), "SomeResourcesRemain",
      concat("Some resources are remaining: ", counts(remains.objects, "has")), "ContentRemoved",
      "All content successfully removed");
  set("NamespaceFinalizersRemaining", !remains.finalizers.empty(), "SomeFinalizersRemain",
      concat("Some content in the namespace has finalizers remaining: ", counts(remains.finalizers, "in")),
      "ContentHasNoFinalizers", "All content-preserving finalizers finished");
  const json::value* live = json::find(space.doc(), "status", "conditions");
  if (live && *live == *json::find(status, "conditions") &&
      json::get_string(space.doc(), "status", "phase") == "Terminating")
    return {};
  SERIN_TRY(execute(client_, client::patch_status(kube::kNamespaces, space.key(), status, "what is left")));
  return {};
}

void NamespaceReconciler::empty_all(const std::string& ns, Remains& remains) {
  Result<void> pods = empty(kube::kPods, ns, remains);
  if (!pods) remains.content = pods.error();
  if (!pods || !remains.objects.empty()) return;
  Result<std::vector<client::Resource>> resources = client_.resources();
  if (!resources) {
    remains.discovery = resources.error();
    return;
  }
  // One resource that fails does not keep the others.
  for (const client::Resource& resource : *resources) {
    if (!resource.namespaced || resource.group_resource() == kube::kPods.group_resource()) continue;
    Result<void> emptied = empty(resource, ns, remains);
    if (!emptied && !remains.content) remains.content = emptied.error();
  }
}

Result<client::Again> NamespaceReconciler::reconcile(const client::Key& key) {
  std::optional<Object> space = namespaces_.get(key.name);
  if (!space || !space->deleting() || finalized(*space)) return client::Again{};
  Remains remains;
  const std::string& ns = key.name.name;
  empty_all(ns, remains);
  const std::optional<Error>& failure = remains.discovery ? remains.discovery : remains.content;
  if (failure || !remains.objects.empty()) SERIN_TRY(show(*space, remains));
  if (failure) return fail(*failure);
  if (!remains.objects.empty()) return client::Again{kLookAgain};
  Object live = SERIN_TRY(client_.live().get(kube::kNamespaces, key.name));
  Object released = live.edit([](json::value& doc) {
    json::array kept;
    for (const json::value& finalizer : json::items(doc, "spec", "finalizers"))
      if (json::as_string(&finalizer) != kFinalizer) kept.push_back(finalizer);
    json::set(doc, {"spec", "finalizers"}, std::move(kept));
  });
  client::WriteOptions options;
  options.subresource = "finalize";
  Result<Object> done = client_.live().update(kube::kNamespaces, released, options);
  if (!done && done.error().code != Code::kNotFound) return fail(done.error());
  return client::Again{};
}

}  // namespace serin::cluster
