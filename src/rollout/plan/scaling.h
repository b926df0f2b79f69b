#pragma once

/// The writes that give ReplicaSets their pods, and take them when no request needs them any more. Pure.

#include "rollout/plan.h"
#include "rollout/plan/traffic.h"

namespace serin::rollout {

/// Appends to `decision`: writes in the order stable, newest, older; notes; when a deadline ends. Nothing while
/// spec.paused.
void plan_scaling(const Situation&, const TrafficPlan&, Decision& decision);

}  // namespace serin::rollout
