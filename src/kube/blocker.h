#pragma once

/// Why something is not further: the typed answer behind `why`. Planners return blockers as values; CLI and
/// console run the same planner on the live objects, so that the answer cannot drift from what is done.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "data/json.h"

namespace serin::kube {

struct Blocker {
  /// What kind of wait this is: a stable word such as "PauseStep", "PodNotReady", "WeightNotAcknowledged",
  /// "InvalidSpec", "ImageNotMapped".
  std::string reason;
  std::string message;              ///< one sentence for a person
  std::string object;               ///< "Pod demo/provider-7c9f-x2x5k" where one object is to blame
  std::optional<TimePoint> since;
  std::string ends_when;            ///< what would end it: "in 8m", "serin release promote provider"
};

json::value to_json(const Blocker& blocker);

}  // namespace serin::kube
