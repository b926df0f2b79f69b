#include "cluster/pods.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/strings.h"
#include "base/time.h"

namespace serin::cluster {
namespace {

/// Smaller goes first.
struct Rank {
  bool assigned;
  int phase;
  bool ready;
  int64_t cost;
  int alone;            // minus the number of related pods on its node
  int64_t ready_since;  // minus the time, for ready pods
  int64_t restarts;     // minus their number
  int64_t created;      // minus the time
  std::string name;
  auto operator<=>(const Rank&) const = default;
};

int64_t seconds(std::optional<TimePoint> time) {
  return time ? std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count() : 0;
}

Rank rank(const Object& pod, const std::map<std::string, int>& on_node) {
  std::string node(json::get_string(pod.doc(), "spec", "nodeName"));
  std::string_view phase = json::get_string(pod.doc(), "status", "phase");
  int64_t restarts = 0;
  for (const json::value& container : json::items(pod.doc(), "status", "containerStatuses"))
    restarts = std::max(restarts, json::get_int(container, 0, "restartCount"));
  auto neighbours = on_node.find(node);
  return {!node.empty(),
          phase == "Pending" ? 0 : phase == "Running" ? 2 : 1,
          pod_ready(pod),
          parse_int<int64_t>(pod.annotation("controller.kubernetes.io/pod-deletion-cost")).value_or(0),
          neighbours == on_node.end() ? 0 : -neighbours->second,
          -seconds(available_at(pod, Duration{})),
          -restarts,
          -seconds(pod.created()),
          std::string(pod.name())};
}

}  // namespace

bool pod_ended(const Object& pod) {
  std::string_view phase = json::get_string(pod.doc(), "status", "phase");
  return phase == "Succeeded" || phase == "Failed";
}

bool pod_active(const Object& pod) { return !pod_ended(pod) && !pod.deleting(); }

bool pod_ready(const Object& pod) { return kube::condition_true(pod, "Ready"); }

std::optional<TimePoint> available_at(const Object& pod, Duration min_ready) {
  const json::value* ready = kube::find_condition(pod, "Ready");
  if (!ready || json::get_string(*ready, "status") != "True") return std::nullopt;
  // Without a time it counts from the beginning.
  return parse_time(json::get_string(*ready, "lastTransitionTime")).value_or(TimePoint{}) + min_ready;
}

void sort_for_deletion(std::vector<Object>& pods, const std::vector<Object>& related) {
  std::map<std::string, int> on_node;
  for (const Object& pod : related)
    if (pod_active(pod)) ++on_node[std::string(json::get_string(pod.doc(), "spec", "nodeName"))];
  std::vector<std::pair<Rank, Object>> ranked;
  for (Object& pod : pods) ranked.emplace_back(rank(pod, on_node), pod);
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < pods.size(); ++i) pods[i] = ranked[i].second;
}

}  // namespace serin::cluster
