#pragma once

/// Gives a Service its address while it is being created, so that no client ever sees one without. Knows what is in
/// use from the Services it has seen; the service-address controller heals what slips through.

#include <map>
#include <mutex>
#include <string>

#include "apiserver/hooks.h"
#include "cluster/service_addresses.h"

namespace serin::app {

class ServiceAddressAdmission final : public apiserver::Admission {
 public:
  /// Services of this cluster get addresses of range `number`.
  void add_cluster(const std::string& cluster, int number);
  Result<void> admit(apiserver::AdmissionRequest& request) override;
  /// From an informer: a Service as it stands, or gone.
  void observe(const std::string& cluster, const kube::Object& service, bool gone);

 private:
  struct Cluster {
    cluster::ServiceAddressAllocator allocator;
    std::map<std::string, std::string> by_address;  // -> namespace/name
  };
  std::mutex mutex_;
  std::map<std::string, Cluster> clusters_;  // guarded by mutex_
};

}  // namespace serin::app
