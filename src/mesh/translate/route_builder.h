#pragma once

/// VirtualService http routes as Envoy routes; internal to translation.

#include <envoy/config/route/v3/route_components.pb.h>

#include <set>
#include <string>
#include <vector>

#include "mesh/view.h"

namespace serin::mesh {

/// Where routes will be used: at one port of a gateway or of a service.
struct RouteScope {
  const MeshView* view;
  int port;
  std::string host;                ///< the service's FQDN at a mesh proxy; empty at a gateway
  std::set<std::string> gateways;  ///< "mesh", or the gateways of the port as "namespace/name"
};

/// In the order of http[]; each match is a route of its own; nothing follows a catch-all.
std::vector<envoy::config::route::v3::Route> build_routes(const VirtualService& virtual_service,
                                                          const RouteScope& scope);
/// Everything to one cluster, as a service without VirtualService has it.
envoy::config::route::v3::Route default_route(const std::string& cluster);
bool is_catch_all(const envoy::config::route::v3::Route& route);

}  // namespace serin::mesh
