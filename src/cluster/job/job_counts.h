#pragma once

/// Which pods of a Job have ended, each counted once: steps 1 and 3 of job_planner.h. Pure.

#include <map>
#include <set>
#include <vector>

#include "cluster/job/job.h"

namespace serin::cluster {

struct JobCounts {
  int64_t settled_succeeded = 0, settled_failed = 0;  ///< status.succeeded (NonIndexed) and status.failed
  std::set<std::string> uncounted_succeeded, uncounted_failed;
  bool indexed = false, per_index = false;
  IndexSet completed, failed_indexes;
  std::map<int64_t, int64_t> index_failures;  ///< of each index, where the Job has a limit per index
  std::set<std::string> release;              ///< uids whose finalizer may go when this is stored

  int64_t succeeded() const {
    return indexed ? static_cast<int64_t>(completed.size())
                   : settled_succeeded + static_cast<int64_t>(uncounted_succeeded.size());
  }
  int64_t failed() const { return settled_failed + static_cast<int64_t>(uncounted_failed.size()); }
  /// Whether nothing waits to be counted.
  bool settled() const { return uncounted_succeeded.empty() && uncounted_failed.empty(); }
  /// Into succeeded, failed, uncountedTerminatedPods, completedIndexes, failedIndexes.
  void write(json::value& status) const;
};

/// From the live status and the pods. At most this many uids wait to be counted at a time.
inline constexpr size_t kMostUncounted = 500;
JobCounts count(const Job& job, const std::vector<JobPod>& pods);

}  // namespace serin::cluster
