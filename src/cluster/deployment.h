#pragma once

/// A Deployment and its ReplicaSets as the planners read them: defaults filled in, revisions, sizes. Pure.

#include <optional>
#include <string>
#include <vector>

#include "kube/object.h"

namespace serin::cluster {

using kube::Object;

inline constexpr char kHashLabel[] = "pod-template-hash";
inline constexpr char kRevision[] = "deployment.kubernetes.io/revision";
inline constexpr char kRevisionHistory[] = "deployment.kubernetes.io/revision-history";
inline constexpr char kDesiredReplicas[] = "deployment.kubernetes.io/desired-replicas";
inline constexpr char kMaxReplicas[] = "deployment.kubernetes.io/max-replicas";

/// A ReplicaSet's sizes as a planner changes them.
struct SetSize {
  Object set;
  int64_t replicas = 0;   ///< spec.replicas; planners write the wanted size here
  int64_t available = 0;  ///< never more than spec.replicas, so that a status that lags asks for no more
  int64_t reported = 0;   ///< status.replicas
  int64_t ready = 0;
  int64_t revision = 0;
};
SetSize size_of(const Object& set);

struct Deployment {
  explicit Deployment(const Object& object);
  Object object;
  int64_t replicas = 1, max_surge = 0, max_unavailable = 0, min_ready_seconds = 0;
  int64_t history_limit = 10, progress_deadline_seconds = 600, collisions = 0;
  bool paused = false, recreate = false;

  int64_t most() const { return recreate || replicas == 0 ? replicas : replicas + max_surge; }
  int64_t least_available() const { return recreate ? 0 : std::max<int64_t>(0, replicas - max_unavailable); }
  bool has_deadline() const { return progress_deadline_seconds != INT32_MAX; }
};

/// maxSurge rounds up, maxUnavailable down; where both are 0, one pod may be missing.
int64_t int_or_percent(const json::value* value, int64_t otherwise_percent, int64_t of, bool round_up);

/// FNV-1a of the template's canonical JSON and the number of collisions, in Kubernetes' safe letters: the same
/// template has the same hash everywhere.
std::string template_hash(const json::value& pod_template, int64_t collisions);
/// Whether the set was made from this template: equal but for the hash label.
bool same_template(const json::value& pod_template, const Object& set);

/// The ReplicaSet of the Deployment's template, with `replicas` pods and revision `revision`.
Object new_replica_set(const Deployment& deployment, int64_t replicas, int64_t revision);
/// The Deployment's annotations that its sets carry too.
json::object inherited_annotations(const Object& deployment);

}  // namespace serin::cluster
