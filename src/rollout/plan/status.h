#pragma once

/// Counts, conditions, phase and message of a Rollout's status. Pure. The words are those of Argo Rollouts, for
/// the programs that read them.

#include "rollout/plan.h"
#include "rollout/plan/situation.h"

namespace serin::rollout {

/// Everything about pods: replicas, updatedReplicas, readyReplicas, availableReplicas, HPAReplicas, selector.
void count_pods(const Situation&, json::value& status);

/// Available, Progressing, Paused, Completed, Healthy; removes InvalidSpec. `created`: this pass makes the newest
/// ReplicaSet. Sets status.abort where progressDeadlineAbort asks for it.
void set_conditions(const Situation&, json::value& status, bool created, Decision& decision);

/// The spec can't be carried out; `causes` has at least one entry.
void set_invalid(const Situation&, json::value& status, const std::vector<Cause>& causes);

/// status.phase and status.message, from the rest of the status.
void set_phase(const Situation&, json::value& status);

}  // namespace serin::rollout
