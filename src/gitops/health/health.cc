#include "gitops/health/health.h"

#include <array>

#include "base/strings.h"

namespace serin::gitops::health {
namespace {

using kube::Object;

constexpr std::array<std::string_view, 6> kTexts{"Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"};
constexpr std::string_view kHook = "argocd.argoproj.io/hook";
constexpr std::string_view kIgnore = "argocd.argoproj.io/ignore-healthcheck";

Health healthy(std::string message = {}) { return {Status::kHealthy, std::move(message)}; }
Health progressing(std::string message) { return {Status::kProgressing, std::move(message)}; }
Health degraded(std::string message) { return {Status::kDegraded, std::move(message)}; }
Health suspended(std::string message) { return {Status::kSuspended, std::move(message)}; }

int64_t number(const Object& object, int64_t otherwise, std::string_view part, std::string_view field) {
  return json::get_int(object.doc(), otherwise, part, field);
}

std::string message_of(const json::value& condition) { return std::string(json::get_string(condition, "message")); }

bool observed(const Object& object) { return number(object, 0, "status", "observedGeneration") >= object.generation(); }

Health deployment(const Object& object) {
  if (json::get_bool(object.doc(), false, "spec", "paused")) return suspended("Deployment is paused");
  if (!observed(object)) return progressing("Waiting for the new spec to be observed");
  const json::value* progress = kube::find_condition(object, "Progressing");
  if (progress && json::get_string(*progress, "reason") == "ProgressDeadlineExceeded")
    return degraded(concat("Deployment ", object.name(), " exceeded its progress deadline"));
  int64_t wanted = number(object, 1, "spec", "replicas"), updated = number(object, 0, "status", "updatedReplicas"),
          all = number(object, 0, "status", "replicas"), available = number(object, 0, "status", "availableReplicas");
  if (updated < wanted) return progressing(concat(updated, " of ", wanted, " replicas are updated"));
  if (all > updated) return progressing(concat(all - updated, " old replicas are to terminate"));
  if (available < updated) return progressing(concat(available, " of ", updated, " updated replicas are available"));
  return healthy();
}

Health replica_set(const Object& object) {
  if (!observed(object)) return progressing("Waiting for the new spec to be observed");
  if (const json::value* failure = kube::find_condition(object, "ReplicaFailure");
      failure && json::get_string(*failure, "status") == "True")
    return degraded(message_of(*failure));
  int64_t wanted = number(object, 1, "spec", "replicas"), available = number(object, 0, "status", "availableReplicas");
  if (available < wanted) return progressing(concat(available, " of ", wanted, " replicas are available"));
  return healthy();
}

Health stateful_set(const Object& object) {
  if (!observed(object)) return progressing("Waiting for the new spec to be observed");
  int64_t wanted = number(object, 1, "spec", "replicas"), ready = number(object, 0, "status", "readyReplicas"),
          updated = number(object, 0, "status", "updatedReplicas");
  if (ready < wanted) return progressing(concat(ready, " of ", wanted, " replicas are ready"));
  if (json::get_string(object.doc(), "spec", "updateStrategy", "type") == "OnDelete")
    return healthy(concat(ready, " replicas are ready"));
  int64_t partition = json::get_int(object.doc(), 0, "spec", "updateStrategy", "rollingUpdate", "partition");
  if (partition > 0) {
    if (updated < wanted - partition) return progressing(concat(updated, " of ", wanted - partition, " replicas of the partition are updated"));
    return healthy(concat("partitioned update is complete: ", updated, " replicas are updated"));
  }
  if (json::get_string(object.doc(), "status", "updateRevision") != json::get_string(object.doc(), "status", "currentRevision"))
    return progressing(concat(updated, " replicas are at the new revision"));
  return healthy();
}

Health daemon_set(const Object& object) {
  if (!observed(object)) return progressing("Waiting for the new spec to be observed");
  int64_t wanted = number(object, 0, "status", "desiredNumberScheduled"),
          updated = number(object, 0, "status", "updatedNumberScheduled"),
          available = number(object, 0, "status", "numberAvailable");
  if (json::get_string(object.doc(), "spec", "updateStrategy", "type") == "OnDelete") return healthy();
  if (updated < wanted) return progressing(concat(updated, " of ", wanted, " pods are updated"));
  if (available < wanted) return progressing(concat(available, " of ", wanted, " pods are available"));
  return healthy();
}

/// A message of a container that cannot start, or "".
std::string container_trouble(const Object& pod, std::string_view list) {
  for (const json::value& status : json::items(pod.doc(), "status", list)) {
    std::string_view reason = json::get_string(status, "state", "waiting", "reason");
    bool trouble = reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
    if (trouble) return concat(json::get_string(status, "name"), ": ", reason, ": ", json::get_string(status, "state", "waiting", "message"));
  }
  return {};
}

Health pod(const Object& object) {
  std::string_view phase = json::get_string(object.doc(), "status", "phase");
  std::string message(json::get_string(object.doc(), "status", "message"));
  std::string_view restart = json::get_string(object.doc(), "spec", "restartPolicy");
  bool restarts = restart.empty() || restart == "Always";
  if (restarts)
    for (std::string_view list : {"initContainerStatuses", "containerStatuses"})
      if (std::string trouble = container_trouble(object, list); !trouble.empty()) return degraded(trouble);
  if (phase == "Pending") return progressing(message);
  if (phase == "Succeeded") return healthy(message);
  if (phase == "Failed") {
    for (const json::value& status : json::items(object.doc(), "status", "containerStatuses")) {
      if (!message.empty()) break;
      message = std::string(json::get_string(status, "state", "terminated", "message"));
      if (int64_t code = json::get_int(status, 0, "state", "terminated", "exitCode"); message.empty() && code != 0)
        message = concat("container ", json::get_string(status, "name"), " failed with exit code ", code);
    }
    return degraded(message);
  }
  if (phase == "Running") {
    if (!restarts) return progressing(message);
    if (kube::condition_true(object, "Ready")) return healthy(message);
    for (const json::value& status : json::items(object.doc(), "status", "containerStatuses"))
      if (json::find(status, "lastState", "terminated")) return degraded(message);
    return progressing(message);
  }
  return {Status::kUnknown, message};
}

Health job(const Object& object) {
  for (const json::value& condition : json::items(object.doc(), "status", "conditions")) {
    if (json::get_string(condition, "status") != "True") continue;
    std::string_view type = json::get_string(condition, "type");
    if (type == "Failed") return degraded(message_of(condition));
    if (type == "Complete") return healthy(message_of(condition));
    if (type == "Suspended") return suspended(message_of(condition));
  }
  return progressing("Job is running");
}

Health service(const Object& object) {
  if (json::get_string(object.doc(), "spec", "type") != "LoadBalancer") return healthy();
  if (json::items(object.doc(), "status", "loadBalancer", "ingress").empty()) return progressing("Waiting for an address");
  return healthy();
}

Health volume_claim(const Object& object) {
  std::string_view phase = json::get_string(object.doc(), "status", "phase");
  if (phase == "Bound") return healthy();
  if (phase == "Pending") return progressing("");
  if (phase == "Lost") return degraded("");
  return {Status::kUnknown, ""};
}

/// Whether a Rollout's controller has seen the spec. A generation that is no number, or greater than the
/// object's, is of an old controller and counts as seen.
bool rollout_observed(const Object& object) {
  const json::value* value = json::find(object.doc(), "status", "observedGeneration");
  if (!value) return false;
  std::optional<int64_t> generation = json::as_int(value);
  if (!generation) generation = parse_int<int64_t>(json::as_string(value));
  if (generation && *generation < object.generation()) return false;
  std::string_view workload = object.annotation("rollout.argoproj.io/workload-generation");
  if (workload.empty()) return true;
  const json::value* seen = json::find(object.doc(), "status", "workloadObservedGeneration");
  return seen && (seen->is_string() ? json::as_string(seen) == workload : json::dump(*seen) == workload);
}

Health rollout(const Object& object) {
  if (!json::find(object.doc(), "status") || !rollout_observed(object))
    return progressing("Waiting for rollout spec update to be observed");
  std::string message(json::get_string(object.doc(), "status", "message"));
  std::string_view phase = json::get_string(object.doc(), "status", "phase");
  if (phase == "Paused") return suspended(message);
  if (!phase.empty()) return {status_of(phase), message};
  for (const json::value& condition : json::items(object.doc(), "status", "conditions")) {
    std::string_view type = json::get_string(condition, "type"), reason = json::get_string(condition, "reason");
    if (type == "InvalidSpec" || reason == "RolloutAborted" || reason == "ProgressDeadlineExceeded")
      return degraded(message_of(condition));
  }
  if (!json::items(object.doc(), "status", "pauseConditions").empty() || json::get_bool(object.doc(), false, "spec", "paused"))
    return suspended("Rollout is paused");
  int64_t wanted = number(object, 1, "spec", "replicas"), updated = number(object, 0, "status", "updatedReplicas"),
          all = number(object, 0, "status", "replicas"), available = number(object, 0, "status", "availableReplicas");
  if (updated < wanted) return progressing("Waiting for rollout to finish: more replicas need to be updated");
  if (all > updated) return progressing("Waiting for rollout to finish: old replicas are pending termination");
  if (available < updated) return progressing("Waiting for rollout to finish: updated replicas are still becoming available");
  return healthy();
}

Health application(const Object& object) {
  std::string_view status = json::get_string(object.doc(), "status", "health", "status");
  return {status.empty() ? Status::kUnknown : status_of(status),
          std::string(json::get_string(object.doc(), "status", "health", "message"))};
}

}  // namespace

std::string_view text(Status status) { return kTexts[static_cast<size_t>(status)]; }

Status status_of(std::string_view text) {
  for (size_t i = 0; i < kTexts.size(); ++i)
    if (kTexts[i] == text) return static_cast<Status>(i);
  return Status::kUnknown;
}

std::optional<Health> assess(const Object& live) {
  if (live.deleting() && !live.has_annotation(kHook)) return progressing("Pending deletion");
  kube::GroupVersionKind gvk = live.gvk();
  struct Check {
    std::string_view group, kind;
    Health (*assess)(const Object&);
  };
  static constexpr std::array<Check, 10> kChecks{{{"apps", "Deployment", deployment},
                                                  {"apps", "ReplicaSet", replica_set},
                                                  {"apps", "StatefulSet", stateful_set},
                                                  {"apps", "DaemonSet", daemon_set},
                                                  {"", "Pod", pod},
                                                  {"", "Service", service},
                                                  {"", "PersistentVolumeClaim", volume_claim},
                                                  {"batch", "Job", job},
                                                  {"argoproj.io", "Rollout", rollout},
                                                  {"argoproj.io", "Application", application}}};
  for (const Check& check : kChecks)
    if (check.group == gvk.group && check.kind == gvk.kind) return check.assess(live);
  return std::nullopt;
}

Health aggregate(const std::vector<Part>& parts) {
  Health worst;
  std::vector<std::string> causes;
  size_t live = 0, more = 0;
  for (const Part& part : parts) {
    if (!part.live) continue;
    ++live;
    if (!part.health || part.live->annotation(kIgnore) == "true") continue;
    Status status = part.health->status;
    bool child = part.live->kind() == "Application" && part.live->gvk().group == "argoproj.io";
    if (child && (status == Status::kMissing || status == Status::kUnknown)) continue;
    if (status < worst.status || status == Status::kHealthy) continue;
    if (status > worst.status) causes.clear(), more = 0;
    worst.status = status;
    if (causes.size() < 3) causes.push_back(concat(part.live->kind(), " ", part.live->name(), part.health->message.empty() ? "" : ": ", part.health->message));
    else ++more;
  }
  if (!parts.empty() && live == 0) return {Status::kMissing, "none of its resources is there"};
  worst.message = join(causes, "; ");
  if (more > 0) worst.message += concat("; and ", more, " more");
  return worst;
}

}  // namespace serin::gitops::health
