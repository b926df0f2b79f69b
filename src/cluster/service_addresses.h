#pragma once

/// The virtual addresses of an embedded cluster's Services: cluster n owns 127.(10+n).128.0/17. Pure over the set
/// of addresses in use, so an API server may use it at create time and a controller afterwards.

#include <set>
#include <string>

#include "base/error.h"
#include "kube/object.h"

namespace serin::cluster {

class ServiceAddressAllocator {
 public:
  /// The first addresses are never given out: they are the cluster's own ("kubernetes" is number 1).
  static constexpr uint32_t kReserved = 10;

  /// `number` is the cluster's, from 0 to 244.
  explicit ServiceAddressAllocator(int number);

  bool contains(std::string_view address) const;
  /// An address that is not in `used`. The same `name` ("namespace/name") gets the same address as long as that
  /// is free. kUnavailable where all are in use.
  Result<std::string> allocate(std::string_view name, const std::set<std::string>& used) const;
  /// The Service with its addresses filled in, or unchanged where it has or needs none: spec.clusterIP,
  /// clusterIPs, ipFamilies, ipFamilyPolicy. kInvalid where it asks for an address that is taken or no address
  /// of this cluster.
  Result<kube::Object> assign(const kube::Object& service, const std::set<std::string>& used) const;

 private:
  std::string address(uint32_t index) const;
  uint32_t first_;
};

/// The ingress addresses that a Service's status should show: its own virtual address where it is of type
/// LoadBalancer.
json::value load_balancer_status(const kube::Object& service);

}  // namespace serin::cluster
