#include "cluster/nodes/node_health.h"

#include "base/strings.h"
#include "base/time.h"
#include "cluster/pods.h"
#include "cluster/status_change.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using kube::Object;

constexpr std::string_view kHealthConditions[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};

std::string_view condition(const json::value& status, std::string_view type) {
  for (const json::value& each : json::items(status, "conditions"))
    if (json::get_string(each, "type") == type) return json::get_string(each, "status");
  return {};
}

/// The node's status when its agent is silent.
json::value silenced(const Object& node, TimePoint now) {
  json::value status = status_of(node);
  for (std::string_view type : kHealthConditions) {
    std::string_view before = condition(status, type);
    if (before == "Unknown") continue;
    bool ever = !before.empty();
    kube::set_condition(status, type, "Unknown", ever ? "NodeStatusUnknown" : "NodeStatusNeverUpdated",
                        ever ? "Kubelet stopped posting node status." : "Kubelet never posted node status.", now);
  }
  return status;
}

struct Taint {
  std::string_view key, effect;
};

/// The taints that the node's state asks for, out of those that this module keeps.
std::vector<Taint> wanted_taints(const Object& node, const json::value& status, bool tended) {
  std::vector<Taint> taints;
  std::string_view ready = condition(status, "Ready");
  if (tended && ready != "True") {
    std::string_view key = ready == "Unknown" ? kUnreachableTaint : kNotReadyTaint;
    taints.push_back({key, "NoSchedule"});
    taints.push_back({key, "NoExecute"});
  }
  for (auto [type, key] : {std::pair("MemoryPressure", "node.kubernetes.io/memory-pressure"),
                           std::pair("DiskPressure", "node.kubernetes.io/disk-pressure"),
                           std::pair("PIDPressure", "node.kubernetes.io/pid-pressure"),
                           std::pair("NetworkUnavailable", "node.kubernetes.io/network-unavailable")})
    if (condition(status, type) == "True") taints.push_back({key, "NoSchedule"});
  if (json::get_bool(node.doc(), false, "spec", "unschedulable")) taints.push_back({kUnschedulableTaint, "NoSchedule"});
  return taints;
}

bool kept_here(std::string_view key) {
  for (std::string_view own : {std::string_view(kNotReadyTaint), std::string_view(kUnreachableTaint),
                               std::string_view(kUnschedulableTaint), std::string_view("node.kubernetes.io/memory-pressure"),
                               std::string_view("node.kubernetes.io/disk-pressure"), std::string_view("node.kubernetes.io/pid-pressure"),
                               std::string_view("node.kubernetes.io/network-unavailable")})
    if (key == own) return true;
  return false;
}

json::array tainted(const Object& node, const std::vector<Taint>& wanted, TimePoint now) {
  auto is = [](const json::value& taint, const Taint& other) {
    return json::get_string(taint, "key") == other.key && json::get_string(taint, "effect") == other.effect;
  };
  json::array list;
  for (const json::value& taint : json::items(node.doc(), "spec", "taints")) {
    bool stays = !kept_here(json::get_string(taint, "key"));
    for (const Taint& each : wanted) stays |= is(taint, each);
    if (stays) list.push_back(taint);
  }
  for (const Taint& each : wanted) {
    bool present = false;
    for (const json::value& taint : list) present |= is(taint, each);
    if (present) continue;
    json::object made{{"key", each.key}, {"effect", each.effect}};
    if (each.effect == "NoExecute") made["timeAdded"] = format_time(now);
    list.push_back(std::move(made));
  }
  return list;
}

bool has_taint(const json::array& taints, std::string_view effect) {
  for (const json::value& taint : taints) {
    std::string_view key = json::get_string(taint, "key");
    if (json::get_string(taint, "effect") == effect && (key == kNotReadyTaint || key == kUnreachableTaint)) return true;
  }
  return false;
}

void mark_pods(const NodeObserved& observed, TimePoint now, std::vector<client::Write>& writes) {
  for (const Object& pod : observed.pods) {
    if (pod_ended(pod) || !pod_ready(pod)) continue;
    json::value status = status_of(pod);
    kube::set_condition(status, "Ready", "False", "NodeNotReady", concat("node ", observed.node.name(), " is not ready"), now);
    if (auto change = status_change(kube::kPods, pod, status)) writes.push_back(std::move(*change));
  }
}

}  // namespace

NodeDecision plan(const NodeObserved& observed, TimePoint now) {
  NodeDecision decision;
  const Object& node = observed.node;
  json::value status = status_of(node);
  if (observed.renewed) {
    TimePoint end = *observed.renewed + kNodeGrace;
    if (end > now)
      decision.look_again = end;
    else
      status = silenced(node, now);
  }
  const json::array& live = json::items(node.doc(), "spec", "taints");
  json::array taints = tainted(node, wanted_taints(node, status, observed.renewed.has_value()), now);
  decision.lost = has_taint(taints, "NoExecute") && !has_taint(live, "NoExecute");
  if (decision.lost) mark_pods(observed, now, decision.writes);
  std::optional<client::Write> change = status_change(kube::kNodes, node, status);
  if (change) decision.writes.push_back(std::move(*change));
  if (taints != live) {
    // The list is replaced whole: it holds for the version that was read, or that the status write before it made.
    json::value all = taints.empty() ? json::value(nullptr) : json::value(taints);
    json::object patch{{"spec", json::object{{"taints", std::move(all)}}}};
    if (decision.writes.empty() || !change) patch["metadata"] = json::object{{"resourceVersion", node.version().str()}};
    decision.writes.push_back(client::merge_patch(kube::kNodes, node.key(), std::move(patch), "taints"));
  }
  return decision;
}

}  // namespace serin::cluster
