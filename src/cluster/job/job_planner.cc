#include "cluster/job/job_planner.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "cluster/job/job_counts.h"
#include "cluster/job/job_policy.h"
#include "cluster/pods.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Write;
using State = JobPod::State;

struct Ending {
  bool good = false;
  std::string reason, message;
};

Duration delay_after(int64_t failures) {
  Duration delay = kJobBackoff;
  for (int64_t i = 1; i < failures && delay < kMostJobBackoff; ++i) delay *= 2;
  return std::min(delay, kMostJobBackoff);
}

void earliest(std::optional<TimePoint>& at, TimePoint candidate) {
  if (!at || candidate < *at) at = candidate;
}

/// When the next pod may be made after failures (of one index, where given): in the past where none stand.
TimePoint backed_off_until(const std::vector<JobPod>& pods, std::optional<int64_t> index) {
  std::vector<const JobPod*> ended;
  for (const JobPod& it : pods) {
    bool failed = it.state == State::kFailed && (it.tracked || !it.pod.deleting());
    if ((failed || it.state == State::kSucceeded) && (!index || it.index == index)) ended.push_back(&it);
  }
  std::stable_sort(ended.begin(), ended.end(), [](const JobPod* a, const JobPod* b) { return a->ended < b->ended; });
  int64_t failures = 0;
  for (const JobPod* it : ended) failures = it->state == State::kFailed ? failures + 1 : 0;
  return failures > 0 ? ended.back()->ended + delay_after(failures) : TimePoint{};
}

bool restarted_too_often(const Job& job, const std::vector<JobPod>& pods) {
  if (!job.restarts_in_place) return false;
  int64_t restarts = 0;
  for (const JobPod& it : pods) {
    std::string_view phase = json::get_string(it.pod.doc(), "status", "phase");
    if (phase != "Running" && phase != "Pending") continue;
    for (const char* list : {"initContainerStatuses", "containerStatuses"})
      for (const json::value& container : json::items(it.pod.doc(), "status", list))
        restarts += json::get_int(container, 0, "restartCount");
  }
  return job.backoff_limit == 0 ? restarts > 0 : restarts >= job.backoff_limit;
}

std::optional<Ending> decide_ending(const Job& job, const std::vector<JobPod>& pods, const JobCounts& counts, size_t active,
                                    const json::value& status, TimePoint now, std::optional<TimePoint>& look_again) {
  for (auto [type, good] : {std::pair("FailureTarget", false), std::pair("SuccessCriteriaMet", true)})
    if (const json::value* set = job.holds(type))
      return Ending{good, std::string(json::get_string(*set, "reason")), std::string(json::get_string(*set, "message"))};
  for (const JobPod& it : pods) {
    if (it.state != State::kFailed) continue;
    FailureVerdict verdict = judge_failure(job, it.pod);
    if (verdict.action == FailureVerdict::Action::kFailJob) return Ending{false, "PodFailurePolicy", verdict.message};
  }
  if (counts.failed() > job.backoff_limit || restarted_too_often(job, pods))
    return Ending{false, "BackoffLimitExceeded", "Job has reached the specified backoff limit"};
  std::optional<TimePoint> started = parse_time(json::get_string(status, "startTime"));
  if (job.active_deadline_seconds && started && !job.suspended) {
    TimePoint deadline = *started + std::chrono::seconds(*job.active_deadline_seconds);
    if (deadline <= now) return Ending{false, "DeadlineExceeded", "Job was active longer than specified deadline"};
    earliest(look_again, deadline);
  }
  if (job.limit_per_index) {
    auto failed = static_cast<int64_t>(counts.failed_indexes.size());
    if (job.max_failed_indexes && failed > *job.max_failed_indexes)
      return Ending{false, "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"};
    if (failed > 0 && failed + counts.succeeded() >= job.completions.value_or(0))
      return Ending{false, "FailedIndexes", "Job has failed indexes"};
  }
  if (std::optional<std::string> rule = fulfilled(job, counts.completed)) return Ending{true, "SuccessPolicy", *rule};
  bool enough = job.completions ? counts.succeeded() >= *job.completions : counts.succeeded() > 0;
  if (enough && active == 0) return Ending{true, "CompletionsReached", "Reached expected number of succeeded pods"};
  return std::nullopt;
}

Write delete_pod(const Object& pod) {
  client::DeleteOptions options;
  options.uid = pod.uid();
  return client::remove(kube::kPods, pod.key(), concat("delete pod ", pod.name()), options);
}

