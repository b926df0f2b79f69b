#include "cluster/controllers.h"

#include <algorithm>

#include "base/strings.h"
#include "cluster/claims.h"
#include "cluster/deployment_reconciler.h"
#include "cluster/disruption/budget_reconciler.h"
#include "cluster/endpoints/endpoint_slice_reconciler.h"
#include "cluster/endpoints/endpoints_reconciler.h"
#include "cluster/event_expiry.h"
#include "cluster/garbage_collector.h"
#include "cluster/job/job_reconciler.h"
#include "cluster/namespace_defaults.h"
#include "cluster/namespace_reconciler.h"
#include "cluster/replica_set_reconciler.h"
#include "cluster/nodes/node_health_reconciler.h"
#include "cluster/nodes/scheduler.h"
#include "cluster/service_address_reconciler.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Controller;
using client::Informer;
using client::Key;
using client::Manager;
using kube::Object;

/// One cluster's manager, client and informers, by short names.
struct Wiring {
  Manager& manager;
  client::Client& api;
  const ClusterOptions& options;
  const std::string& cluster;

  Informer& informer(const kube::Resource& resource) const { return manager.informer(cluster, api, resource); }
  client::CachedClient& client() const { return manager.client(cluster, api); }
  Clock& clock() const { return manager.clock(); }
  Controller& add(std::string name, std::unique_ptr<client::Reconciler> reconciler, int workers = 0) const {
    return manager.add_controller({std::move(name), workers ? workers : options.workers}, std::move(reconciler));
  }
  void own(Controller& controller, Informer& watched) const {
    manager.watch(controller, watched, client::own_key(cluster));
  }
};

/// Ownerless dependents concern every owner of their namespace that selects them.
client::MapFunction adopters(const Informer& owners, std::string cluster) {
  return [&owners, cluster = std::move(cluster)](const Object* old, const Object* now) {
    std::vector<Key> keys;
    const Object& object = *(now ? now : old);
    if (object.controller() || object.deleting()) return keys;
    for (const Object& owner : owners.list(std::string(object.ns()))) {
      auto selector = kube::LabelSelector::from_object(json::find(owner.doc(), "spec", "selector"));
      if (selector && selector->matches(json::find(object.doc(), "metadata", "labels")))
        keys.push_back({cluster, owner.key()});
    }
    return keys;
  };
}

void add_replica_set(const Wiring& wiring) {
  Informer& sets = wiring.informer(kube::kReplicaSets);
  Informer& pods = wiring.informer(kube::kPods);
  sets.add_index(kControllerIndex, controller_index);
  pods.add_index(kControllerIndex, controller_index);
  Controller& controller = wiring.add(
      "replicaset", std::make_unique<ReplicaSetReconciler>(wiring.client(), sets, pods, wiring.clock()));
  wiring.own(controller, sets);
  wiring.manager.watch(controller, pods, client::controller_owner(kube::kReplicaSets, wiring.cluster));
  wiring.manager.watch(controller, pods, adopters(sets, wiring.cluster));
}

void add_deployment(const Wiring& wiring) {
  Informer& deployments = wiring.informer(kube::kDeployments);
  Informer& sets = wiring.informer(kube::kReplicaSets);
  Informer& pods = wiring.informer(kube::kPods);
  sets.add_index(kControllerIndex, controller_index);
  pods.add_index(kControllerIndex, controller_index);
  Controller& controller = wiring.add("deployment", std::make_unique<DeploymentReconciler>(
                                                        wiring.client(), deployments, sets, pods, wiring.clock()));
  wiring.own(controller, deployments);
  wiring.manager.watch(controller, sets, client::controller_owner(kube::kDeployments, wiring.cluster));
  wiring.manager.watch(controller, sets, adopters(deployments, wiring.cluster));
  // Recreate waits for the last pod of an old set to be gone.
  wiring.manager.watch(controller, pods, [&sets, cluster = wiring.cluster](const Object* old, const Object* now) {
    std::vector<Key> keys;
    if (now || !old) return keys;
    auto owner = old->controller();
    if (!owner || owner->kind != kube::kReplicaSets.kind) return keys;
    if (auto set = sets.get({std::string(old->ns()), owner->name}))
      if (auto deployment = set->controller(); deployment && deployment->kind == kube::kDeployments.kind)
        keys.push_back({cluster, {std::string(old->ns()), deployment->name}});
    return keys;
  });
}

