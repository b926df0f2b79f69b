#pragma once

/// How single resources are made; internal to translation.

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "mesh/translate/translate.h"

namespace serin::mesh {

/// Seals a message: deterministic bytes, version by hash. `clusters` and `addresses` are sorted.
EnvoyResourcePtr seal(std::string name, const google::protobuf::Message& message, std::vector<SourceRef> sources,
                      std::vector<std::string> clusters = {}, std::vector<std::string> addresses = {});

using Rules = std::vector<std::shared_ptr<const DestinationRule>>;

/// A subset name with its definition; the empty name stands for the whole service.
struct SubsetChoice {
  std::string name;
  const Subset* subset = nullptr;
};
/// The whole service first, then the subsets of `rules`; of subsets with one name the first counts.
std::vector<SubsetChoice> subsets_of(const Rules& rules);

// clusters.cc
EnvoyResourcePtr make_cluster(const MeshService& service, const ServicePort& port, const SubsetChoice& subset,
                              const Rules& rules, const ProxyKind& proxy);

// endpoints.cc
/// Never missing, maybe empty: a cluster warms only once its endpoints have been answered.
EnvoyResourcePtr make_endpoints(const MeshService& service, const ServicePort& port, const SubsetChoice& subset,
                                const Rules& rules);

// listeners.cc
/// A gateway port; `bind` is an address, `name` as Istio has it ("0.0.0.0_9090").
EnvoyResourcePtr make_gateway_listener(const std::string& name, const std::string& bind, int port,
                                       std::vector<SourceRef> sources);
/// One port of a Service at a mesh proxy, bound to the VIP. HTTP and sniffed ports route by `route_name`.
EnvoyResourcePtr make_service_listener(const Service& service, const ServicePort& port);

// routes.cc
struct BoundServer {
  std::shared_ptr<const Gateway> gateway;
  const GatewayServer* server = nullptr;
};
EnvoyResourcePtr make_gateway_routes(const MeshView& view, int port, const std::vector<BoundServer>& servers,
                                     const std::vector<std::shared_ptr<const VirtualService>>& virtual_services);
/// `virtual_service` is null where none applies: everything goes to the whole service.
EnvoyResourcePtr make_service_routes(const MeshView& view, const MeshService& service, const ServicePort& port,
                                     const VirtualService* virtual_service);

}  // namespace serin::mesh
