#pragma once

/// Carries out what the Deployment planner decides.

#include "client/events.h"
#include "client/manager.h"

namespace serin::cluster {

class DeploymentReconciler final : public client::Reconciler {
 public:
  /// `sets` and `pods` need the index kControllerIndex (cluster/claims.h). All outlive this.
  DeploymentReconciler(client::CachedClient& client, client::Informer& deployments, client::Informer& sets,
                       client::Informer& pods, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  /// A set's name is taken: fine where it is ours already, else the next hash is tried.
  Result<void> resolve_collision(const kube::Object& deployment, const kube::Object& wanted);

  client::CachedClient& client_;
  client::Informer& deployments_;
  client::Informer& sets_;
  client::Informer& pods_;
  Clock& clock_;
  client::EventRecorder events_;
};

}  // namespace serin::cluster
