#include "cluster/job/job.h"

#include "base/strings.h"
#include "base/time.h"
#include "cluster/pods.h"
#include "cluster/replica_set_planner.h"

namespace serin::cluster {
namespace {

constexpr size_t kMaxHostname = 63;

TimePoint ending_of(const Object& pod) {
  std::optional<TimePoint> last;
  for (const json::value& container : json::items(pod.doc(), "status", "containerStatuses"))
    if (auto at = parse_time(json::get_string(container, "state", "terminated", "finishedAt")))
      last = std::max(last.value_or(*at), *at);
  if (last) return *last;
  if (const json::value* ready = kube::find_condition(pod, "Ready"))
    if (auto at = parse_time(json::get_string(*ready, "lastTransitionTime"))) return *at;
  if (auto at = pod.deletion_time()) return *at;
  return pod.created().value_or(TimePoint{});
}

void put_index(const Job& job, int64_t index, int64_t failures, json::value& pod) {
  std::string text = std::to_string(index);
  json::set(pod, {"metadata", "generateName"}, json::value(concat(job.object.name(), "-", text, "-")));
  json::set(pod, {"metadata", "labels", kJobIndex}, json::value(text));
  json::set(pod, {"metadata", "annotations", kJobIndex}, json::value(text));
  if (job.limit_per_index) json::set(pod, {"metadata", "annotations", kJobIndexFailures}, json::value(std::to_string(failures)));
  std::string hostname = concat(job.object.name(), "-", text);
  if (hostname.size() <= kMaxHostname && !json::find(pod, "spec", "hostname")) json::set(pod, {"spec", "hostname"}, json::value(hostname));
  json::value variable = json::object{
      {"name", "JOB_COMPLETION_INDEX"},
      {"valueFrom", json::object{{"fieldRef", json::object{{"fieldPath", concat("metadata.labels['", kJobIndex, "']")}}}}}};
  for (const char* list : {"initContainers", "containers"}) {
    json::value* containers = json::find(pod, "spec", list);
    if (!containers || !containers->is_array()) continue;
    for (json::value& container : containers->get_array()) {
      if (!container.is_object()) continue;
      bool present = false;
      for (const json::value& each : json::items(container, "env")) present |= json::get_string(each, "name") == "JOB_COMPLETION_INDEX";
      if (present) continue;
      json::value& env = container.get_object()["env"];
      if (!env.is_array()) env = json::array();
      env.get_array().push_back(variable);
    }
  }
}

}  // namespace

Job::Job(const Object& from) : object(from) {
  const json::value& doc = object.doc();
  auto number = [&](const char* field) { return json::as_int(json::find(doc, "spec", field)); };
  parallelism = number("parallelism").value_or(1);
  completions = number("completions");
  active_deadline_seconds = number("activeDeadlineSeconds");
  ttl_seconds = number("ttlSecondsAfterFinished");
  limit_per_index = number("backoffLimitPerIndex");
  max_failed_indexes = number("maxFailedIndexes");
  backoff_limit = number("backoffLimit").value_or(limit_per_index ? INT32_MAX : 6);
  indexed = json::get_string(doc, "spec", "completionMode") == "Indexed";
  suspended = json::get_bool(doc, false, "spec", "suspend");
  std::string_view policy = json::get_string(doc, "spec", "podReplacementPolicy");
  replace_only_failed = policy == "Failed" || (policy.empty() && json::find_object(doc, "spec", "podFailurePolicy"));
  restarts_in_place = json::get_string(doc, "spec", "template", "spec", "restartPolicy") == "OnFailure";
  std::string_view manager = json::get_string(doc, "spec", "managedBy");
  foreign = !manager.empty() && manager != "kubernetes.io/job-controller";
}

const json::value* Job::holds(std::string_view condition) const {
  const json::value* found = kube::find_condition(object, condition);
  return found && json::get_string(*found, "status") == "True" ? found : nullptr;
}

const json::value* Job::finished() const {
  const json::value* complete = holds("Complete");
  return complete ? complete : holds("Failed");
}

Result<kube::LabelSelector> selector_of(const Job& job) {
  const json::value* written = json::find(job.object.doc(), "spec", "selector");
  if (!written || written->is_null()) {
    json::value own = json::object{{kJobUid, job.object.uid()}};
    return kube::LabelSelector::from_map(&own);
  }
  Result<kube::LabelSelector> selector = kube::LabelSelector::from_object(written);
  if (selector) return selector;
  Error error = selector.error();
  error.terminal = true;
  return fail(error);
}

JobPod classify(const Job& job, const Object& pod) {
  JobPod it;
  it.pod = pod;
  it.tracked = pod.has_finalizer(kJobTracking);
  std::string_view phase = json::get_string(pod.doc(), "status", "phase");
  bool never_ran = json::get_string(pod.doc(), "spec", "nodeName").empty();
  bool by_force = json::get_int(pod.doc(), -1, "metadata", "deletionGracePeriodSeconds") == 0;
  if (phase == "Succeeded") {
    it.state = JobPod::State::kSucceeded;
  } else if (phase == "Failed" || (pod.deleting() && (never_ran || by_force))) {
    it.state = JobPod::State::kFailed;
  } else if (pod.deleting()) {
    it.leaving = true;
    it.state = job.replace_only_failed ? JobPod::State::kTerminating : JobPod::State::kFailed;
  }
  it.ended = ending_of(pod);
  if (job.indexed) {
    std::optional<int64_t> index = parse_int<int64_t>(pod.annotation(kJobIndex));
    if (index && *index >= 0 && *index < job.completions.value_or(0)) it.index = index;
  }
  return it;
}

Object pod_of_job(const Job& job, std::optional<int64_t> index, int64_t failures) {
  const json::value* pod_template = json::find(job.object.doc(), "spec", "template");
  return pod_from_template(job.object, pod_template ? *pod_template : json::object()).edit([&](json::value& pod) {
    for (const char* name : {kJobName, kJobNameLegacy}) json::set(pod, {"metadata", "labels", name}, json::value(job.object.name()));
    for (const char* name : {kJobUid, kJobUidLegacy}) json::set(pod, {"metadata", "labels", name}, json::value(job.object.uid()));
    json::value& finalizers = json::ensure_object(pod, {"metadata"})["finalizers"];
    if (!finalizers.is_array()) finalizers = json::array();
    finalizers.get_array().emplace_back(kJobTracking);
    if (index) put_index(job, *index, failures, pod);
  });
}

}  // namespace serin::cluster
