#pragma once

/// A Job (batch/v1) and its pods as the planner reads them. Pure. Names and meanings are those of Kubernetes.

#include <optional>
#include <string>
#include <vector>

#include "cluster/job/index_set.h"
#include "kube/object.h"
#include "kube/selector.h"

namespace serin::cluster {

using kube::Object;

/// On every pod that the Job has not counted yet.
inline constexpr char kJobTracking[] = "batch.kubernetes.io/job-tracking";
inline constexpr char kJobIndex[] = "batch.kubernetes.io/job-completion-index";
/// Failures of the same index before this pod, where the Job has a limit per index.
inline constexpr char kJobIndexFailures[] = "batch.kubernetes.io/job-index-failure-count";
inline constexpr char kJobName[] = "batch.kubernetes.io/job-name";
inline constexpr char kJobUid[] = "batch.kubernetes.io/controller-uid";
inline constexpr char kJobNameLegacy[] = "job-name";
inline constexpr char kJobUidLegacy[] = "controller-uid";

struct Job {
  explicit Job(const Object& object);
  Object object;
  int64_t parallelism = 1, backoff_limit = 6;
  std::optional<int64_t> completions, active_deadline_seconds, ttl_seconds, limit_per_index, max_failed_indexes;
  bool indexed = false, suspended = false;
  bool replace_only_failed = false;  ///< podReplacementPolicy Failed: a pod that is on its way out still counts
  bool restarts_in_place = false;    ///< the template's restartPolicy is OnFailure
  bool foreign = false;              ///< spec.managedBy names another controller

  /// The live condition of this type where it is True.
  const json::value* holds(std::string_view condition) const;
  /// The live Complete or Failed.
  const json::value* finished() const;
};

/// The Job's selector; where it has none, what `pod_of_job` puts on pods. An error is terminal.
Result<kube::LabelSelector> selector_of(const Job& job);

struct JobPod {
  enum class State { kActive, kTerminating, kSucceeded, kFailed } state = State::kActive;
  Object pod;
  bool tracked = false;          ///< has the finalizer: not counted yet
  std::optional<int64_t> index;  ///< below `completions`
  /// When it ended; for one that is being deleted its deletionTimestamp.
  TimePoint ended;
  bool leaving = false;          ///< is being deleted and has not ended: `status.terminating`

  std::string uid() const { return std::string(pod.uid()); }
};
/// kTerminating is a pod that will be replaced only when it has ended; where the Job replaces at once it is kFailed.
JobPod classify(const Job& job, const Object& pod);

/// A pod of the Job's template with its labels and the finalizer; `index` for Indexed Jobs, with the failures that the
/// index has had (written where the Job has a limit per index).
Object pod_of_job(const Job& job, std::optional<int64_t> index, int64_t failures);

}  // namespace serin::cluster
