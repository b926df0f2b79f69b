#pragma once

/// Deletes Events that have not repeated for a while.

#include "client/manager.h"

namespace serin::cluster {

class EventExpiryReconciler final : public client::Reconciler {
 public:
  /// All outlive this.
  EventExpiryReconciler(client::CachedClient& client, client::Informer& events, Clock& clock, Duration ttl);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::CachedClient& client_;
  client::Informer& events_;
  Clock& clock_;
  const Duration ttl_;
};

}  // namespace serin::cluster
