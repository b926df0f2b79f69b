#pragma once

/// Services and endpoints of the member clusters, as translation reads them. Services of the same namespace and
/// name in several clusters are one service of the mesh (namespace sameness); each proxy sees its own cluster's VIP.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kube/object.h"

namespace serin::mesh {

enum class Protocol { kHttp, kHttp2, kTcp, kUnknown };

/// Istio's protocol selection: appProtocol first, else the port name up to its first '-'.
/// gRPC counts as HTTP/2. Anything else is unknown, and sniffed where that is possible.
Protocol protocol_of(std::string_view port_name, std::string_view app_protocol);

struct ServicePort {
  std::string name;
  int port = 0;
  Protocol protocol = Protocol::kUnknown;
  bool operator==(const ServicePort&) const = default;
};

/// One cluster's Service.
struct Service {
  std::string cluster, ns, name, fqdn;
  std::string vip;            ///< clusterIP; empty for headless and ExternalName services
  std::string external_name;
  std::vector<ServicePort> ports;
  std::map<std::string, std::string> selector;
  /// Annotation `serin.io/bind: gateway`: gateway proxies bind the VIP themselves, so no mesh proxy does.
  bool bound_by_gateway = false;
  /// Any value of that annotation: somebody else listens there.
  bool bound_elsewhere = false;

  static Service read(const std::string& cluster, const kube::Object& object);
};

struct Endpoint {
  std::string address;
  std::map<std::string, int> ports;  ///< by service port name
  std::string cluster;
  std::string pod_uid;
  std::map<std::string, std::string> labels;  ///< the pod's, with topology.istio.io/cluster
};

/// A service of the mesh. Immutable; the pointer changes exactly when the content may have.
struct MeshService {
  std::string fqdn, ns, name;
  std::vector<ServicePort> ports;           ///< of all clusters, by number; of the first that has it
  std::map<std::string, std::shared_ptr<const Service>> clusters;
  std::vector<Endpoint> endpoints;          ///< ready ones of all clusters, sorted by address

  const ServicePort* port(int number) const;
};

}  // namespace serin::mesh
