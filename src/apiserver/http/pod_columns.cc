// What kubectl shows of pods.

#include <algorithm>

#include "apiserver/http/column_parts.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver::columns {
namespace {

/// What is read from a pod's container statuses at once: the most telling reason, who is ready, how often restarted.
struct Summary {
  std::string status;
  size_t ready = 0, total = 0;
  int64_t restarts = 0;
  std::optional<TimePoint> last_restart;
};

/// An init container that stays: it counts among the pod's containers.
bool is_sidecar(const json::value& pod, std::string_view name) {
  for (const json::value& c : json::items(pod, "spec", "initContainers"))
    if (json::get_string(c, "name") == name) return json::get_string(c, "restartPolicy") == "Always";
  return false;
}

std::string ending(const json::value& terminated, std::string_view prefix) {
  if (std::string_view reason = json::get_string(terminated, "reason"); !reason.empty()) return concat(prefix, reason);
  if (int64_t signal = json::get_int(terminated, 0, "signal")) return concat(prefix, "Signal:", signal);
  return concat(prefix, "ExitCode:", json::get_int(terminated, 0, "exitCode"));
}

void note_restarts(const json::value& status, int64_t& count, std::optional<TimePoint>& last) {
  count += json::get_int(status, 0, "restartCount");
  std::string_view finished = json::get_string(status, "lastState", "terminated", "finishedAt");
  if (auto at = finished.empty() ? std::nullopt : parse_time(finished); at && (!last || *at > *last)) last = at;
}

Summary summary_of(const json::value& doc) {
  kube::Object pod(doc);
  Summary out;
  out.status = json::get_string(doc, "status", "phase");
  if (std::string_view reason = json::get_string(doc, "status", "reason"); !reason.empty()) out.status = reason;
  if (const json::value* scheduled = kube::find_condition(pod, "PodScheduled"))
    if (json::get_string(*scheduled, "reason") == "SchedulingGated") out.status = "SchedulingGated";
  const json::array& inits = json::items(doc, "status", "initContainerStatuses");
  const json::array& specified = json::items(doc, "spec", "initContainers");
  out.total = json::items(doc, "spec", "containers").size();
  for (const json::value& c : specified) out.total += json::get_string(c, "restartPolicy") == "Always";

  bool initializing = false;
  int64_t sidecar_restarts = 0;
  std::optional<TimePoint> last_sidecar_restart;
  for (size_t i = 0; i < inits.size() && !initializing; ++i) {
    const json::value& c = inits[i];
    bool sidecar = is_sidecar(doc, json::get_string(c, "name"));
    note_restarts(c, out.restarts, out.last_restart);
    if (sidecar) note_restarts(c, sidecar_restarts, last_sidecar_restart);
    const json::value* terminated = json::find(c, "state", "terminated");
    if (terminated && json::get_int(*terminated, 0, "exitCode") == 0) continue;
    if (sidecar && json::get_bool(c, false, "started")) {
      out.ready += json::get_bool(c, false, "ready");
      continue;
    }
    initializing = true;
    std::string_view waiting = json::get_string(c, "state", "waiting", "reason");
    if (terminated) out.status = ending(*terminated, "Init:");
    else if (!waiting.empty() && waiting != "PodInitializing") out.status = concat("Init:", waiting);
    else out.status = concat("Init:", i, '/', specified.size());
  }
  if (!initializing || kube::condition_true(pod, "Initialized")) {
    out.restarts = sidecar_restarts;
    out.last_restart = last_sidecar_restart;
    bool running = false;
    const json::array& containers = json::items(doc, "status", "containerStatuses");
    for (size_t i = containers.size(); i-- > 0;) {
      const json::value& c = containers[i];
      note_restarts(c, out.restarts, out.last_restart);
      std::string_view waiting = json::get_string(c, "state", "waiting", "reason");
      const json::value* terminated = json::find(c, "state", "terminated");
      if (!waiting.empty()) out.status = waiting;
      else if (terminated) out.status = ending(*terminated, "");
      else if (json::get_bool(c, false, "ready") && json::find(c, "state", "running")) {
        running = true;
        ++out.ready;
      }
    }
    if (out.status == "Completed" && running) out.status = kube::condition_true(pod, "Ready") ? "Running" : "NotReady";
  }
  std::string_view phase = json::get_string(doc, "status", "phase");
  if (pod.deleting()) {
    if (json::get_string(doc, "status", "reason") == "NodeLost") out.status = "Unknown";
    else if (phase != "Succeeded" && phase != "Failed") out.status = "Terminating";
  }
  return out;
}

json::value restarts(const json::value& pod, TimePoint now) {
  Summary summary = summary_of(pod);
  if (summary.restarts == 0 || !summary.last_restart) return json::value(std::to_string(summary.restarts));
  return json::value(concat(summary.restarts, " (", format_age(std::max(now - *summary.last_restart, Duration::zero())), " ago)"));
}

std::string readiness_gates(const json::value& doc) {
  const json::array& gates = json::items(doc, "spec", "readinessGates");
  if (gates.empty()) return "<none>";
  kube::Object pod(doc);
  auto met = std::count_if(gates.begin(), gates.end(), [&](const json::value& g) { return kube::condition_true(pod, json::get_string(g, "conditionType")); });
  return concat(met, '/', gates.size());
}

}  // namespace

Columns pod() {
  return {text("Ready", [](const json::value& d) {
            Summary summary = summary_of(d);
            return concat(summary.ready, '/', summary.total);
          }),
          text("Status", [](const json::value& d) { return summary_of(d).status; }),
          {"Restarts", "string", "", "", 0, restarts},
          age(),
          text_at("IP", {"status", "podIP"}, "<none>", 1),
          text_at("Node", {"spec", "nodeName"}, "<none>", 1),
          text_at("Nominated Node", {"status", "nominatedNodeName"}, "<none>", 1),
          text("Readiness Gates", readiness_gates, 1)};
}

Columns pod_template() {
  Columns columns;
  add_template_columns(columns, {"template"}, false, 0);
  columns.push_back(text("Pod Labels", [](const json::value& d) { return map_text(json::find(d, "template", "metadata", "labels")); }));
  return columns;
}

}  // namespace serin::apiserver::columns
