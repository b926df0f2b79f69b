#pragma once

/// How many pods each ReplicaSet shall have. Pure.

#include <cstdint>
#include <utility>

#include "rollout/plan/situation.h"

namespace serin::rollout {

/// A count written as a number or as a percentage of `total` ("25%"; Argo Rollouts reads a string without the
/// sign as a percentage too). nullopt where it is neither.
std::optional<int64_t> int_or_percent(const json::value&, int64_t total, bool round_up);
/// maxSurge and maxUnavailable as pods, 25 % where unset; where both come to 0, one pod may be unavailable.
int64_t max_surge(const Rollout&);
int64_t max_unavailable(const Rollout&);

struct CanaryCounts {
  int64_t canary = 0, stable = 0;
  bool operator==(const CanaryCounts&) const = default;
};

/// Without traffic routing the split of pods is the split of requests: the pair nearest to `weight`, of `replicas`
/// pods or (where surging is allowed) one more. Both sides keep a pod for weights 1..99 where that can be.
CanaryCounts nearest_split(int64_t replicas, int64_t weight, bool may_surge);

/// With traffic routing: pods for a share of the traffic, rounded up.
int64_t pods_for_weight(int64_t replicas, int64_t weight);

/// What the release wants at its step, before limits on the way there.
CanaryCounts wanted_counts(const Situation&);

/// The next counts of newest and stable without traffic routing: within surge and unavailability, older
/// ReplicaSets first.
CanaryCounts next_basic_counts(const Situation&);
/// How many pods an older ReplicaSet keeps for now without traffic routing. `budget` is what may go away in this
/// pass and is reduced by what does.
int64_t drain_older(const ReplicaSet&, int64_t& budget);
int64_t drain_budget(const Situation&);

/// Whether newest and stable (and without traffic routing the older ones) have the pods that the step wants.
bool at_wanted_counts(const Situation&);

}  // namespace serin::rollout
