#pragma once

/// Keeps a ReplicaSet's pods. Pods are made one after the other and the first refusal ends the pass, so a
/// template that the server refuses costs one call per pass. Reads its own writes through the cached client: a
/// lagging watch makes no pod twice.

#include "client/events.h"
#include "client/manager.h"

namespace serin::cluster {

class ReplicaSetReconciler final : public client::Reconciler {
 public:
  /// `pods` and `sets` need the index kControllerIndex (cluster/claims.h). All outlive this.
  ReplicaSetReconciler(client::CachedClient& client, client::Informer& sets, client::Informer& pods, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::CachedClient& client_;
  client::Informer& sets_;
  client::Informer& pods_;
  Clock& clock_;
  client::EventRecorder events_;
};

}  // namespace serin::cluster
