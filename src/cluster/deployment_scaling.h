#pragma once

/// How many pods each ReplicaSet of a Deployment should have now. Pure; each function writes the wanted sizes
/// into `replicas` of the sets it is given. The rules are those of the Deployment controller of Kubernetes.

#include <vector>

#include "cluster/deployment.h"

namespace serin::cluster {

/// Old sets sorted by age, oldest first; `current` null where the template's set is not there yet.
struct SetSizes {
  std::vector<SetSize> old;
  std::optional<SetSize> current;
};

/// One step of a rolling update: never more than `most()` pods, never fewer than `least_available()` available
/// ones, pods that are not available first.
void roll(const Deployment& deployment, SetSizes& sets);

/// Whether the Deployment's size has changed since its sets were last written.
bool resized(const Deployment& deployment, const SetSizes& sets);
/// Spreads a new size over the sets in proportion to their sizes, as in the middle of an update.
void spread(const Deployment& deployment, SetSizes& sets);

/// The size of a set that is about to be made.
int64_t first_size(const Deployment& deployment, const std::vector<SetSize>& old);

}  // namespace serin::cluster
