#pragma once

/// Whether a pod may be evicted now, by the PodDisruptionBudget that covers it (policy/v1; pods/eviction). Pure.

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "kube/object.h"

namespace serin::apiserver {

struct EvictionVerdict {
  /// The budget with one disruption less and the pod noted, to be stored together with the pod's deletion; nothing
  /// where no budget counts this pod: it runs no longer or not yet, or is unhealthy and its budget lets such go.
  std::optional<json::value> budget;
};

/// `budgets`: all of the pod's namespace. kTooManyRequests with cause DisruptionBudget where the budget is used up
/// or not yet computed, kInternal where two cover the pod, as in Kubernetes.
Result<EvictionVerdict> judge_eviction(const kube::Object& pod, const std::vector<kube::Object>& budgets, TimePoint now);

}  // namespace serin::apiserver
