#include "rollout/plan/traffic.h"

#include "rollout/plan/replicas.h"
#include "rollout/plan/steps.h"

namespace serin::rollout {

bool TrafficPlan::released(const std::string& hash) const {
  if (!active || !writes.empty() || !confirmation.settled()) return false;
  for (const std::string* used : {&current.stable_hash, &current.canary_hash})
    if (*used == hash || *used == kMixedHash) return false;
  // A place that is not narrowed reaches every pod; without weights that is the application's own Service.
  return !weighted || !current.stable_hash.empty();
}

Routing target_routing(const Situation& s, const Routing& current, bool weighted) {
  Routing target{s.stable_hash, s.stable_hash, 0, {}};
  if (s.promoted() || s.aborted()) return target;
  if (!s.newest || s.newest->available == 0) {
    // Nothing to send anybody to. The canary side keeps meaning what it means if that is one of ours.
    if (current.canary_hash == s.new_hash) target.canary_hash = s.new_hash;
    return target;
  }
  target.canary_hash = s.new_hash;
  if (!weighted) return target;
  const CanaryStrategy& strategy = s.rollout.canary();
  const bool there = at_wanted_counts(s);
  if (s.promoting_fully()) {
    bool full = s.newest->available >= s.rollout.replicas();
    target.canary_weight =
        full ? 100 : current.canary_hash == s.new_hash ? std::max<int64_t>(current.canary_weight, 0) : 0;
  } else {
    target.canary_weight =
        there ? weight_at(strategy.steps, s.step_index) : weight_before(strategy.steps, s.step_index);
  }
  target.header_routes =
      header_routes_at(strategy.steps, there ? s.step_index : s.step_index - 1, strategy.managed_routes);
  return target;
}

TrafficPlan plan_traffic(const Situation& s, const TrafficRouter& router) {
  TrafficPlan plan;
  plan.weighted = router.weighted();
  plan.confirmation = router.confirmed(s.observed.traffic);
  plan.current = router.current(s.observed.traffic);
  plan.active = !s.initial();
  plan.next = plan.target = plan.current;
  if (!plan.active) return plan;
  const CanaryStrategy& strategy = s.rollout.canary();
  if (!plan.weighted && strategy.stable_service.empty() && strategy.canary_service.empty()) return plan;

  plan.target = target_routing(s, plan.current, plan.weighted);
  if (!plan.weighted) {
    if (strategy.stable_service.empty()) plan.target.stable_hash = plan.current.stable_hash;
    if (strategy.canary_service.empty()) plan.target.canary_hash = plan.current.canary_hash;
  }
  TransitionLimits limits;
  limits.weighted = plan.weighted;
  limits.pods = [&s](const std::string& hash) -> PodCount {
    const ReplicaSet* set = s.by_hash(hash);
    if (!set) return {};
    return {set->available, set->available > 0 && set->available >= set->wanted};
  };
  limits.stable_capacity = [&s](int64_t weight) {
    return s.stable && s.stable->available > 0 &&
           s.stable->available >= (100 - weight) * s.rollout.replicas() / 100;
  };
  Transition transition = next_routing(plan.current, plan.target, plan.confirmation, limits);
  plan.next = std::move(transition.next);
  plan.waits_for = std::move(transition.waits_for);
  plan.writes = router.set(plan.next, s.observed.traffic);
  return plan;
}

json::value weights_status(const Situation& s, const TrafficPlan& plan) {
  if (!plan.weighted || !plan.active) return nullptr;
  const CanaryStrategy& strategy = s.rollout.canary();
  auto side = [](int64_t weight, const std::string& hash, const std::string& service) {
    json::object out{{"weight", weight}, {"podTemplateHash", hash}};
    if (!service.empty()) out["serviceName"] = service;
    return out;
  };
  int64_t weight = std::max<int64_t>(plan.next.canary_weight, 0);
  json::object weights{{"canary", side(weight, plan.next.canary_hash, strategy.canary_service)},
                       {"stable", side(100 - weight, plan.next.stable_hash, strategy.stable_service)}};
  if (plan.confirmation.routes != Ack::kNobodyReports)
    weights["verified"] = plan.writes.empty() && plan.confirmation.settled();
  return weights;
}

}  // namespace serin::rollout
