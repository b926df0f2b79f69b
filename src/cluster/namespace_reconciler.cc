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
  bool content = !remains.objects.empty(), finalizers = !remains.finalizers.empty();
  kube::set_condition(status, "NamespaceContentRemaining", content ? "True" : "False",
                      content ? "SomeResourcesRemain" : "ContentRemoved",
                      content ? concat("Some resources are remaining: ", counts(remains.objects, "has"))
                              : "All content successfully removed",
                      clock_.now());
  kube::set_condition(status, "NamespaceFinalizersRemaining", finalizers ? "True" : "False",
                      finalizers ? "SomeFinalizersRemain" : "ContentHasNoFinalizers",
                      finalizers ? concat("Some content in the namespace has finalizers remaining: ",
                                          counts(remains.finalizers, "in"))
                                 : "All content-preserving finalizers finished",
                      clock_.now());
  const json::value* live = json::find(space.doc(), "status", "conditions");
  if (live && *live == *json::find(status, "conditions") &&
      json::get_string(space.doc(), "status", "phase") == "Terminating")
    return {};
  SERIN_TRY(execute(client_, client::patch_status(kube::kNamespaces, space.key(), status, "what is left")));
  return {};
}

Result<client::Again> NamespaceReconciler::reconcile(const client::Key& key) {
  std::optional<Object> space = namespaces_.get(key.name);
  if (!space || !space->deleting() || finalized(*space)) return client::Again{};
  Remains remains;
  const std::string& ns = key.name.name;
  SERIN_TRY(empty(kube::kPods, ns, remains));
  if (remains.objects.empty()) {
    std::vector<client::Resource> resources = SERIN_TRY(client_.resources());
    for (const client::Resource& resource : resources)
      if (resource.namespaced && resource.group_resource() != kube::kPods.group_resource())
        SERIN_TRY(empty(resource, ns, remains));
  }
  if (!remains.objects.empty()) {
    SERIN_TRY(show(*space, remains));
    return client::Again{kLookAgain};
  }
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