void add_job(const Wiring& wiring) {
  Informer& jobs = wiring.informer(kube::kJobs);
  Informer& pods = wiring.informer(kube::kPods);
  pods.add_index(kControllerIndex, controller_index);
  pods.add_index(kTrackedIndex, tracked_index);
  Controller& controller =
      wiring.add("job", std::make_unique<JobReconciler>(wiring.client(), jobs, pods, wiring.clock()));
  wiring.own(controller, jobs);
  wiring.manager.watch(controller, pods, client::controller_owner(kube::kJobs, wiring.cluster));
  wiring.manager.watch(controller, pods, job_of_tracked(wiring.cluster));
  wiring.manager.watch(controller, pods, adopters(jobs, wiring.cluster));
}

void add_disruption(const Wiring& wiring) {
  Informer& budgets = wiring.informer(kube::kPodDisruptionBudgets);
  Informer& pods = wiring.informer(kube::kPods);
  Controller& controller =
      wiring.add("disruption", std::make_unique<BudgetReconciler>(wiring.client(), budgets, pods, wiring.clock()));
  wiring.own(controller, budgets);
  wiring.manager.watch(controller, pods, budgets_of_pod(budgets, wiring.cluster));
  // They say how many pods there should be.
  wiring.manager.require(controller, wiring.informer(kube::kReplicaSets));
  wiring.manager.require(controller, wiring.informer(kube::kDeployments));
}

void add_endpoint_slice(const Wiring& wiring) {
  Informer& services = wiring.informer(kube::kServices);
  Informer& pods = wiring.informer(kube::kPods);
  Informer& slices = wiring.informer(kube::kEndpointSlices);
  slices.add_index(kServiceIndex, service_index);
  Controller& controller = wiring.add(
      "endpointslice", std::make_unique<EndpointSliceReconciler>(wiring.client(), services, pods, slices));
  wiring.own(controller, services);
  wiring.manager.watch(controller, pods, services_of_pod(services, wiring.cluster));
  wiring.manager.watch(controller, slices, service_of_slice(wiring.cluster));
}

void add_endpoints(const Wiring& wiring) {
  Informer& services = wiring.informer(kube::kServices);
  Informer& pods = wiring.informer(kube::kPods);
  Informer& endpoints = wiring.informer(kube::kEndpoints);
  Controller& controller = wiring.add(
      "endpoints", std::make_unique<EndpointsReconciler>(wiring.client(), services, pods, endpoints));
  wiring.own(controller, services);
  wiring.manager.watch(controller, pods, services_of_pod(services, wiring.cluster));
  wiring.manager.watch(controller, endpoints, service_of_endpoints(wiring.cluster));
}

void add_endpoint_mirror(const Wiring& wiring) {
  Informer& services = wiring.informer(kube::kServices);
  Informer& endpoints = wiring.informer(kube::kEndpoints);
  Informer& slices = wiring.informer(kube::kEndpointSlices);
  slices.add_index(kServiceIndex, service_index);
  Controller& controller = wiring.add(
      "endpointslice-mirroring", std::make_unique<EndpointMirrorReconciler>(wiring.client(), services, endpoints, slices), 1);
  wiring.own(controller, services);
  wiring.own(controller, endpoints);
  wiring.manager.watch(controller, slices, service_of_slice(wiring.cluster));
}

void add_service_address(const Wiring& wiring) {
  Informer& services = wiring.informer(kube::kServices);
  Controller& controller = wiring.add(
      "service-address",
      std::make_unique<ServiceAddressReconciler>(wiring.client(), services, wiring.clock(),
                                                 ServiceAddressAllocator(wiring.options.number)),
      1);
  wiring.own(controller, services);
}

void add_scheduler(const Wiring& wiring) {
  Informer& pods = wiring.informer(kube::kPods);
  Informer& nodes = wiring.informer(kube::kNodes);
  pods.add_index(kNodeIndex, node_index);
  Controller& controller =
      wiring.add("scheduler", std::make_unique<SchedulerReconciler>(wiring.client(), pods, nodes, wiring.clock()));
  wiring.manager.watch(controller, pods, [cluster = wiring.cluster](const Object*, const Object* now) {
    std::vector<Key> keys;
    if (now && (waits_for_node(*now) || gated(*now))) keys.push_back({cluster, now->key()});
    return keys;
  });
  // A pod that goes makes room.
  wiring.manager.watch(controller, pods, [&pods, cluster = wiring.cluster](const Object*, const Object* now) {
    std::vector<Key> keys;
    if (!now)
      for (const Object& pod : pods.by_index(kNodeIndex, "")) keys.push_back({cluster, pod.key()});
    return keys;
  });
  wiring.manager.watch(controller, nodes, [&pods, cluster = wiring.cluster](const Object*, const Object* now) {
    std::vector<Key> keys;
    if (now)
      for (const Object& pod : pods.by_index(kNodeIndex, "")) keys.push_back({cluster, pod.key()});
    return keys;
  });
}

