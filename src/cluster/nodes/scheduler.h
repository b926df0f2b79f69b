#pragma once

/// Places pods: on the node with the fewest pods among those that take it (cluster/nodes/node_fit.h). Placing is a patch
/// of spec.nodeName under the pod's uid and version, whose answer the cache takes in at once.

#include <vector>

#include "client/events.h"
#include "client/manager.h"
#include "cluster/nodes/node_fit.h"

namespace serin::cluster {

/// Where the pod goes, or why nowhere: "0/2 nodes are available: 1 node(s) were unschedulable, 1 Too many pods.". Pure.
struct Placement {
  std::string node;    ///< empty: none fits
  std::string reason;  ///< where none fits
};
Placement place(const kube::Object& pod, const std::vector<NodeLoad>& nodes);

/// Whether the pod waits to be placed by this scheduler.
bool waits_for_node(const kube::Object& pod);
/// Whether spec.schedulingGates keep a pod of this scheduler from being placed.
bool gated(const kube::Object& pod);

/// Pods by spec.nodeName; those that wait stand under "".
inline constexpr char kNodeIndex[] = "node";
std::vector<std::string> node_index(const kube::Object& pod);

class SchedulerReconciler final : public client::Reconciler {
 public:
  /// `pods` needs the index kNodeIndex. All outlive this.
  SchedulerReconciler(client::CachedClient& client, client::Informer& pods, client::Informer& nodes, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  /// Sets the condition PodScheduled; false where it says so already.
  Result<bool> say(const kube::Object& pod, std::string_view scheduled, std::string_view reason,
                   const std::string& message);

  client::CachedClient& client_;
  client::Informer& pods_;
  client::Informer& nodes_;
  Clock& clock_;
  client::EventRecorder events_;
};

}  // namespace serin::cluster
