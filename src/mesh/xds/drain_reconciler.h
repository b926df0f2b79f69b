#pragma once

/// Tells a pod that is being deleted that no proxy sends it requests any more: condition `serin.io/Drained`=True in
/// its status. Whoever ends the pod's processes waits for that, so that no request is lost.
///
/// Only pods that took requests of some service are told. Where no proxy is connected they are told at once. Key:
/// member cluster and pod.

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "client/cluster_set.h"
#include "client/controller.h"

namespace serin::mesh {

inline constexpr std::string_view kDrainedCondition = "serin.io/Drained";

class DrainReconciler final : public client::Reconciler {
 public:
  /// A proxy sends requests to the address, or may before it has read what it has been sent.
  using InUse = std::function<bool(const std::string& address)>;
  /// The pod takes or took requests of some service of its cluster.
  using Served = std::function<bool(const std::string& cluster, const kube::NamespacedName& pod)>;

  DrainReconciler(client::ClusterSet& clusters, InUse in_use, Served served, Clock& clock)
      : clusters_(clusters), in_use_(std::move(in_use)), served_(std::move(served)), clock_(clock) {}
  Result<client::Again> reconcile(const client::Key& key) override;

  /// Pods that wait for one of `addresses` (of any, where it is empty): to be reconciled again. Any thread.
  std::vector<client::Key> waiting(const std::set<std::string>& addresses) const;

 private:
  void wait(const client::Key& key, std::string address);
  void forget(const client::Key& key);

  client::ClusterSet& clusters_;
  const InUse in_use_;
  const Served served_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<client::Key, std::string> waiting_;  // guarded by mutex_; by address
};

}  // namespace serin::mesh
