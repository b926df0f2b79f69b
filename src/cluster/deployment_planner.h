#pragma once

/// What a Deployment needs now: its ReplicaSets made, sized and cleaned up, and its status. Pure. Calling it
/// again after its writes have happened gives none.

#include <optional>
#include <string>
#include <vector>

#include "client/write.h"
#include "cluster/claims.h"

namespace serin::cluster {

struct DeploymentObserved {
  Object deployment;
  std::vector<Object> sets;  ///< controlled by it, or ownerless in its namespace
  std::vector<Object> pods;  ///< of the sets it controls; matters to Recreate
};

struct DeploymentDecision {
  Claims claims;
  /// In order. At most one create: the set of the template.
  std::vector<client::Write> writes;
  json::value status;
  std::optional<TimePoint> look_again;  ///< when the progress deadline passes
  /// "Scaled up replica set web-5f6 from 0 to 3", one per resized set.
  std::vector<std::string> events;
};

/// An error is terminal: the selector is malformed or selects everything.
Result<DeploymentDecision> plan(const DeploymentObserved& observed, TimePoint now);

}  // namespace serin::cluster
