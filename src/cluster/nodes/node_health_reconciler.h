#pragma once

/// Watches over nodes by their Leases.

#include <map>
#include <mutex>

#include "client/events.h"
#include "client/manager.h"

namespace serin::cluster {

inline constexpr char kLeaseNamespace[] = "kube-node-lease";

/// Grace counts from the moment at which this process has seen a renewal, not from the time in the Lease: after a restart,
/// or when the machine has slept, every node gets the whole of it again.
class NodeHealthReconciler final : public client::Reconciler {
 public:
  /// A pass that comes later than planned by more than this has slept.
  static constexpr Duration kLate = std::chrono::seconds(10);

  /// `leases` holds those of kLeaseNamespace; `pods` needs the index kNodeIndex (cluster/nodes/scheduler.h). All outlive
  /// this.
  NodeHealthReconciler(client::CachedClient& client, client::Informer& nodes, client::Informer& leases,
                       client::Informer& pods, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  struct Seen {
    std::string renew_time;
    TimePoint at;
    std::optional<TimePoint> planned;  // the next pass
  };
  /// When the node's Lease was last seen renewed; nullopt where it has none.
  std::optional<TimePoint> renewed(const std::string& node, TimePoint now);

  client::CachedClient& client_;
  client::Informer& nodes_;
  client::Informer& leases_;
  client::Informer& pods_;
  Clock& clock_;
  client::EventRecorder events_;
  std::mutex mutex_;
  std::map<std::string, Seen> seen_;  // by node; guarded by mutex_
};

/// The node of a Lease.
client::MapFunction node_of_lease(std::string cluster);

}  // namespace serin::cluster
