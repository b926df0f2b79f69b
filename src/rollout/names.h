#pragma once

/// Labels and annotations of the argoproj.io API that the controller reads and writes.

namespace serin::rollout {

/// On ReplicaSets, pods, Service selectors and DestinationRule subsets.
inline constexpr char kHashLabel[] = "rollouts-pod-template-hash";

inline constexpr char kRevision[] = "rollout.argoproj.io/revision";
inline constexpr char kRevisionHistory[] = "rollout.argoproj.io/revision-history";
/// On ReplicaSets: spec.replicas of the Rollout at the time.
inline constexpr char kDesiredReplicas[] = "rollout.argoproj.io/desired-replicas";
/// On ReplicaSets: RFC 3339; when an idle ReplicaSet goes.
inline constexpr char kScaleDownDeadline[] = "scale-down-deadline";
/// On Services and DestinationRules: the name of the Rollout that writes the hash there.
inline constexpr char kManagedBy[] = "argo-rollouts.argoproj.io/managed-by-rollouts";

}  // namespace serin::rollout
