#pragma once

/// Keep the Endpoints of Services with a selector, and the EndpointSlices of Endpoints made by hand.

#include "client/manager.h"

namespace serin::cluster {

class EndpointsReconciler final : public client::Reconciler {
 public:
  /// All outlive this.
  EndpointsReconciler(client::CachedClient& client, client::Informer& services, client::Informer& pods,
                      client::Informer& endpoints);
  /// Keys are Services. The Endpoints of a Service that is gone go, those of a leader election excepted.
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::CachedClient& client_;
  client::Informer& services_;
  client::Informer& pods_;
  client::Informer& endpoints_;
};

class EndpointMirrorReconciler final : public client::Reconciler {
 public:
  /// `slices` needs the index kServiceIndex (endpoint_slice_reconciler.h). All outlive this.
  EndpointMirrorReconciler(client::CachedClient& client, client::Informer& services, client::Informer& endpoints,
                           client::Informer& slices);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::CachedClient& client_;
  client::Informer& services_;
  client::Informer& endpoints_;
  client::Informer& slices_;
};

/// The Service of Endpoints that the EndpointsReconciler has made.
client::MapFunction service_of_endpoints(std::string cluster);

}  // namespace serin::cluster
