#include "cluster/pods.h"

#include <algorithm>
#include <bit>
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
  int alone;         // minus the number of related pods on its node
  int ready_for;     // power of two of the time, for ready pods
  int64_t restarts;  // minus their number
  int age;           // power of two of the time
  std::string uid;
  auto operator<=>(const Rank&) const = default;
};

/// The power of two of the time since then; without a time it counts as just now.
int magnitude(std::optional<TimePoint> since, TimePoint now) {
  if (!since || *since >= now) return -1;
  return std::bit_width(static_cast<uint64_t>((now - *since).count())) - 1;
}

Rank rank(const Object& pod, const std::map<std::string, int>& on_node, TimePoint now) {
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
          pod_ready(pod) ? magnitude(available_at(pod, Duration{}), now) : 0,
          -restarts,
          magnitude(pod.created(), now),
          std::string(pod.uid())};
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

void sort_for_deletion(std::vector<Object>& pods, const std::vector<Object>& related, TimePoint now) {
  std::map<std::string, int> on_node;
  for (const Object& pod : related)
    if (pod_active(pod)) ++on_node[std::string(json::get_string(pod.doc(), "spec", "nodeName"))];
  std::vector<std::pair<Rank, Object>> ranked;
  for (Object& pod : pods) ranked.emplace_back(rank(pod, on_node, now), pod);
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < pods.size(); ++i) pods[i] = ranked[i].second;
}

}  // namespace serin::cluster
