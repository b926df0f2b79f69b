#pragma once

/// Keeps the status of PodDisruptionBudgets.

#include "client/events.h"
#include "client/manager.h"

namespace serin::cluster {

class BudgetReconciler final : public client::Reconciler {
 public:
  /// `client` reads pods' controllers from informers where it has them. All outlive this.
  BudgetReconciler(client::CachedClient& client, client::Informer& budgets, client::Informer& pods, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  /// The sum of `spec.replicas` of the pods' controllers; a ReplicaSet of a Deployment counts as that Deployment.
  Result<int64_t> scale_of(const std::vector<kube::Object>& pods);
  Result<kube::Object> owner_of(const kube::Object& object, const kube::OwnerReference& reference);

  client::CachedClient& client_;
  client::Informer& budgets_;
  client::Informer& pods_;
  Clock& clock_;
  client::EventRecorder events_;
};

/// The budgets that select a pod, before and after a change.
client::MapFunction budgets_of_pod(const client::Informer& budgets, std::string cluster);

}  // namespace serin::cluster