/// Deletes pods that are not wanted: they do not count as failed.
void withdraw(const std::vector<Object>& pods, std::vector<Write>& deletes) {
  for (const Object& pod : pods) {
    if (deletes.size() >= 2 * kMostPodsPerPass) return;
    if (pod.has_finalizer(kJobTracking)) deletes.push_back(untrack(pod));
    deletes.push_back(delete_pod(pod));
  }
}

/// Which active pods are too many: indexes out of range or doubled, then the first of the usual ranking.
std::vector<Object> surplus(const Job& job, const std::vector<JobPod>& pods, size_t at_least) {
  std::vector<Object> active, gone;
  for (const JobPod& it : pods)
    if (it.state == State::kActive) active.push_back(it.pod);
  std::vector<Object> related = active;
  sort_for_deletion(active, related);
  if (job.indexed) {
    std::map<int64_t, size_t> copies;
    for (const Object& pod : active)
      if (auto index = classify(job, pod).index) ++copies[*index];
    auto rest = std::stable_partition(active.begin(), active.end(), [&](const Object& pod) {
      auto index = classify(job, pod).index;
      return !index || copies[*index]-- > 1;
    });
    gone.assign(active.begin(), rest);
    active.erase(active.begin(), rest);
  }
  for (size_t i = 0; i < active.size() && gone.size() < at_least; ++i) gone.push_back(active[i]);
  return gone;
}

void make_pods(const Job& job, const std::vector<JobPod>& pods, const JobCounts& counts, int64_t missing, TimePoint now,
               JobDecision& decision) {
  missing = std::min(missing, static_cast<int64_t>(kMostPodsPerPass));
  if (!job.limit_per_index) {
    TimePoint until = backed_off_until(pods, std::nullopt);
    if (until > now) {
      earliest(decision.look_again, until);
      return;
    }
  }
  auto create = [&](std::optional<int64_t> index, int64_t failures) {
    decision.creates.push_back(client::create(kube::kPods, pod_of_job(job, index, failures), "create a pod"));
  };
  if (!job.indexed) {
    for (int64_t i = 0; i < missing; ++i) create(std::nullopt, 0);
    return;
  }
  IndexSet taken = counts.completed;
  taken.insert(counts.failed_indexes.begin(), counts.failed_indexes.end());
  for (const JobPod& it : pods)
    if (it.index && (it.state == State::kActive || it.state == State::kTerminating)) taken.insert(*it.index);
  for (int64_t index = 0; index < job.completions.value_or(0) && missing > 0; ++index) {
    if (taken.count(index)) continue;
    if (job.limit_per_index) {
      TimePoint until = backed_off_until(pods, index);
      if (until > now) {
        earliest(decision.look_again, until);
        continue;
      }
    }
    auto failures = counts.index_failures.find(index);
    create(index, failures == counts.index_failures.end() ? 0 : failures->second);
    --missing;
  }
}

void scale(const Job& job, const std::vector<JobPod>& pods, const JobCounts& counts, size_t active, TimePoint now,
           JobDecision& decision) {
  int64_t wanted = job.parallelism;
  if (job.completions) {
    wanted = std::min(wanted, *job.completions - counts.succeeded() - static_cast<int64_t>(counts.failed_indexes.size()));
  } else if (counts.succeeded() > 0) {
    wanted = std::min(wanted, static_cast<int64_t>(active));
  }
  wanted = std::max<int64_t>(0, wanted);
  auto present = static_cast<int64_t>(active);
  std::vector<Object> gone = surplus(job, pods, static_cast<size_t>(std::max<int64_t>(0, present - wanted)));
  if (!gone.empty()) {
    withdraw(gone, decision.deletes);
    return;
  }
  for (const JobPod& it : pods) present += it.state == State::kTerminating;
  if (present < wanted) make_pods(job, pods, counts, wanted - present, now, decision);
}

/// As kube::set_condition, with the lastProbeTime that Jobs have.
bool set(json::value& status, std::string_view type, std::string_view value, std::string_view reason, std::string_view message,
         TimePoint now) {
  if (!kube::set_condition(status, type, value, reason, message, now)) return false;
  for (json::value& condition : status.at("conditions").as_array())
    if (json::get_string(condition, "type") == type) condition.as_object()["lastProbeTime"] = format_time(now);
  return true;
}

