#include "cluster/nodes/node_health_reconciler.h"

#include "base/strings.h"
#include "cluster/nodes/node_health.h"
#include "cluster/nodes/scheduler.h"
#include "kube/resources.h"

namespace serin::cluster {

using client::Again;
using kube::Object;

NodeHealthReconciler::NodeHealthReconciler(client::CachedClient& client, client::Informer& nodes, client::Informer& leases,
                                           client::Informer& pods, Clock& clock)
    : client_(client), nodes_(nodes), leases_(leases), pods_(pods), clock_(clock), events_(client, clock, "node-controller") {}

std::optional<TimePoint> NodeHealthReconciler::renewed(const std::string& node, TimePoint now) {
  std::optional<Object> lease = leases_.get({kLeaseNamespace, node});
  std::lock_guard lock(mutex_);
  if (!lease) {
    seen_.erase(node);
    return std::nullopt;
  }
  std::string renew_time(json::get_string(lease->doc(), "spec", "renewTime"));
  auto [entry, fresh] = seen_.try_emplace(node, Seen{renew_time, now, {}});
  Seen& seen = entry->second;
  bool slept = seen.planned && now > *seen.planned + kLate;
  if (!fresh && (seen.renew_time != renew_time || slept)) seen = {renew_time, now, {}};
  seen.planned = seen.at + kNodeGrace > now ? std::optional(seen.at + kNodeGrace) : std::nullopt;
  return seen.at;
}

Result<Again> NodeHealthReconciler::reconcile(const client::Key& key) {
  std::optional<Object> node = nodes_.get(key.name);
  if (!node || node->deleting()) return Again{};
  TimePoint now = clock_.now();
  NodeDecision decision = plan({*node, pods_.by_index(kNodeIndex, key.name.name), renewed(key.name.name, now)}, now);
  for (const client::Write& write : decision.writes) {
    Result<Object> done = execute(client_, write);
    if (!done && done.error().code != Code::kNotFound) return fail(done.error());
  }
  if (decision.lost) events_.normal(*node, "NodeNotReady", concat("Node ", node->name(), " status is now: NodeNotReady"));
  if (decision.look_again) return Again{std::max(Duration(1), *decision.look_again - now)};
  return Again{};
}

client::MapFunction node_of_lease(std::string cluster) {
  return [cluster = std::move(cluster)](const Object* old, const Object* now) {
    return std::vector<client::Key>{{cluster, {"", std::string((now ? now : old)->name())}}};
  };
}

}  // namespace serin::cluster
