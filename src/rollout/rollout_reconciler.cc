#include "rollout/rollout_reconciler.h"

#include "base/log.h"
#include "base/strings.h"
#include "data/patch.h"
#include "kube/resources.h"
#include "rollout/names.h"
#include "rollout/traffic/selection.h"

namespace serin::rollout {
namespace {

/// The object, or an empty one where there is none.
Result<Object> find(client::Client& client, const kube::Resource& resource, const NamespacedName& name) {
  if (name.name.empty()) return Object();
  auto found = client.get(resource, name);
  if (failed_with(found, Code::kNotFound)) return Object();
  return found;
}

Result<TrafficObjects> observe_traffic(client::Client& client, const Rollout& rollout,
                                       const TrafficResources& resources) {
  TrafficObjects objects;
  objects.resources = resources;
  const CanaryStrategy& canary = rollout.canary();
  const std::string& ns = rollout.key().ns;
  objects.stable_service = SERIN_TRY(find(client, kube::kServices, {ns, canary.stable_service}));
  objects.canary_service = SERIN_TRY(find(client, kube::kServices, {ns, canary.canary_service}));
  if (!canary.istio) return objects;
  for (const VirtualServiceRef& ref : canary.istio->virtual_services)
    objects.virtual_services.push_back(SERIN_TRY(find(client, resources.virtual_services, ref.name)));
  if (const auto& rule = canary.istio->destination_rule)
    objects.destination_rule = SERIN_TRY(find(client, resources.destination_rules, rule->name));
  return objects;
}

}  // namespace

Result<Observed> observe(client::Client& client, Object object, const ObserveOptions& options) {
  Observed observed;
  observed.rollout = Rollout(std::move(object));
  const Rollout& rollout = observed.rollout;
  client::ListOptions selected;
  selected.ns = rollout.key().ns;
  if (auto selector = kube::LabelSelector::from_object(json::find(rollout.doc(), "spec", "selector")))
    selected.label_selector = selector->str();
  std::vector<Object> sets;
  if (options.replica_sets) sets = options.replica_sets(rollout.object());
  else sets = SERIN_TRY(client.list(kube::kReplicaSets, selected)).items;
  for (Object& set : sets) {
    auto owner = set.controller();
    if (owner && owner->uid == rollout.object().uid()) observed.replica_sets.emplace_back(std::move(set));
  }
  observed.traffic = SERIN_TRY(observe_traffic(client, rollout, options.resources));
  if (!options.pods) return observed;
  kube::ObjectList found = SERIN_TRY(client.list(kube::kPods, selected));
  for (Object& pod : found.items) {
    auto owner = pod.controller();
    for (const ReplicaSet& set : observed.replica_sets)
      if (owner && owner->uid == set.object.uid()) observed.pods.push_back(pod);
  }
  return observed;
}

Result<Observed> observe(client::Client& client, const NamespacedName& name, const ObserveOptions& options) {
  Object object = SERIN_TRY(client.get(kube::kRollouts, name));
  return observe(client, std::move(object), options);
}

RolloutReconciler::RolloutReconciler(client::Client& client, const Clock& clock, client::EventRecorder& events,
                                     ObserveOptions options)
    : client_(client), clock_(clock), events_(events), options_(std::move(options)) {}

Result<client::Again> RolloutReconciler::reconcile(const client::Key& key) {
  Object object = SERIN_TRY(find(client_, kube::kRollouts, key.name));
  if (object.empty() || object.deleting()) return release_traffic(key.name);
  Observed observed = SERIN_TRY(observe(client_, std::move(object), options_));
  const TimePoint now = clock_.now();
  Decision decision = plan(observed, now);

  for (const client::Write& write : decision.writes) {
    auto done = client::execute(client_, write);
    if (done) {
      log::debug("rollout", write.why, {{"rollout", key.name.str()}});
      continue;
    }
    if (failed_with(done, Code::kAlreadyExists) && write.verb == client::Write::Verb::kCreate)
      return count_collision(observed.rollout);
    return fail(std::move(done).error());
  }
  json::value patch = json::make_merge_patch(observed.rollout.status(), decision.status);
  if (const json::object* members = patch.if_object(); members && !members->empty())
    SERIN_TRY(client::execute(client_, client::patch_status(kube::kRollouts, key.name, std::move(patch), "status")));
  for (const Note& note : decision.notes) {
    if (note.warning) events_.warning(observed.rollout.object(), note.reason, note.message);
    else events_.normal(observed.rollout.object(), note.reason, note.message);
  }
  client::Again again;
  if (decision.look_again) again.after = std::max<Duration>(*decision.look_again - now, Duration::zero());
  return again;
}

Result<client::Again> RolloutReconciler::release_traffic(const NamespacedName& rollout) {
  client::ListOptions options;
  options.ns = rollout.ns;
  auto managed = [&](const kube::Resource& resource) -> Result<std::vector<Object>> {
    auto list = client_.list(resource, options);
    if (failed_with(list, Code::kNotFound)) return std::vector<Object>();  // a cluster without that kind
    if (!list) return fail(std::move(list).error());
    std::vector<Object> ours;
    for (Object& object : list->items)
      if (object.annotation(kManagedBy) == rollout.name && !object.deleting()) ours.push_back(std::move(object));
    return ours;
  };
  std::vector<Object> services = SERIN_TRY(managed(kube::kServices));
  std::vector<Object> rules = SERIN_TRY(managed(options_.resources.destination_rules));
  SERIN_TRY(client::execute(client_, release(services, rules, options_.resources)));
  return client::Again{};
}

Result<client::Again> RolloutReconciler::count_collision(const Rollout& rollout) {
  int64_t collisions = json::get_int(rollout.status(), 0, "collisionCount") + 1;
  SERIN_TRY(client::execute(client_, client::patch_status(kube::kRollouts, rollout.key(),
                                                          json::object{{"collisionCount", collisions}},
                                                          "the ReplicaSet's name is taken")));
  return client::Again{};
}

}  // namespace serin::rollout
