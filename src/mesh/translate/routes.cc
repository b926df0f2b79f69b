#include <envoy/config/route/v3/route.pb.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"
#include "mesh/config/names.h"
#include "mesh/translate/builders.h"
#include "mesh/translate/route_builder.h"

namespace serin::mesh {
namespace {

namespace route = envoy::config::route::v3;

route::RouteConfiguration table(const std::string& name) {
  route::RouteConfiguration out;
  out.set_name(name);
  out.mutable_validate_clusters()->set_value(false);
  out.set_ignore_port_in_host_matching(true);
  return out;
}

EnvoyResourcePtr seal_table(const route::RouteConfiguration& out, std::vector<SourceRef> sources) {
  std::set<std::string> clusters;
  for (const auto& host : out.virtual_hosts())
    for (const auto& item : host.routes()) {
      if (!item.route().cluster().empty()) clusters.insert(item.route().cluster());
      for (const auto& weighted : item.route().weighted_clusters().clusters()) clusters.insert(weighted.name());
    }
  return seal(out.name(), out, std::move(sources), {clusters.begin(), clusters.end()});
}

}  // namespace

EnvoyResourcePtr make_gateway_routes(const MeshView& view, int port, const std::vector<BoundServer>& servers,
                                     const std::vector<std::shared_ptr<const VirtualService>>& virtual_services) {
  route::RouteConfiguration out = table(gateway_route_name(port));
  std::vector<SourceRef> sources;
  for (const BoundServer& bound : servers) sources.push_back(bound.gateway->source);

  // Routes of every VirtualService of a host, in the order they apply; catch-alls go last.
  std::map<std::string, std::vector<route::Route>> by_host;
  std::set<std::string> to_https;  // hosts that answer plain HTTP only with a redirect, also without routes
  for (const BoundServer& bound : servers) {
    if (!bound.server->https_redirect) continue;
    for (const std::string& host : bound.server->hosts) {
      size_t slash = host.find('/');
      to_https.insert(slash == std::string::npos ? host : host.substr(slash + 1));
    }
  }
  for (const std::string& host : to_https) by_host[host];
  for (const auto& virtual_service : virtual_services) {
    std::set<std::string> hosts;
    for (const BoundServer& bound : servers) {
      if (!virtual_service->on_gateway(bound.gateway->source.name)) continue;
      for (const std::string& host : virtual_service->hosts) {
        hosts.merge(bound.server->bound_hosts(host, virtual_service->ns));
      }
    }
    if (hosts.empty()) continue;
    sources.push_back(virtual_service->source);
    RouteScope scope{&view, port, "", {}};
    for (const BoundServer& bound : servers) scope.gateways.insert(bound.gateway->source.name.str());
    std::vector<route::Route> routes = build_routes(*virtual_service, scope);
    for (const std::string& host : hosts) {
      auto& list = by_host[host];
      list.insert(list.end(), routes.begin(), routes.end());
    }
  }
  for (auto& [host, routes] : by_host) {
    std::stable_partition(routes.begin(), routes.end(), [](const route::Route& item) { return !is_catch_all(item); });
    auto* virtual_host = out.add_virtual_hosts();
    virtual_host->set_name(concat(host, ":", port));
    virtual_host->add_domains(host);
    for (route::Route& item : routes) *virtual_host->add_routes() = std::move(item);
    if (std::any_of(to_https.begin(), to_https.end(), [&, &host = host](const auto& wide) { return host_covers(wide, host); }))
      virtual_host->set_require_tls(route::VirtualHost::ALL);
  }
  if (by_host.empty()) {
    auto* nothing = out.add_virtual_hosts();
    nothing->set_name(concat("blackhole:", port));
    nothing->add_domains("*");
  }
  return seal_table(out, std::move(sources));
}

EnvoyResourcePtr make_service_routes(const MeshView& view, const MeshService& service, const ServicePort& port,
                                     const VirtualService* virtual_service) {
  std::string name = service_route_name(service.fqdn, port.port);
  route::RouteConfiguration out = table(name);
  auto* host = out.add_virtual_hosts();
  host->set_name(name);
  host->add_domains("*");  // the listener is bound to this service's own address
  std::vector<SourceRef> sources;
  if (virtual_service) sources.push_back(virtual_service->source);
  if (virtual_service && !virtual_service->http.empty()) {
    for (route::Route& item : build_routes(*virtual_service, {&view, port.port, service.fqdn, {"mesh"}}))
      *host->add_routes() = std::move(item);
  } else {
    *host->add_routes() = default_route(outbound_cluster(port.port, "", service.fqdn));
  }
  return seal_table(out, std::move(sources));
}

}  // namespace serin::mesh
