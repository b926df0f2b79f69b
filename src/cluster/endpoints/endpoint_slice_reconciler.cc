#include "cluster/endpoints/endpoint_slice_reconciler.h"

#include "base/strings.h"
#include "client/write.h"
#include "cluster/endpoints/endpoint_slice_planner.h"
#include "kube/resources.h"

namespace serin::cluster {

using kube::Object;

EndpointSliceReconciler::EndpointSliceReconciler(client::CachedClient& client, client::Informer& services,
                                                 client::Informer& pods, client::Informer& slices)
    : client_(client), services_(services), pods_(pods), slices_(slices) {}

Result<client::Again> EndpointSliceReconciler::reconcile(const client::Key& key) {
  std::optional<Object> service = services_.get(key.name);
  // Slices of a Service that is gone go by their owner reference.
  if (!service) return client::Again{};
  kube::LabelSelector selector = kube::LabelSelector::from_map(json::find(service->doc(), "spec", "selector"));
  EndpointSliceObserved observed{*service, pods_.list(key.name.ns, selector),
                                 slices_.by_index(kServiceIndex, key.name.str())};
  for (const client::Write& write : plan(observed)) {
    Result<Object> done = execute(client_, write);
    if (!done && client::namespace_terminating(done.error())) return client::Again{};
    if (!done && done.error().code != Code::kNotFound) return fail(done.error());
  }
  return client::Again{};
}

std::vector<std::string> service_index(const Object& slice) {
  return {concat(slice.ns(), "/", slice.label(kServiceNameLabel))};
}

client::MapFunction services_of_pod(const client::Informer& services, std::string cluster) {
  return [&services, cluster = std::move(cluster)](const Object* old, const Object* now) {
    std::vector<client::Key> keys;
    std::string ns((now ? now : old)->ns());
    for (const Object& service : services.list(ns)) {
      kube::LabelSelector selector = kube::LabelSelector::from_map(json::find(service.doc(), "spec", "selector"));
      auto selects = [&](const Object* pod) {
        return pod && selector.matches(json::find(pod->doc(), "metadata", "labels"));
      };
      if (selects(old) || selects(now)) keys.push_back({cluster, service.key()});
    }
    return keys;
  };
}

client::MapFunction service_of_slice(std::string cluster) {
  return [cluster = std::move(cluster)](const Object* old, const Object* now) {
    const Object& slice = *(now ? now : old);
    std::string name(slice.label(kServiceNameLabel));
    if (name.empty()) return std::vector<client::Key>{};
    return std::vector<client::Key>{{cluster, {std::string(slice.ns()), name}}};
  };
}

}  // namespace serin::cluster
