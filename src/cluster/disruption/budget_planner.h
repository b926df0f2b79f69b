#pragma once

/// The status of a PodDisruptionBudget (policy/v1): how many of its pods may be disturbed now. Evictions are granted from
/// it by the API server, which notes each in `status.disruptedPods` until its pod is seen going. Pure.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/object.h"

namespace serin::cluster {

/// An evicted pod that is still there after this long was not evicted after all.
inline constexpr Duration kEvictionTimeout = std::chrono::minutes(2);

struct BudgetObserved {
  kube::Object budget;
  std::vector<kube::Object> pods;  ///< those it selects
  /// The sum of the sizes of the pods' controllers, or why that is not known.
  Result<int64_t> scale = int64_t{0};
};

struct BudgetDecision {
  json::value status;                   ///< whole
  std::optional<TimePoint> look_again;  ///< when an eviction times out
  std::vector<std::string> not_deleted; ///< names of pods whose eviction has timed out
};

/// Whether the budget asks for a part of its pods' scale: maxUnavailable, or minAvailable as a percentage.
bool needs_scale(const kube::Object& budget);

BudgetDecision plan(const BudgetObserved& observed, TimePoint now);

}  // namespace serin::cluster
