#pragma once

/// Istio's names of hosts and Envoy resources, so that istioctl, dashboards and config dumps read as people know
/// them (istio.io, "Understanding proxy configuration").

#include <cstdint>
#include <string>
#include <string_view>

namespace serin::mesh {

inline constexpr std::string_view kClusterDomain = "cluster.local";

/// "name.namespace.svc.cluster.local".
std::string service_fqdn(std::string_view name, std::string_view ns);

/// A host as Istio resolves it: a name without any dot gets the object's namespace and the cluster domain; "*",
/// addresses and everything with a dot stay as they are. Lower case.
std::string resolve_host(std::string_view host, std::string_view ns);

/// True where `pattern` ("*", "*.example.com" or a name) covers `host`; wildcards in `host` are covered only by
/// equal or wider wildcards.
bool host_covers(std::string_view pattern, std::string_view host);

/// "outbound|9090|stable|host"; the subset may be empty.
std::string outbound_cluster(int port, std::string_view subset, std::string_view fqdn);

/// "0.0.0.0_9090".
std::string listener_name(std::string_view bind, int port);
/// "http.9090": one route table for all plain HTTP servers of a gateway port.
std::string gateway_route_name(int port);
/// "host:9090": the route table of one service port at a mesh proxy.
std::string service_route_name(std::string_view fqdn, int port);

}  // namespace serin::mesh
