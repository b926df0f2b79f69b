#include "app/proxy_bootstrap.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/strings.h"
#include "mesh/config/names.h"

namespace serin::app {
namespace {

Result<std::string> required(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value)
    return fail(Code::kInvalid, concat("the environment lacks ", name, "; serin proxy runs in a pod that serin made"));
  return std::string(value);
}

json::object address(const std::string& host, int port) {
  return {{"socket_address", json::object{{"address", host}, {"port_value", port}}}};
}

json::object pipe(const std::string& path) { return {{"pipe", json::object{{"path", path}}}}; }

json::object endpoint_of(const std::string& xds) {
  if (xds.starts_with("unix:")) return pipe(xds.substr(5));
  size_t colon = xds.rfind(':');
  return address(xds.substr(0, colon), std::atoi(xds.c_str() + colon + 1));
}

json::object static_cluster(const std::string& name, json::object endpoint) {
  return {{"name", name},
          {"type", "STATIC"},
          {"connect_timeout", "1s"},
          {"load_assignment",
           json::object{{"cluster_name", name},
                        {"endpoints",
                         json::array{json::object{
                             {"lb_endpoints", json::array{json::object{
                                                  {"endpoint", json::object{{"address", std::move(endpoint)}}}}}}}}}}}};
}

std::string admin_socket(const ProxyOptions& options) {
  return concat(options.run_dir, "/", options.pod, ".admin");
}

/// A restarted control plane waits a few seconds for its proxies before it confirms anything: be back by then.
json::object xds_client() {
  json::object back_off{{"base_interval", "0.1s"}, {"max_interval", "1s"}};
  return {{"cluster_name", "xds-grpc"},
          {"retry_policy", json::object{{"retry_back_off", std::move(back_off)}}}};
}

json::object ready_listener(const ProxyOptions& options) {
  json::object route{{"match", json::object{{"path", "/healthz/ready"}}},
                     {"route", json::object{{"cluster", "admin"}, {"prefix_rewrite", "/ready"}}}};
  json::object manager{
      {"@type",
       "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"},
      {"stat_prefix", "ready"},
      {"route_config",
       json::object{{"virtual_hosts", json::array{json::object{{"name", "ready"},
                                                               {"domains", json::array{"*"}},
                                                               {"routes", json::array{std::move(route)}}}}}}},
      {"http_filters",
       json::array{json::object{
           {"name", "envoy.filters.http.router"},
           {"typed_config",
            json::object{{"@type", "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}}}}}};
  return {{"name", "ready"},
          {"address", address(options.pod_ip, options.ready_port)},
          {"filter_chains",
           json::array{json::object{
               {"filters", json::array{json::object{{"name", "envoy.filters.network.http_connection_manager"},
                                                    {"typed_config", std::move(manager)}}}}}}}};
}

}  // namespace

Result<ProxyOptions> proxy_options(const std::string& type) {
  ProxyOptions out;
  out.type = type;
  out.envoy = SERIN_TRY(required("SERIN_ENVOY"));
  out.xds = SERIN_TRY(required("SERIN_XDS"));
  out.cluster = SERIN_TRY(required("CLUSTER_ID"));
  out.ns = SERIN_TRY(required("POD_NAMESPACE"));
  out.pod = SERIN_TRY(required("POD_NAME"));
  out.pod_ip = SERIN_TRY(required("POD_IP"));
  out.run_dir = SERIN_TRY(required("SERIN_RUN_DIR"));
  if (const char* labels = std::getenv("POD_LABELS"))
    for (std::string_view pair : split(labels, ','))
      if (auto parts = cut(pair, '=')) out.labels[std::string(parts->first)] = std::string(parts->second);
  return out;
}

json::value envoy_bootstrap(const ProxyOptions& options) {
  json::object labels;
  for (const auto& [name, value] : options.labels) labels[name] = value;
  json::object xds = static_cluster("xds-grpc", endpoint_of(options.xds));
  xds["typed_extension_protocol_options"] = json::object{
      {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
       json::object{{"@type", "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"},
                    {"explicit_http_config",
                     json::object{{"http2_protocol_options",
                                   json::object{{"connection_keepalive",
                                                 json::object{{"interval", "30s"}, {"timeout", "10s"}}}}}}}}}};
  json::object ads{{"ads", json::object()}, {"resource_api_version", "V3"}};
  json::object lds = ads;
  lds["initial_fetch_timeout"] = "0s";
  json::object cds = lds;
  return json::object{
      {"node",
       json::object{{"id", concat(options.type, "~", options.pod_ip, "~", options.pod, ".", options.ns, "~", options.ns,
                                  ".svc.", mesh::kClusterDomain)},
                    {"cluster", concat(options.type, ".", options.ns)},
                    {"metadata", json::object{{"CLUSTER_ID", options.cluster},
                                              {"NAMESPACE", options.ns},
                                              {"NAME", options.pod},
                                              {"LABELS", std::move(labels)},
                                              {"SERIN_BIND", "service"}}}}},
      {"admin", json::object{{"address", pipe(admin_socket(options))}}},
      {"dynamic_resources",
       json::object{{"ads_config",
                     json::object{{"api_type", "DELTA_GRPC"},
                                  {"transport_api_version", "V3"},
                                  {"set_node_on_first_message_only", true},
                                  {"grpc_services",
                                   json::array{json::object{
                                       {"envoy_grpc", xds_client()}}}}}},
                    {"cds_config", std::move(cds)},
                    {"lds_config", std::move(lds)}}},
      {"static_resources",
       json::object{{"clusters", json::array{std::move(xds), static_cluster("admin", pipe(admin_socket(options)))}},
                    {"listeners", json::array{ready_listener(options)}}}},
      {"layered_runtime",
       json::object{{"layers",
                     json::array{json::object{
                         {"name", "static"},
                         {"static_layer", json::object{{"overload.global_downstream_max_connections", 50'000},
                                                       {"re2.max_program_size.error_level", 32'768}}}}}}}}};
}

Result<void> exec_envoy(const ProxyOptions& options) {
  if (access(options.envoy.c_str(), X_OK) != 0)
    return fail(Code::kNotFound, concat("no Envoy at ", options.envoy, ": run `make deps`, or name one with --envoy"));
  std::string socket = admin_socket(options);
  if (socket.size() > 107) return fail(Code::kInvalid, concat(socket, " is too long for a socket: use a shorter --state"));
  unlink(socket.c_str());
  std::vector<std::string> arguments = {options.envoy,      "--config-yaml", json::dump(envoy_bootstrap(options)),
                                        "--concurrency",    std::to_string(options.concurrency),
                                        "--disable-hot-restart", "--log-level", "warning",
                                        "--drain-time-s",   "5",
                                        "--drain-strategy", "immediate"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(options.envoy.c_str(), argv.data());
  return fail(Code::kInternal, concat("cannot run ", options.envoy, ": ", std::strerror(errno)));
}

}  // namespace serin::app
