#include "cluster/endpoints/endpoints_reconciler.h"

#include "base/strings.h"
#include "cluster/endpoints/endpoint_slice_reconciler.h"
#include "cluster/endpoints/endpoints_planner.h"
#include "cluster/endpoints/mirror_planner.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Again;
using kube::Object;

/// What is gone already or cannot come any more is no failure.
Result<Again> carry_out(client::Client& client, const std::vector<client::Write>& writes) {
  for (const client::Write& write : writes) {
    Result<Object> done = execute(client, write);
    if (!done && client::namespace_terminating(done.error())) return Again{};
    if (!done && done.error().code != Code::kNotFound) return fail(done.error());
  }
  return Again{};
}

}  // namespace

EndpointsReconciler::EndpointsReconciler(client::CachedClient& client, client::Informer& services, client::Informer& pods,
                                         client::Informer& endpoints)
    : client_(client), services_(services), pods_(pods), endpoints_(endpoints) {}

Result<Again> EndpointsReconciler::reconcile(const client::Key& key) {
  std::optional<Object> service = services_.get(key.name);
  std::optional<Object> endpoints = endpoints_.get(key.name);
  if (!service) {
    if (!endpoints || endpoints->has_annotation(kLeaderAnnotation)) return Again{};
    client::DeleteOptions options;
    options.uid = endpoints->uid();
    return carry_out(client_, {client::remove(kube::kEndpoints, key.name, "its Service is gone", options)});
  }
  kube::LabelSelector selector = kube::LabelSelector::from_map(json::find(service->doc(), "spec", "selector"));
  std::optional<client::Write> write = plan(EndpointsObserved{*service, pods_.list(key.name.ns, selector), endpoints});
  return write ? carry_out(client_, {*write}) : Again{};
}

EndpointMirrorReconciler::EndpointMirrorReconciler(client::CachedClient& client, client::Informer& services,
                                                   client::Informer& endpoints, client::Informer& slices)
    : client_(client), services_(services), endpoints_(endpoints), slices_(slices) {}

Result<Again> EndpointMirrorReconciler::reconcile(const client::Key& key) {
  return carry_out(client_, plan(MirrorObserved{services_.get(key.name), endpoints_.get(key.name),
                                                slices_.by_index(kServiceIndex, key.name.str())}));
}

client::MapFunction service_of_endpoints(std::string cluster) {
  return [cluster = std::move(cluster)](const Object* old, const Object* now) {
    const Object& endpoints = *(now ? now : old);
    if (endpoints.label(kEndpointsManagedByLabel) != kEndpointsManagedBy) return std::vector<client::Key>{};
    return std::vector<client::Key>{{cluster, endpoints.key()}};
  };
}

}  // namespace serin::cluster
