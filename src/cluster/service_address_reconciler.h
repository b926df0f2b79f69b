#pragma once

/// Gives Services their virtual addresses, and shows them as ingress where the type is LoadBalancer. Runs with
/// one worker: two passes at once could choose the same address.

#include "client/events.h"
#include "client/manager.h"
#include "cluster/service_addresses.h"

namespace serin::cluster {

class ServiceAddressReconciler final : public client::Reconciler {
 public:
  /// All outlive this.
  ServiceAddressReconciler(client::CachedClient& client, client::Informer& services, Clock& clock,
                           ServiceAddressAllocator allocator);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::CachedClient& client_;
  client::Informer& services_;
  client::EventRecorder events_;
  const ServiceAddressAllocator allocator_;
};

}  // namespace serin::cluster
