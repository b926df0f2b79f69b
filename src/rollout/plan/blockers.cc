#include "rollout/plan/blockers.h"

#include "base/strings.h"
#include "base/time.h"
#include "rollout/names.h"
#include "rollout/plan/replicas.h"

namespace serin::rollout {
namespace {

using kube::Blocker;

const json::value* pod_condition(const Object& pod, std::string_view type) {
  return kube::find_condition(pod, type);
}

Blocker pause_blocker(const Situation& s, const json::value& pause) {
  Blocker blocker{"PauseStep", "", s.rollout.object().describe(),
                  parse_time(json::get_string(pause, "startTime")), ""};
  const Step* step = s.step();
  std::string promote = concat("serin release promote ", s.rollout.name());
  if (step && step->kind == Step::Kind::kPause && step->duration) {
    blocker.message = concat("step ", s.step_index + 1, "/", s.steps(), " pauses for ",
                             format_duration(*step->duration));
    TimePoint end = blocker.since.value_or(s.now) + *step->duration;
    blocker.ends_when = concat("in ", format_age(end - s.now), ", or: ", promote);
  } else {
    blocker.message = concat("step ", s.step_index + 1, "/", s.steps(), " pauses until somebody promotes");
    blocker.ends_when = promote;
  }
  return blocker;
}

void add_pods(const Situation& s, const ReplicaSet& set, int64_t wanted, std::vector<Blocker>& out) {
  if (set.available >= wanted) return;
  bool named = false;
  for (const Object& pod : s.observed.pods) {
    if (pod.label(kHashLabel) != set.hash || pod.deleting()) continue;
    if (auto blocker = pod_blocker(pod)) {
      out.push_back(std::move(*blocker));
      named = true;
    }
  }
  if (named) return;
  out.push_back({"PodsNotAvailable",
                 concat(set.available, " of ", wanted, " pods of ReplicaSet ", set.name(), " are available"),
                 set.object.describe(), {}, "when they are ready"});
}

}  // namespace

std::optional<Blocker> pod_blocker(const Object& pod) {
  const json::value* ready = pod_condition(pod, "Ready");
  if (ready && json::get_string(*ready, "status") == "True") return std::nullopt;
  Blocker blocker{"PodNotReady", "", pod.describe(),
                  ready ? parse_time(json::get_string(*ready, "lastTransitionTime")) : std::nullopt, ""};
  for (const json::value& container : json::items(pod.doc(), "status", "containerStatuses")) {
    std::string_view name = json::get_string(container, "name");
    if (const json::value* waiting = json::find(container, "state", "waiting")) {
      std::string_view why = json::get_string(*waiting, "reason");
      std::string_view text = json::get_string(*waiting, "message");
      if (why == "ErrImageNeverPull") blocker.reason = "ImageNotMapped";
      else if (why == "ErrImagePull" || why == "ImagePullBackOff") blocker.reason = "ImagePull";
      else if (why == "CrashLoopBackOff") blocker.reason = "CrashLoop";
      blocker.message = concat("container ", name, ": ", why, text.empty() ? "" : ": ", text);
      if (blocker.reason == "ImageNotMapped")
        blocker.ends_when = concat("when image ", json::get_string(container, "image"), " has a command");
      return blocker;
    }
    if (!json::get_bool(container, true, "ready") && json::find(container, "state", "running")) {
      for (const json::value& spec : json::items(pod.doc(), "spec", "containers")) {
        if (json::get_string(spec, "name") != name) continue;
        const json::object* probe = json::find_object(spec, "readinessProbe");
        if (!probe) continue;
        blocker.reason = "ProbeFailing";
        std::string what = "readiness probe";
        for (std::string_view kind : {"httpGet", "tcpSocket", "grpc", "exec"})
          if (const json::value* target = probe->if_contains(kind))
            what += concat(" (", kind, " ", json::dump(*target), ")");
        blocker.message = concat("container ", name, ": its ", what, " has not succeeded");
        blocker.ends_when = "when the probe succeeds";
        return blocker;
      }
    }
  }
  if (const json::value* scheduled = pod_condition(pod, "PodScheduled");
      scheduled && json::get_string(*scheduled, "status") == "False") {
    blocker.reason = "Unschedulable";
    blocker.message = json::get_string(*scheduled, "message");
  }
  if (blocker.message.empty() && ready) blocker.message = json::get_string(*ready, "message");
  if (blocker.message.empty())
    blocker.message = concat("is ", json::get_string(pod.doc(), "status", "phase"), ", not ready");
  return blocker;
}

std::vector<Blocker> find_blockers(const Situation& s, const TrafficPlan& traffic, const json::value& status) {
  std::vector<Blocker> out;
  const std::string self = s.rollout.object().describe();
  if (s.rollout.paused())
    out.push_back({"Paused", "spec.paused is set", self, {}, concat("serin release promote ", s.rollout.name())});
  if (json::get_bool(status, false, "abort") && !s.promoted())
    out.push_back({"Aborted", "the release was aborted; the stable version has the traffic", self,
                   parse_time(json::get_string(status, "abortedAt")),
                   concat("serin release retry ", s.rollout.name(), ", or a new template")});
  if (!s.newest) {
    out.push_back({"ReplicaSetMissing", "the ReplicaSet of the new template is being created", self, {}, ""});
    return out;
  }
  for (const json::value& pause : json::items(status, "pauseConditions"))
    out.push_back(pause_blocker(s, pause));

  const CanaryCounts wanted = wanted_counts(s);
  if (!s.aborted()) add_pods(s, *s.newest, wanted.canary, out);
  if (s.stable && s.stable != s.newest) add_pods(s, *s.stable, wanted.stable, out);

  if (traffic.active && !traffic.confirmation.settled()) {
    out.push_back({"WeightNotAcknowledged",
                   concat("not every proxy has taken over the routes: ", traffic.confirmation.message),
                   traffic.confirmation.object, traffic.confirmation.since, "when every connected proxy has them"});
  } else if (traffic.active && !traffic.waits_for.empty()) {
    out.push_back({"TrafficWaits", concat("traffic waits for ", traffic.waits_for), self, {}, ""});
  }
  for (const json::value& one : json::items(status, "conditions"))
    if (json::get_string(one, "reason") == "ProgressDeadlineExceeded")
      out.push_back({"ProgressDeadlineExceeded", std::string(json::get_string(one, "message")), self,
                     parse_time(json::get_string(one, "lastUpdateTime")), ""});
  return out;
}

}  // namespace serin::rollout
