#pragma once

/// Keeps the EndpointSlices of a Service.

#include "client/manager.h"

namespace serin::cluster {

class EndpointSliceReconciler final : public client::Reconciler {
 public:
  /// `slices` needs the index kServiceIndex. All outlive this.
  EndpointSliceReconciler(client::CachedClient& client, client::Informer& services, client::Informer& pods,
                          client::Informer& slices);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::CachedClient& client_;
  client::Informer& services_;
  client::Informer& pods_;
  client::Informer& slices_;
};

/// Slices by "namespace/service".
inline constexpr char kServiceIndex[] = "service";
std::vector<std::string> service_index(const kube::Object& slice);

/// The Services that select a pod, before and after a change that matters to them.
client::MapFunction services_of_pod(const client::Informer& services, std::string cluster);
/// The Service of a slice.
client::MapFunction service_of_slice(std::string cluster);

}  // namespace serin::cluster