void show_suspension(const Job& job, json::value& status, TimePoint now, std::vector<JobEvent>& events) {
  if (job.suspended) {
    if (set(status, "Suspended", "True", "JobSuspended", "Job suspended", now)) events.push_back({false, "Suspended", "Job suspended"});
  } else if (job.holds("Suspended") && set(status, "Suspended", "False", "JobResumed", "Job resumed", now)) {
    events.push_back({false, "Resumed", "Job resumed"});
    status.as_object()["startTime"] = format_time(now);
  }
}

void finish(const Ending& ending, json::value& status, TimePoint now, std::vector<JobEvent>& events) {
  set(status, ending.good ? "Complete" : "Failed", "True", ending.reason, ending.message, now);
  if (ending.good) {
    status.as_object()["completionTime"] = format_time(now);
    events.push_back({false, "Completed", "Job completed"});
  } else {
    events.push_back({true, ending.reason, ending.message});
  }
}

void await_expiry(const Job& job, const json::value& finished, TimePoint now, JobDecision& decision) {
  std::optional<TimePoint> since = parse_time(json::get_string(finished, "lastTransitionTime"));
  if (!job.ttl_seconds || !since || job.object.deleting()) return;
  TimePoint end = *since + std::chrono::seconds(*job.ttl_seconds);
  decision.expired = end <= now;
  if (!decision.expired) earliest(decision.look_again, end);
}

}  // namespace

Write untrack(const Object& pod) {
  const json::array& finalizers = json::items(pod.doc(), "metadata", "finalizers");
  size_t at = 0;
  while (at < finalizers.size() && json::as_string(&finalizers[at]) != kJobTracking) ++at;
  std::string path = concat("/metadata/finalizers/", at);
  json::array patch{json::object{{"op", "test"}, {"path", "/metadata/uid"}, {"value", pod.uid()}},
                    json::object{{"op", "test"}, {"path", path}, {"value", kJobTracking}},
                    json::object{{"op", "remove"}, {"path", path}}};
  return client::json_patch(kube::kPods, pod.key(), std::move(patch), concat("let pod ", pod.name(), " go"));
}

Result<JobDecision> plan(const JobObserved& observed, TimePoint now) {
  Job job(observed.job);
  JobDecision decision;
  const json::value* live = json::find(observed.job.doc(), "status");
  decision.status = live && live->is_object() ? *live : json::value(json::object());
  if (job.foreign) return decision;
  decision.claims = claim(observed.job, SERIN_TRY(selector_of(job)), kube::kPods, observed.pods, kJobTracking);
  std::vector<JobPod> pods;
  for (const Object& pod : decision.claims.owned) pods.push_back(classify(job, pod));

  if (const json::value* finished = job.finished()) {
    for (const JobPod& it : pods)
      if (it.tracked) decision.untrack.push_back(untrack(it.pod));
    await_expiry(job, *finished, now, decision);
    return decision;
  }

  JobCounts counts = count(job, pods);
  size_t active = 0, ready = 0, terminating = 0, unfinished = 0;
  for (const JobPod& it : pods) {
    active += it.state == State::kActive;
    ready += it.state == State::kActive && pod_ready(it.pod);
    terminating += it.leaving;
    unfinished += it.tracked || it.leaving || it.state == State::kActive;
  }
  json::value& status = decision.status;
  json::object& fields = status.as_object();
  if (!job.suspended && !fields.contains("startTime")) fields["startTime"] = format_time(now);

  std::optional<Ending> ending = decide_ending(job, pods, counts, active, status, now, decision.look_again);
  if (ending) {
    set(status, ending->good ? "SuccessCriteriaMet" : "FailureTarget", "True", ending->reason, ending->message, now);
    // These count: as failed where the Job fails, as what they were where it has succeeded.
    for (const JobPod& it : pods)
      if (it.state == State::kActive) decision.deletes.push_back(delete_pod(it.pod));
    if (unfinished == 0 && counts.settled()) finish(*ending, status, now, decision.events);
  } else {
    if (job.suspended) {
      withdraw(surplus(job, pods, active), decision.deletes);
    } else if (!observed.job.deleting()) {
      scale(job, pods, counts, active, now, decision);
    }
    show_suspension(job, status, now, decision.events);
  }
  fields["active"] = static_cast<int64_t>(active);
  fields["ready"] = static_cast<int64_t>(ready);
  fields["terminating"] = static_cast<int64_t>(terminating);
  counts.write(status);
  for (const JobPod& it : pods)
    if (it.tracked && counts.release.count(it.uid())) decision.untrack.push_back(untrack(it.pod));
  return decision;
}

}  // namespace serin::cluster
