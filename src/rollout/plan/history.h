#pragma once

/// Revisions: the ReplicaSet of a new template, its number, and the old ones that are no longer kept. Pure.

#include "rollout/plan.h"
#include "rollout/plan/situation.h"

namespace serin::rollout {

/// The ReplicaSet of the spec's template, without pods yet.
Object new_replica_set(const Situation&);
/// The number that the newest template has or gets.
int64_t newest_revision(const Situation&);

/// Appends: create the newest ReplicaSet where it is missing, number it, write the number on the Rollout, remove
/// idle ReplicaSets beyond revisionHistoryLimit.
void plan_history(const Situation&, Decision& decision);

}  // namespace serin::rollout
