#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/http/fault/v3/fault.pb.h>
#include <envoy/extensions/filters/http/router/v3/router.pb.h>
#include <envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include "mesh/config/names.h"
#include "mesh/translate/builders.h"

namespace serin::mesh {
namespace {

namespace listener = envoy::config::listener::v3;
namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;

void add_http_filters(hcm::HttpConnectionManager& manager) {
  auto* fault = manager.add_http_filters();
  fault->set_name("envoy.filters.http.fault");
  fault->mutable_typed_config()->PackFrom(envoy::extensions::filters::http::fault::v3::HTTPFault());
  auto* router = manager.add_http_filters();
  router->set_name("envoy.filters.http.router");
  router->mutable_typed_config()->PackFrom(envoy::extensions::filters::http::router::v3::Router());
}

/// Routes always by name, never inline: a listener that changes drains its connections.
void add_connection_manager(listener::FilterChain* chain, const std::string& stat_prefix,
                            const std::string& route_name, bool edge) {
  hcm::HttpConnectionManager manager;
  manager.set_stat_prefix(stat_prefix);
  manager.set_codec_type(hcm::HttpConnectionManager::AUTO);
  auto* rds = manager.mutable_rds();
  rds->set_route_config_name(route_name);
  rds->mutable_config_source()->mutable_ads();
  rds->mutable_config_source()->set_resource_api_version(envoy::config::core::v3::V3);
  // At the edge the peer is the client; inside the mesh x-forwarded-for is taken as it comes.
  manager.mutable_use_remote_address()->set_value(edge);
  manager.mutable_http_protocol_options()->set_accept_http_10(true);
  manager.add_upgrade_configs()->set_upgrade_type("websocket");
  manager.mutable_stream_idle_timeout()->set_seconds(0);
  add_http_filters(manager);
  auto* filter = chain->add_filters();
  filter->set_name("envoy.filters.network.http_connection_manager");
  filter->mutable_typed_config()->PackFrom(manager);
}

void add_tcp_proxy(listener::FilterChain* chain, const std::string& cluster) {
  envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
  proxy.set_stat_prefix(cluster);
  proxy.set_cluster(cluster);
  auto* filter = chain->add_filters();
  filter->set_name("envoy.filters.network.tcp_proxy");
  filter->mutable_typed_config()->PackFrom(proxy);
}

listener::Listener bound(const std::string& name, const std::string& bind, int port) {
  listener::Listener out;
  out.set_name(name);
  auto* address = out.mutable_address()->mutable_socket_address();
  address->set_address(bind);
  address->set_port_value(static_cast<uint32_t>(port));
  out.set_traffic_direction(envoy::config::core::v3::OUTBOUND);
  return out;
}

}  // namespace

EnvoyResourcePtr make_gateway_listener(const std::string& name, const std::string& bind, int port,
                                       std::vector<SourceRef> sources) {
  listener::Listener out = bound(name, bind, port);
  add_connection_manager(out.add_filter_chains(), name, gateway_route_name(port), true);
  return seal(name, out, std::move(sources));
}

EnvoyResourcePtr make_service_listener(const Service& service, const ServicePort& port) {
  std::string name = listener_name(service.vip, port.port);
  listener::Listener out = bound(name, service.vip, port.port);
  std::string cluster = outbound_cluster(port.port, "", service.fqdn);
  std::string route = service_route_name(service.fqdn, port.port);
  if (port.protocol == Protocol::kTcp) {
    add_tcp_proxy(out.add_filter_chains(), cluster);
    return seal(name, out, {}, {cluster});
  }
  if (port.protocol != Protocol::kUnknown) {
    add_connection_manager(out.add_filter_chains(), route, route, false);
    return seal(name, out, {});
  }
  auto* inspector = out.add_listener_filters();
  inspector->set_name("envoy.filters.listener.http_inspector");
  inspector->mutable_typed_config()->PackFrom(
      envoy::extensions::filters::listener::http_inspector::v3::HttpInspector());
  auto* http = out.add_filter_chains();
  for (const char* protocol : {"http/1.0", "http/1.1", "h2c"})
    http->mutable_filter_chain_match()->add_application_protocols(protocol);
  add_connection_manager(http, route, route, false);
  add_tcp_proxy(out.mutable_default_filter_chain(), cluster);
  // A protocol in which the server speaks first shows nothing to inspect.
  out.mutable_listener_filters_timeout()->set_seconds(5);
  out.set_continue_on_listener_filters_timeout(true);
  return seal(name, out, {}, {cluster});
}

}  // namespace serin::mesh
