#pragma once

/// What the planners of one pass look at, worked out once from what was observed: which ReplicaSet is the newest,
/// which the stable one, at which step the release stands.

#include <string>
#include <vector>

#include "rollout/observed.h"
#include "rollout/traffic/routing.h"

namespace serin::rollout {

struct Situation {
  /// `observed` outlives this.
  Situation(const Observed& observed, TimePoint now);

  const Observed& observed;
  const Rollout& rollout;
  TimePoint now;

  json::value pod_template;           ///< normalized
  const ReplicaSet* newest = nullptr; ///< of the template in the spec; null: not made yet
  const ReplicaSet* stable = nullptr; ///< of status.stableRS
  std::vector<const ReplicaSet*> others;  ///< neither, oldest first
  std::string new_hash;               ///< the newest's own label, else what it will be
  std::string stable_hash;            ///< empty before the first deployment has completed
  int64_t step_index = 0;             ///< the number of steps when all are done

  bool initial() const { return stable_hash.empty(); }
  bool promoted() const { return !initial() && stable_hash == new_hash; }
  bool aborted() const { return rollout.aborted() && !promoted() && !initial(); }
  bool promoting_fully() const { return rollout.promote_full() && !promoted(); }
  int64_t steps() const { return static_cast<int64_t>(rollout.canary().steps.size()); }
  bool all_steps_done() const { return step_index >= steps(); }
  /// Null where all steps are done or none is being taken.
  const Step* step() const;

  const ReplicaSet* by_hash(const std::string& hash) const;
  /// All ReplicaSets' sum of a count.
  int64_t sum(int64_t ReplicaSet::*count) const;
};

}  // namespace serin::rollout
