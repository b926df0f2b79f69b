#pragma once

/// A Job's podFailurePolicy and successPolicy. Pure.

#include <optional>
#include <string>

#include "cluster/job/job.h"

namespace serin::cluster {

/// What a failed pod means. Without a policy, and where no rule matches, it counts towards backoffLimit.
struct FailureVerdict {
  enum class Action { kCount, kIgnore, kFailIndex, kFailJob } action = Action::kCount;
  std::string message;  ///< kFailJob: the message of the Job's conditions, as Kubernetes words it
};
FailureVerdict judge_failure(const Job& job, const Object& pod);

/// The first rule of successPolicy that these completed indexes fulfil: "Matched rules at index 0"; nullopt for none.
std::optional<std::string> fulfilled(const Job& job, const IndexSet& completed);

}  // namespace serin::cluster
