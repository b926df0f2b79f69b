#pragma once

/// What controllers ask of a pod. Pure.

#include <optional>
#include <vector>

#include "base/clock.h"
#include "kube/object.h"

namespace serin::cluster {

using kube::Object;

/// Neither ended (Succeeded, Failed) nor being deleted.
bool pod_active(const Object& pod);
bool pod_ended(const Object& pod);
bool pod_ready(const Object& pod);
/// When the pod has been ready for `min_ready`; nullopt while it is not ready.
std::optional<TimePoint> available_at(const Object& pod, Duration min_ready);

/// Sorts the pods that should go first to the front, as the ReplicaSet controller of Kubernetes ranks them:
/// unassigned, pending, not ready, low controller.kubernetes.io/pod-deletion-cost, doubled up on a node, ready
/// for the shortest time, restarted most often, youngest; then by uid, which is as good as chance. Times count by powers
/// of two, so that pods of about one age go in random order. `related` are the active pods of the same owner's sets,
/// which count for doubling up.
void sort_for_deletion(std::vector<Object>& pods, const std::vector<Object>& related, TimePoint now);

}  // namespace serin::cluster
