#pragma once

/// What a Job needs: pods made or deleted, each ended pod counted exactly once, and its status. Pure.
///
/// Counting survives a crash at any point. A pod carries the finalizer kJobTracking until it is counted:
///   1. an ended pod's uid enters `status.uncountedTerminatedPods` (or its index `status.completedIndexes`);
///   2. when that is stored, the finalizer is taken off the pod (`untrack`);
///   3. a uid whose pod has no finalizer any more moves into `status.succeeded` or `failed`, in one write.
/// A pass does what it can of each; the next does the rest. Complete and Failed are set when nothing is left to count
/// and no pod is left that has not ended; SuccessCriteriaMet and FailureTarget say before that which it will be.

#include <optional>
#include <vector>

#include "client/write.h"
#include "cluster/claims.h"
#include "cluster/job/job.h"

namespace serin::cluster {

struct JobObserved {
  Object job;
  std::vector<Object> pods;  ///< controlled by the Job, or ownerless in its namespace
};

struct JobEvent {
  bool warning = false;
  std::string reason, message;
};

struct JobDecision {
  Claims claims;
  std::vector<client::Write> creates;  ///< one per missing pod, at most kMostPodsPerPass
  /// In this order: a pod that goes without counting as failed first loses its finalizer.
  std::vector<client::Write> deletes;
  json::value status;                  ///< the whole status; written before `untrack`
  std::vector<client::Write> untrack;  ///< finalizers to take off when the status stands
  std::optional<TimePoint> look_again; ///< back-off, deadline or time to live
  std::vector<JobEvent> events;        ///< to be told when the status stands
  bool expired = false;                ///< finished longer ago than ttlSecondsAfterFinished: delete it
};

inline constexpr size_t kMostPodsPerPass = 500;
/// Before a failed pod is replaced: 10 s, doubled by each failure since the last success, at most 6 minutes.
inline constexpr Duration kJobBackoff = std::chrono::seconds(10), kMostJobBackoff = std::chrono::minutes(6);

/// Empty for a Job that another controller manages. An error is terminal: the selector is malformed.
Result<JobDecision> plan(const JobObserved& observed, TimePoint now);

/// Takes the finalizer off a pod as it was read.
client::Write untrack(const Object& pod);

}  // namespace serin::cluster
