#pragma once

/// How traffic moves without a lost request: one safe change at a time (docs/design/traffic-order.md).
///
/// Weights live in one object and what the subsets select in another, and proxies take them over at different
/// moments. Hence: what a place selects changes only while no request goes there (weight 0, confirmed), weights
/// change only while what the places select is confirmed, and no place is pointed at pods that aren't there.

#include <functional>
#include <string>

#include "rollout/traffic/routing.h"

namespace serin::rollout {

/// The pods behind a hash.
struct PodCount {
  int64_t available = 0;
  bool all = false;  ///< every pod that the ReplicaSet wants, and at least one, is available
};
using PodsOf = std::function<PodCount(const std::string& hash)>;

struct Transition {
  Routing next;          ///< what to write now; the current routing where nothing may change yet
  std::string waits_for; ///< one clause for a person where `next` is not the target: "pods of 6b9b86fbd5"
};

/// `stable_capacity(weight)` says whether the stable pods can take what a canary weight leaves to them.
struct TransitionLimits {
  PodsOf pods;
  std::function<bool(int64_t canary_weight)> stable_capacity;
  bool weighted = true;  ///< false: there are only Services, and what they select may change at any time
};

Transition next_routing(const Routing& current, const Routing& target, const Confirmation&,
                        const TransitionLimits&);

}  // namespace serin::rollout
