#pragma once

/// The mesh as translation sees it: hosted configuration plus the services and endpoints of all member clusters.
///
/// `MeshState` takes objects as they change and reads each one once; `view()` hands out an immutable `MeshView`
/// whose parts are shared with earlier views. A part's pointer changes exactly when its content may have, which is
/// what translation keys its memory on.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mesh/config/destination_rule.h"
#include "mesh/config/gateway.h"
#include "mesh/config/service.h"
#include "mesh/config/virtual_service.h"

namespace serin::mesh {

class MeshView {
 public:
  std::vector<std::shared_ptr<const VirtualService>> virtual_services;  ///< in the order they apply
  std::map<kube::NamespacedName, std::shared_ptr<const Gateway>> gateways;
  std::map<std::string, std::shared_ptr<const MeshService>> services;   ///< by FQDN
  /// By host; in the order they apply.
  std::map<std::string, std::vector<std::shared_ptr<const DestinationRule>>> destination_rules;

  const MeshService* service(const std::string& fqdn) const;

  /// The rules that govern a service for a proxy of namespace `proxy_ns`: of the first namespace that has any
  /// (the proxy's, the service's, the root namespace), those of the most specific host. Several rules of one
  /// namespace and host merge: subsets are added up, the first top-level policy counts.
  std::vector<std::shared_ptr<const DestinationRule>> rules_for(const MeshService& service,
                                                                std::string_view proxy_ns) const;
};

using MeshViewPtr = std::shared_ptr<const MeshView>;

/// Namespace whose configuration counts for every other one.
inline constexpr std::string_view kRootNamespace = "istio-system";

/// An endpoint counts while its slice calls it ready and its pod is not being deleted: the pod's own deletion is
/// seen before the slice has followed it. Not thread safe: one owner feeds it.
class MeshState {
 public:
  /// A VirtualService, DestinationRule or Gateway of the hosted mesh.
  void put_config(const kube::Object& object);
  void remove_config(std::string_view kind, const kube::NamespacedName& name);

  /// A Service, EndpointSlice or Pod of a member cluster.
  void put_workload(const std::string& cluster, const kube::Object& object);
  void remove_workload(const std::string& cluster, std::string_view kind, const kube::NamespacedName& name);
  /// The clusters whose services and endpoints count, in the order in which they define a service's shape. What is
  /// put for others waits until they join.
  void set_members(std::vector<std::string> members);

  /// The pod takes requests of some service, or has done so since its cluster is followed.
  bool served(const std::string& cluster, const kube::NamespacedName& pod) const;

  MeshViewPtr view();

 private:
  struct Slice {
    std::string service;  // namespace/name
    kube::Object object;
  };
  struct PodFacts {
    std::string uid;
    std::map<std::string, std::string> labels;
    bool deleting = false;
    bool operator==(const PodFacts&) const = default;
  };
  struct Cluster {
    std::map<kube::NamespacedName, std::shared_ptr<const Service>> services;
    std::map<kube::NamespacedName, Slice> slices;
    std::map<kube::NamespacedName, PodFacts> pods;
    /// Pod -> services whose slices name it, with the number of such slices.
    std::map<kube::NamespacedName, std::map<std::string, int>> pod_services;
    std::set<kube::NamespacedName> served;  // pods
  };

  std::shared_ptr<const MeshService> build_service(const kube::NamespacedName& name) const;

  std::map<kube::NamespacedName, std::shared_ptr<const VirtualService>> virtual_services_;
  std::map<kube::NamespacedName, std::shared_ptr<const DestinationRule>> destination_rules_;
  std::map<kube::NamespacedName, std::shared_ptr<const Gateway>> gateways_;
  std::map<std::string, Cluster> clusters_;
  std::vector<std::string> members_;
  std::set<kube::NamespacedName> dirty_services_;
  bool dirty_config_ = true;
  MeshViewPtr view_;
};

}  // namespace serin::mesh
