#pragma once

/// Where the traffic shall be, and the next safe change towards it. Pure.

#include <memory>

#include "rollout/plan/situation.h"
#include "rollout/traffic/router.h"
#include "rollout/traffic/transition.h"

namespace serin::rollout {

/// The traffic as one pass sees it.
struct TrafficPlan {
  bool active = false;        ///< false before the first deployment is complete: nothing is touched
  bool weighted = false;
  Routing current, target, next;
  Confirmation confirmation;
  std::string waits_for;      ///< of the transition
  std::vector<client::Write> writes;

  /// The objects say what they shall, and the proxies have it.
  bool reached() const { return active && writes.empty() && current == target && confirmation.settled(); }
  /// No request can reach the pods of `hash` through us any more, in any proxy.
  bool released(const std::string& hash) const;
};

/// What the release wants at its step.
Routing target_routing(const Situation&, const Routing& current, bool weighted);
TrafficPlan plan_traffic(const Situation&, const TrafficRouter&);
/// status.canary.weights after the pass; null where the Rollout routes no traffic.
json::value weights_status(const Situation&, const TrafficPlan&);

}  // namespace serin::rollout
