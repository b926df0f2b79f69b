#include "cluster/deployment_status.h"

#include "base/strings.h"
#include "base/time.h"

namespace serin::cluster {
namespace {

const json::value* condition_in(const json::value& status, std::string_view type) {
  for (const json::value& condition : json::items(status, "conditions"))
    if (json::get_string(condition, "type") == type) return &condition;
  return nullptr;
}

/// As kube::set_condition, with the lastUpdateTime that Deployments have; `touch` renews it without a change.
void set(json::value& status, std::string_view type, std::string_view value, std::string_view reason,
         std::string_view message, TimePoint now, bool touch = false) {
  bool changed = kube::set_condition(status, type, value, reason, message, now);
  if (!changed && !touch) return;
  for (json::value& condition : status.at("conditions").as_array())
    if (json::get_string(condition, "type") == type) condition.as_object()["lastUpdateTime"] = format_time(now);
}

std::string described(const Deployment& deployment, const SetSizes& sets, std::string_view does) {
  return sets.current ? concat("ReplicaSet \"", sets.current->set.name(), "\" ", does)
                      : concat("Deployment \"", deployment.object.name(), "\" ", does);
}

void set_progress(const StatusInput& input, json::value& status, TimePoint now) {
  const Deployment& deployment = input.deployment;
  const json::value& before = deployment.object.doc();
  const json::value* progress = condition_in(status, "Progressing");
  std::string_view reason = progress ? json::get_string(*progress, "reason") : "";
  if (deployment.paused) {
    if (reason != "ProgressDeadlineExceeded")
      set(status, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now);
    return;
  }
  if (reason == "DeploymentPaused") {
    set(status, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", now);
    return;
  }
  if (!deployment.has_deadline()) return;
  if (!input.made_set.empty()) {
    set(status, "Progressing", "True", "NewReplicaSetCreated",
        concat("Created new replica set \"", input.made_set, "\""), now, true);
    return;
  }
  auto now_is = [&](const char* field) { return json::get_int(status, 0, field); };
  auto was = [&](const char* field) { return json::get_int(before, 0, "status", field); };
  int64_t old_now = now_is("replicas") - now_is("updatedReplicas");
  int64_t old_before = was("replicas") - was("updatedReplicas");
  bool complete = input.sets.current && now_is("updatedReplicas") == deployment.replicas &&
                  now_is("replicas") == deployment.replicas && now_is("availableReplicas") == deployment.replicas;
  bool moved = now_is("updatedReplicas") > was("updatedReplicas") || old_now < old_before ||
               now_is("readyReplicas") > was("readyReplicas") || now_is("availableReplicas") > was("availableReplicas");
  // A finished update stays finished: a new size and pods that come and go are no progress and run no deadline.
  if (reason == "NewReplicaSetAvailable" && now_is("replicas") == now_is("updatedReplicas") && input.sets.current) return;
  if (!progress && input.sets.current && !complete) {
    set(status, "Progressing", "True", "FoundNewReplicaSet",
        concat("Found new replica set \"", input.sets.current->set.name(), "\""), now, true);
    return;
  }
  if (complete) {
    set(status, "Progressing", "True", "NewReplicaSetAvailable",
        described(deployment, input.sets, "has successfully progressed."), now);
  } else if (moved || !progress || reason == "NewReplicaSetAvailable") {
    set(status, "Progressing", "True", "ReplicaSetUpdated", described(deployment, input.sets, "is progressing."), now,
        true);
  } else if (std::optional<TimePoint> deadline = progress_deadline(deployment, status); deadline && *deadline <= now) {
    set(status, "Progressing", "False", "ProgressDeadlineExceeded",
        described(deployment, input.sets, "has timed out progressing."), now);
  }
}

}  // namespace

json::value failed_creation(const Deployment& deployment, const std::string& set_name, const std::string& why, TimePoint now) {
  json::value status = json::object{{"conditions", json::items(deployment.object.doc(), "status", "conditions")}};
  set(status, "Progressing", "False", "ReplicaSetCreateError",
      concat("Failed to create new replica set \"", set_name, "\": ", why), now);
  return status;
}

std::optional<TimePoint> progress_deadline(const Deployment& deployment, const json::value& status) {
  const json::value* progress = condition_in(status, "Progressing");
  if (!progress || !deployment.has_deadline() || deployment.paused) return std::nullopt;
  std::string_view reason = json::get_string(*progress, "reason");
  if (reason == "NewReplicaSetAvailable" || reason == "ProgressDeadlineExceeded" || reason == "DeploymentPaused")
    return std::nullopt;
  std::optional<TimePoint> from = parse_time(json::get_string(*progress, "lastUpdateTime"));
  if (!from) from = parse_time(json::get_string(*progress, "lastTransitionTime"));
  if (!from) return std::nullopt;
  return *from + std::chrono::seconds(deployment.progress_deadline_seconds);
}

json::value deployment_status(const StatusInput& input, TimePoint now) {
  const Deployment& deployment = input.deployment;
  int64_t reported = 0, ready = 0, available = 0, terminating = 0, updated = 0;
  const json::value* failure = nullptr;
  auto count = [&](const SetSize& set) {
    reported += set.reported;
    ready += set.ready;
    available += json::get_int(set.set.doc(), 0, "status", "availableReplicas");
    terminating += json::get_int(set.set.doc(), 0, "status", "terminatingReplicas");
    if (const json::value* found = kube::find_condition(set.set, "ReplicaFailure")) failure = found;
  };
  for (const SetSize& set : input.sets.old) count(set);
  if (input.sets.current) {
    count(*input.sets.current);
    updated = input.sets.current->reported;
  }
  json::value status = json::object{{"observedGeneration", deployment.object.generation()},
                                    {"replicas", reported},
                                    {"updatedReplicas", updated},
                                    {"readyReplicas", ready},
                                    {"availableReplicas", available},
                                    {"unavailableReplicas", std::max<int64_t>(0, input.pods_wanted - available)},
                                    {"terminatingReplicas", terminating},
                                    {"conditions", json::array(json::items(deployment.object.doc(), "status", "conditions"))}};
  if (available >= deployment.least_available())
    set(status, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now);
  else
    set(status, "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.",
        now);
  set_progress(input, status, now);
  if (failure) {
    set(status, "ReplicaFailure", json::get_string(*failure, "status"), json::get_string(*failure, "reason"),
        json::get_string(*failure, "message"), now);
  } else {
    json::array kept;
    for (const json::value& condition : json::items(status, "conditions"))
      if (json::get_string(condition, "type") != "ReplicaFailure") kept.push_back(condition);
    status.as_object()["conditions"] = std::move(kept);
  }
  return status;
}

}  // namespace serin::cluster
