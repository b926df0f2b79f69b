#include "cluster/nodes/scheduler.h"

#include <map>

#include "base/strings.h"
#include "client/write.h"
#include "cluster/pods.h"
#include "kube/resources.h"
#include "kube/selector.h"

namespace serin::cluster {
namespace {

using kube::Object;

bool ours(const Object& pod) {
  std::string_view scheduler = json::get_string(pod.doc(), "spec", "schedulerName");
  return pod_active(pod) && json::get_string(pod.doc(), "spec", "nodeName").empty() &&
         (scheduler.empty() || scheduler == "default-scheduler");
}

}  // namespace

bool waits_for_node(const Object& pod) { return ours(pod) && json::items(pod.doc(), "spec", "schedulingGates").empty(); }

bool gated(const Object& pod) { return ours(pod) && !json::items(pod.doc(), "spec", "schedulingGates").empty(); }

std::vector<std::string> node_index(const Object& pod) {
  std::string node(json::get_string(pod.doc(), "spec", "nodeName"));
  if (node.empty() && !waits_for_node(pod)) return {};
  return {node};
}

Placement place(const Object& pod, const std::vector<NodeLoad>& nodes) {
  const NodeLoad* best = nullptr;
  std::map<std::string, int> objections;
  for (const NodeLoad& candidate : nodes) {
    std::string why = objection(pod, candidate);
    if (!why.empty())
      ++objections[why];
    else if (!best || candidate.pods < best->pods)
      best = &candidate;
  }
  if (best) return {std::string(best->node.name()), ""};
  if (nodes.empty()) return {"", "no nodes available to schedule pods"};
  std::vector<std::string> parts;
  for (const auto& [why, count] : objections) parts.push_back(concat(count, " ", why));
  return {"", concat("0/", nodes.size(), " nodes are available: ", join(parts, ", "), ".")};
}

SchedulerReconciler::SchedulerReconciler(client::CachedClient& client, client::Informer& pods,
                                         client::Informer& nodes, Clock& clock)
    : client_(client), pods_(pods), nodes_(nodes), clock_(clock), events_(client, clock, "default-scheduler") {}

Result<bool> SchedulerReconciler::say(const Object& pod, std::string_view scheduled, std::string_view reason,
                                      const std::string& message) {
  json::value status = json::object{{"conditions", json::items(pod.doc(), "status", "conditions")}};
  if (!kube::set_condition(status, "PodScheduled", scheduled, reason, message, clock_.now())) return false;
  // The list is replaced whole, so it holds only for the version that was read.
  json::object patch{{"metadata", json::object{{"resourceVersion", pod.version().str()}}}, {"status", std::move(status)}};
  client::Write write = client::merge_patch(kube::kPods, pod.key(), std::move(patch), "not placed");
  write.options.subresource = "status";
  SERIN_TRY(execute(client_, write));
  return true;
}

Result<client::Again> SchedulerReconciler::reconcile(const client::Key& key) {
  std::optional<Object> pod = pods_.get(key.name);
  if (pod && gated(*pod))
    SERIN_TRY(say(*pod, "False", "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"));
  if (!pod || !waits_for_node(*pod)) return client::Again{};
  std::vector<NodeLoad> nodes;
  for (Object& node : nodes_.list()) {
    std::string name(node.name());
    nodes.push_back({std::move(node), pods_.by_index(kNodeIndex, name).size()});
  }
  Placement placement = place(*pod, nodes);
  if (placement.node.empty()) {
    if (SERIN_TRY(say(*pod, "False", "Unschedulable", placement.reason)))
      events_.warning(*pod, "FailedScheduling", placement.reason);
    return client::Again{};
  }
  json::object patch{{"metadata", json::object{{"uid", pod->uid()}, {"resourceVersion", pod->version().str()}}},
                     {"spec", json::object{{"nodeName", placement.node}}}};
  Object bound = SERIN_TRY(execute(client_, client::merge_patch(kube::kPods, key.name, std::move(patch), "place")));
  // Where it never waited, the node's agent says that it is scheduled.
  if (kube::find_condition(bound, "PodScheduled")) SERIN_TRY(say(bound, "True", "", ""));
  events_.normal(*pod, "Scheduled", concat("Successfully assigned ", pod->key().str(), " to ", placement.node));
  return client::Again{};
}

}  // namespace serin::cluster
