#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "node/pod_view.h"

namespace serin::node {
namespace {

std::string container_id(const ContainerRecord& record) { return concat("serin://", record.id.str()); }

json::object terminated_state(const ContainerRecord& record) {
  std::string_view reason = record.exit_code == 0 ? "Completed" : "Error";
  if (record.lost) reason = "ContainerStatusUnknown";
  if (!record.start_error.empty()) reason = "StartError";
  json::object state{{"exitCode", record.exit_code},
                     {"reason", reason},
                     {"startedAt", format_time(record.started_at)},
                     {"finishedAt", format_time(record.finished_at)},
                     {"containerID", container_id(record)}};
  if (record.signal != 0) state["signal"] = record.signal;
  if (!record.start_error.empty()) state["message"] = record.start_error;
  if (record.lost) state["message"] = "the container ended while nobody watched it";
  return {{"terminated", std::move(state)}};
}

json::object waiting_state(std::string_view reason, std::string_view message) {
  json::object state{{"reason", reason}};
  if (!message.empty()) state["message"] = message;
  return {{"waiting", std::move(state)}};
}

json::object container_state(const PodObserved& observed, const PodView& pod, const ContainerView& view,
                             TimePoint now) {
  if (view.running()) return {{"running", json::object{{"startedAt", format_time(view.latest->started_at)}}}};
  bool over = observed.pod.deleting() || pod.finished() || pod.init_failed() || (view.init && !view.sidecar && view.succeeded());
  if (view.exited() && (over || !view.restarts(pod.restart_policy))) return terminated_state(*view.latest);
  if (view.problem != nullptr) return waiting_state(view.problem->reason, view.problem->message);
  if (view.exited()) {
    TimePoint at = restart_at(*view.latest);
    if (at <= now) return terminated_state(*view.latest);
    std::string why = view.latest->start_error.empty() ? "" : concat(": ", view.latest->start_error);
    return waiting_state("CrashLoopBackOff",
                         concat("back-off ", format_duration(at - view.latest->finished_at),
                                " restarting failed container=", view.name, " pod=", observed.pod.name(), "_",
                                observed.pod.ns(), "(", observed.pod.uid(), ")", why));
  }
  return waiting_state(view.init || pod.initialized() ? "ContainerCreating" : "PodInitializing", "");
}

json::object container_status(const PodObserved& observed, const PodView& pod, const ContainerView& view,
                              TimePoint now) {
  json::object state = container_state(observed, pod, view, now);
  bool init_done = view.init && !view.sidecar && view.succeeded();
  std::string image(json::get_string(*view.spec, "image"));
  json::object out{{"name", view.name},
                   {"image", image},
                   {"imageID", view.latest != nullptr ? concat("serin://", image) : ""},
                   {"ready", init_done || view.ready()},
                   {"started", view.started()},
                   {"restartCount", view.latest != nullptr ? view.latest->id.attempt : 0}};
  if (view.latest != nullptr) out["containerID"] = container_id(*view.latest);
  const ContainerRecord* last = state.contains("waiting") ? view.latest : view.previous;
  out["lastState"] = last != nullptr ? terminated_state(*last) : json::object();
  out["state"] = std::move(state);
  return out;
}

std::string_view phase_of(const PodObserved& observed, const PodView& pod) {
  std::string_view before = json::get_string(observed.pod.doc(), "status", "phase");
  if (before == "Succeeded" || before == "Failed") return before;
  if (pod.init_failed()) return "Failed";
  bool all_exited = !pod.main.empty() && std::all_of(pod.main.begin(), pod.main.end(),
                                                     [](const ContainerView& view) { return view.exited(); });
  if (!pod.any_running() && (pod.finished() || (all_exited && observed.pod.deleting()))) {
    bool good = std::all_of(pod.main.begin(), pod.main.end(), [](const ContainerView& view) { return view.succeeded(); });
    return good ? "Succeeded" : "Failed";
  }
  bool all_begun = std::all_of(pod.main.begin(), pod.main.end(),
                               [](const ContainerView& view) { return view.latest != nullptr; });
  return pod.initialized() && all_begun ? "Running" : "Pending";
}

struct Verdict {
  bool holds;
  std::string reason, message;
};

Verdict containers_ready(const PodView& pod, std::string_view phase) {
  if (phase == "Succeeded") return {false, "PodCompleted", ""};
  if (phase == "Failed") return {false, "PodFailed", ""};
  std::string names, reasons;
  auto look = [&](const ContainerView& view) {
    if (view.ready()) return;
    names += concat(names.empty() ? "" : " ", view.name);
    if (view.running() && view.health != nullptr && !view.health->not_ready.empty())
      reasons += concat(reasons.empty() ? ": " : "; ", view.name, ": ", view.health->not_ready);
  };
  for (const ContainerView& view : pod.init)
    if (view.sidecar) look(view);
  for (const ContainerView& view : pod.main) look(view);
  if (names.empty()) return {true, "", ""};
  return {false, "ContainersNotReady", concat("containers with unready status: [", names, "]", reasons)};
}

Verdict pod_ready(const PodObserved& observed, const Verdict& containers) {
  if (!containers.holds) return containers;
  for (const json::value& gate : json::items(observed.pod.doc(), "spec", "readinessGates")) {
    std::string_view type = json::get_string(gate, "conditionType");
    const json::value* condition = kube::find_condition(observed.pod, type);
    if (condition == nullptr)
      return {false, "ReadinessGatesNotReady",
              concat("corresponding condition of pod readiness gate \"", type, "\" does not exist.")};
    if (json::get_string(*condition, "status") != "True")
      return {false, "ReadinessGatesNotReady",
              concat("the status of pod readiness gate \"", type, "\" is not \"True\", but ",
                     json::get_string(*condition, "status"))};
  }
  return {true, "", ""};
}

}  // namespace

json::value pod_status(const PodObserved& observed, const PodView& pod, TimePoint now) {
  const json::value* before = json::find(observed.pod.doc(), "status");
  json::value status = before != nullptr && before->is_object() ? *before : json::value(json::object());
  json::object& out = status.as_object();
  std::string_view phase = phase_of(observed, pod);
  out["phase"] = phase;
  if (!observed.host_ip.empty()) {
    out["hostIP"] = observed.host_ip;
    out["hostIPs"] = json::array{json::object{{"ip", observed.host_ip}}};
  }
  if (!observed.pod_ip.empty()) {
    out["podIP"] = observed.pod_ip;
    out["podIPs"] = json::array{json::object{{"ip", observed.pod_ip}}};
  }
  if (!out.contains("startTime")) out["startTime"] = format_time(now);

  json::array main, init;
  for (const ContainerView& view : pod.main) main.push_back(container_status(observed, pod, view, now));
  for (const ContainerView& view : pod.init) init.push_back(container_status(observed, pod, view, now));
  out["containerStatuses"] = std::move(main);
  if (!init.empty()) out["initContainerStatuses"] = std::move(init);

  auto condition = [&](std::string_view type, const Verdict& verdict) {
    kube::set_condition(status, type, verdict.holds ? "True" : "False", verdict.reason, verdict.message, now);
  };
  condition("PodReadyToStartContainers", {!observed.pod_ip.empty(), "", ""});
  std::string waiting;
  for (const ContainerView& view : pod.init)
    if (view.sidecar ? !view.started() : !view.succeeded()) waiting += concat(waiting.empty() ? "" : " ", view.name);
  condition("Initialized", pod.initialized()
                               ? Verdict{true, "", ""}
                               : Verdict{false, "ContainersNotInitialized",
                                         concat("containers with incomplete status: [", waiting, "]")});
  Verdict containers = containers_ready(pod, phase);
  condition("ContainersReady", containers);
  condition("Ready", pod_ready(observed, containers));
  if (kube::find_condition(observed.pod, "PodScheduled") == nullptr) condition("PodScheduled", {true, "", ""});
  return status;
}

}  // namespace serin::node
