#pragma once

/// A Deployment's status and conditions: what `kubectl rollout status` reads. Pure.

#include "cluster/deployment_scaling.h"

namespace serin::cluster {

struct StatusInput {
  const Deployment& deployment;
  const SetSizes& sets;        ///< as they stand, before this pass's changes
  int64_t pods_wanted = 0;     ///< sum of the sets' spec.replicas
  std::string made_set{};      ///< the template's set where this pass makes it
};

json::value deployment_status(const StatusInput& input, TimePoint now);

/// The live status with the condition that the template's set could not be made.
json::value failed_creation(const Deployment& deployment, const std::string& set_name, const std::string& why, TimePoint now);

/// When the deadline for progress passes; nullopt where none runs.
std::optional<TimePoint> progress_deadline(const Deployment& deployment, const json::value& status);

}  // namespace serin::cluster