void add_node_lifecycle(const Wiring& wiring) {
  Informer& nodes = wiring.informer(kube::kNodes);
  Informer& pods = wiring.informer(kube::kPods);
  client::InformerOptions of_nodes;
  of_nodes.ns = kLeaseNamespace;
  Informer& leases = wiring.manager.informer(wiring.cluster, wiring.api, kube::kLeases, of_nodes);
  pods.add_index(kNodeIndex, node_index);
  Controller& controller = wiring.add(
      "node-lifecycle", std::make_unique<NodeHealthReconciler>(wiring.client(), nodes, leases, pods, wiring.clock()), 1);
  wiring.own(controller, nodes);
  wiring.manager.watch(controller, leases, node_of_lease(wiring.cluster));
  wiring.manager.require(controller, pods);
}

void add_namespace(const Wiring& wiring) {
  Informer& namespaces = wiring.informer(kube::kNamespaces);
  Controller& controller = wiring.add(
      "namespace", std::make_unique<NamespaceReconciler>(wiring.client(), namespaces, wiring.clock()));
  wiring.own(controller, namespaces);
}

void add_namespace_defaults(const Wiring& wiring) {
  Controller& controller = wiring.add(
      "namespace-defaults", std::make_unique<NamespaceDefaultsReconciler>(wiring.client(), wiring.options.ca_pem));
  wiring.own(controller, wiring.informer(kube::kNamespaces));
  wiring.manager.watch(controller, wiring.informer(kube::kServiceAccounts),
                       namespace_of(kDefaultServiceAccount, wiring.cluster));
  wiring.manager.watch(controller, wiring.informer(kube::kConfigMaps), namespace_of(kRootCaConfigMap, wiring.cluster));
}

Result<void> add_garbage_collector(const Wiring& wiring) {
  auto reconciler = std::make_unique<GarbageCollector>(wiring.manager, wiring.api, wiring.cluster);
  GarbageCollector& collector = *reconciler;
  Controller& controller = wiring.add("garbage-collector", std::move(reconciler));
  collector.set_controller(controller);
  SERIN_TRY(collector.follow());
  Controller& served = wiring.add("served-resources", std::make_unique<ServedResourcesReconciler>(collector), 1);
  wiring.own(served, wiring.informer(kube::kCustomResourceDefinitions));
  return {};
}

void add_event_expiry(const Wiring& wiring) {
  Informer& events = wiring.informer(kube::kEvents);
  Controller& controller = wiring.add(
      "event-expiry",
      std::make_unique<EventExpiryReconciler>(wiring.client(), events, wiring.clock(), wiring.options.event_ttl), 1);
  wiring.own(controller, events);
}

}  // namespace

const std::vector<std::string>& controller_names() {
  static const std::vector<std::string> kNames{
      "replicaset", "deployment", "job", "disruption", "endpointslice", "endpoints", "endpointslice-mirroring",
      "service-address", "scheduler", "node-lifecycle", "namespace", "namespace-defaults", "garbage-collector", "event-expiry"};
  return kNames;
}

Result<void> add_controllers(Manager& manager, client::Client& api, const ClusterOptions& options,
                             const std::string& cluster) {
  const auto& names = controller_names();
  for (const std::string& name : options.without)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fail(Code::kInvalid, concat("no cluster controller is called \"", name, "\"; there are ", join(names, ", ")));
  Wiring wiring{manager, api, options, cluster};
  auto wanted = [&](const char* name) { return !options.without.count(name); };
  if (wanted("replicaset")) add_replica_set(wiring);
  if (wanted("deployment")) add_deployment(wiring);
  if (wanted("job")) add_job(wiring);
  if (wanted("disruption")) add_disruption(wiring);
  if (wanted("endpointslice")) add_endpoint_slice(wiring);
  if (wanted("endpoints")) add_endpoints(wiring);
  if (wanted("endpointslice-mirroring")) add_endpoint_mirror(wiring);
  if (wanted("service-address")) add_service_address(wiring);
  if (wanted("scheduler")) add_scheduler(wiring);
  if (wanted("node-lifecycle")) add_node_lifecycle(wiring);
  if (wanted("namespace")) add_namespace(wiring);
  if (wanted("namespace-defaults")) add_namespace_defaults(wiring);
  if (wanted("event-expiry")) add_event_expiry(wiring);
  if (wanted("garbage-collector")) SERIN_TRY(add_garbage_collector(wiring));
  return {};
}

}  // namespace serin::cluster
