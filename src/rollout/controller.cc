#include "rollout/controller.h"

#include "base/strings.h"
#include "kube/resources.h"
#include "rollout/names.h"

namespace serin::rollout {
namespace {

constexpr char kIndex[] = "rollout-traffic";
constexpr char kOwnerIndex[] = "controller-uid";

std::string reference(std::string_view plural, const NamespacedName& name) {
  return concat(plural, "/", name.str());
}

/// The objects that a Rollout names.
std::vector<std::string> references(const Object& object) {
  const Rollout rollout(object);
  const CanaryStrategy& canary = rollout.canary();
  std::vector<std::string> out;
  for (const std::string* service : {&canary.stable_service, &canary.canary_service})
    if (!service->empty()) out.push_back(reference("services", {rollout.key().ns, *service}));
  if (!canary.istio) return out;
  for (const VirtualServiceRef& ref : canary.istio->virtual_services)
    out.push_back(reference("virtualservices", ref.name));
  if (const auto& rule = canary.istio->destination_rule) out.push_back(reference("destinationrules", rule->name));
  return out;
}

/// From an object that carries traffic to the Rollouts that name it or have written to it.
client::MapFunction users_of(const std::string& cluster, const client::Informer& rollouts, std::string plural) {
  return [cluster, &rollouts, plural = std::move(plural)](const Object* old, const Object* now) {
    std::vector<client::Key> keys;
    const Object& object = now ? *now : *old;
    for (const Object& rollout : rollouts.by_index(kIndex, reference(plural, object.key())))
      keys.push_back({cluster, rollout.key()});
    if (std::string_view owner = object.annotation(kManagedBy); !owner.empty())
      keys.push_back({cluster, {std::string(object.ns()), std::string(owner)}});
    return keys;
  };
}

}  // namespace

client::Controller& add_rollout_controller(client::Manager& manager, const std::string& cluster,
                                           client::Client& api, client::EventRecorder& events,
                                           const ControllerConfig& config) {
  client::CachedClient& client = manager.client(cluster, api);
  client::Informer& sets = manager.informer(cluster, api, kube::kReplicaSets);
  sets.add_index(kOwnerIndex, [](const Object& set) {
    auto owner = set.controller();
    return owner ? std::vector<std::string>{owner->uid} : std::vector<std::string>();
  });
  ObserveOptions options;
  options.resources = config.resources;
  options.replica_sets = [&sets](const Object& rollout) {
    return sets.by_index(kOwnerIndex, std::string(rollout.uid()));
  };
  client::Controller& controller = manager.add_controller(
      {concat("rollout", cluster.empty() ? "" : "/", cluster), config.workers},
      std::make_unique<RolloutReconciler>(client, manager.clock(), events, std::move(options)));
  client::Informer& rollouts = manager.informer(cluster, api, kube::kRollouts);
  rollouts.add_index(kIndex, references);
  manager.watch(controller, rollouts, client::own_key(cluster));
  manager.watch(controller, sets, client::controller_owner(kube::kRollouts, cluster));
  manager.watch(controller, manager.informer(cluster, api, kube::kServices), users_of(cluster, rollouts, "services"));
  if (!config.mesh) return controller;
  manager.watch(controller, manager.informer(cluster, api, config.resources.virtual_services),
                users_of(cluster, rollouts, "virtualservices"));
  manager.watch(controller, manager.informer(cluster, api, config.resources.destination_rules),
                users_of(cluster, rollouts, "destinationrules"));
  return controller;
}

}  // namespace serin::rollout
