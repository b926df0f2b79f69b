#pragma once

/// Why a release is not further, as typed values. Pure.

#include "rollout/plan.h"
#include "rollout/plan/situation.h"
#include "rollout/plan/traffic.h"

namespace serin::rollout {

/// From the situation before the pass and the status after it.
std::vector<kube::Blocker> find_blockers(const Situation&, const TrafficPlan&, const json::value& status);

/// What a pod that is not ready waits for: "ImageNotMapped", "ImagePull", "CrashLoop", "ProbeFailing",
/// "Unschedulable", "PodNotReady". nullopt for a ready pod.
std::optional<kube::Blocker> pod_blocker(const Object& pod);

}  // namespace serin::rollout
