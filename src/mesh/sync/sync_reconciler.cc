#include "mesh/sync/sync_reconciler.h"

#include <algorithm>

#include "kube/resources.h"

namespace serin::mesh {
namespace {

Result<std::optional<kube::Object>> get_optional(client::Client& client, const client::Resource& resource,
                                                 const kube::NamespacedName& name) {
  Result<kube::Object> found = client.get(resource, name);
  if (failed_with(found, Code::kNotFound)) return std::optional<kube::Object>();
  if (!found) return fail(std::move(found).error());
  return std::optional(*std::move(found));
}

}  // namespace

SyncReconciler::SyncReconciler(client::ClusterSet& clusters, client::Client& hub, client::Resource resource,
                               std::string mesh_name, Clock& clock)
    : clusters_(clusters), hub_(hub), resource_(std::move(resource)), mesh_name_(std::move(mesh_name)), clock_(clock) {}

Result<client::Again> SyncReconciler::reconcile(const client::Key& key) {
  SyncObserved observed{resource_, key.name, {}, {}, true, {}};
  if (auto mesh = SERIN_TRY(get_optional(hub_, kube::kMeshes, {"", mesh_name_}))) observed.mesh = MeshSpec::read(*mesh);
  client::Client& hosted = *SERIN_TRY(clusters_.cluster(observed.mesh.hosted));
  observed.hosted = SERIN_TRY(get_optional(hosted, resource_, key.name));
  if (!observed.hosted)
    observed.hosted_namespace =
        SERIN_TRY(get_optional(hosted, kube::kNamespaces, {"", key.name.ns})).has_value();
  // In the order in which they win. A cluster that does not answer holds up only what it might decide.
  std::vector<std::string> order = observed.mesh.synchronise;
  for (const std::string& member : observed.mesh.members)
    if (std::find(order.begin(), order.end(), member) == order.end()) order.push_back(member);
  std::optional<Error> unreachable;
  for (const std::string& cluster : order) {
    auto read = [&]() -> Result<std::optional<kube::Object>> {
      return get_optional(*SERIN_TRY(clusters_.cluster(cluster)), resource_, key.name);
    };
    Result<std::optional<kube::Object>> object = read();
    if (object && *object) observed.in_clusters.emplace(cluster, **object);
    if (object) continue;
    const auto& listed = observed.mesh.synchronise;
    bool decides = std::find(listed.begin(), listed.end(), cluster) != listed.end() && observed.in_clusters.empty();
    if (decides) return fail(std::move(object).error());
    unreachable = std::move(object).error();
  }
  SyncDecision decision = plan(observed, clock_.now());
  for (const client::Write& write : decision.hosted) {
    Result<kube::Object> done = client::execute(hosted, write);
    // The namespace is shared by controllers of several resources: whoever comes second finds it made.
    bool made = failed_with(done, Code::kAlreadyExists) && write.resource == kube::kNamespaces;
    if (!done && !made) return fail(std::move(done).error());
  }
  for (const auto& [cluster, writes] : decision.clusters)
    SERIN_TRY(client::execute(*SERIN_TRY(clusters_.cluster(cluster)), writes));
  if (unreachable) return fail(*std::move(unreachable));
  return client::Again{};
}

}  // namespace serin::mesh
