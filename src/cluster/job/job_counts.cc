#include "cluster/job/job_counts.h"

#include <algorithm>

#include "base/strings.h"
#include "cluster/job/job_policy.h"

namespace serin::cluster {
namespace {

using State = JobPod::State;
using Action = FailureVerdict::Action;

/// Moves uids whose pods are gone or have lost the finalizer from "uncounted" into the count.
int64_t settle(std::set<std::string>& uncounted, const std::set<std::string>& tracked) {
  return static_cast<int64_t>(std::erase_if(uncounted, [&](const std::string& uid) { return !tracked.count(uid); }));
}

std::set<std::string> uids(const json::value& status, const char* list) {
  std::set<std::string> found;
  for (const json::value& uid : json::items(status, "uncountedTerminatedPods", list)) found.emplace(json::as_string(&uid));
  return found;
}

/// How often each index has failed, and which may fail no more.
void count_per_index(const Job& job, const std::vector<JobPod>& pods, JobCounts& counts) {
  for (const JobPod& it : pods) {
    if (!it.index) continue;
    int64_t failures = parse_int<int64_t>(it.pod.annotation(kJobIndexFailures)).value_or(0);
    bool failed = it.state == State::kFailed && (it.tracked || !it.pod.deleting());
    FailureVerdict verdict = failed ? judge_failure(job, it.pod) : FailureVerdict{};
    if (failed && verdict.action != Action::kIgnore) ++failures;
    int64_t& known = counts.index_failures[*it.index];
    known = std::max(known, failures);
    if (failures > *job.limit_per_index || verdict.action == Action::kFailIndex) counts.failed_indexes.insert(*it.index);
  }
}

json::array to_json(const std::set<std::string>& uids) {
  json::array list;
  for (const std::string& uid : uids) list.emplace_back(uid);
  return list;
}

}  // namespace

JobCounts count(const Job& job, const std::vector<JobPod>& pods) {
  static const json::value kNone = json::object();
  const json::value* found = json::find(job.object.doc(), "status");
  const json::value& status = found ? *found : kNone;
  int64_t completions = job.completions.value_or(0);

  JobCounts counts;
  counts.indexed = job.indexed;
  counts.per_index = job.indexed && job.limit_per_index.has_value();
  counts.uncounted_succeeded = uids(status, "succeeded");
  counts.uncounted_failed = uids(status, "failed");
  std::set<std::string> tracked;
  for (const JobPod& it : pods)
    if (it.tracked) tracked.insert(it.uid());
  counts.settled_succeeded = json::get_int(status, 0, "succeeded") + settle(counts.uncounted_succeeded, tracked);
  counts.settled_failed = json::get_int(status, 0, "failed") + settle(counts.uncounted_failed, tracked);
  if (job.indexed) counts.completed = parse_indexes(json::get_string(status, "completedIndexes"), completions);
  if (counts.per_index) {
    counts.failed_indexes = parse_indexes(json::get_string(status, "failedIndexes"), completions);
    count_per_index(job, pods, counts);
  }

  std::set<int64_t> replaced;  // indexes with a pod that carries their failures on
  for (const JobPod& it : pods)
    if (it.index && it.state == State::kActive) replaced.insert(*it.index);
  for (const JobPod& it : pods) {
    if (!it.tracked) continue;
    std::string uid = it.uid();
    bool known = counts.uncounted_succeeded.count(uid) || counts.uncounted_failed.count(uid);
    bool room = counts.uncounted_succeeded.size() + counts.uncounted_failed.size() < kMostUncounted;
    if (!known && (it.state == State::kActive || it.state == State::kTerminating || !room)) continue;
    if (!known && it.state == State::kSucceeded) {
      if (!job.indexed)
        counts.uncounted_succeeded.insert(uid);
      else if (it.index)
        counts.completed.insert(*it.index);
    } else if (!known && (!job.indexed || it.index) && judge_failure(job, it.pod).action != Action::kIgnore) {
      counts.uncounted_failed.insert(uid);
    }
    // A failed index remembers its failures in its last pod until the next one carries them on.
    bool remembers = counts.per_index && it.index && it.state == State::kFailed && !replaced.count(*it.index) &&
                     !counts.failed_indexes.count(*it.index) && !counts.completed.count(*it.index) &&
                     !job.holds("FailureTarget") && !job.holds("SuccessCriteriaMet") && !job.object.deleting() && !job.suspended;
    if (!remembers) counts.release.insert(uid);
  }
  return counts;
}

void JobCounts::write(json::value& status) const {
  json::object& fields = status.as_object();
  fields["succeeded"] = indexed ? succeeded() : settled_succeeded;
  fields["failed"] = settled_failed;
  json::object uncounted;
  if (!uncounted_succeeded.empty()) uncounted["succeeded"] = to_json(uncounted_succeeded);
  if (!uncounted_failed.empty()) uncounted["failed"] = to_json(uncounted_failed);
  fields["uncountedTerminatedPods"] = std::move(uncounted);
  auto put = [&](const char* name, const IndexSet& indexes) {
    if (indexes.empty())
      fields.erase(name);
    else
      fields[name] = format_indexes(indexes);
  };
  if (indexed) put("completedIndexes", completed);
  if (per_index) put("failedIndexes", failed_indexes);
}

}  // namespace serin::cluster
