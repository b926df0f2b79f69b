#include "mesh/config/destination_rule.h"

#include "base/time.h"
#include "mesh/config/names.h"

namespace serin::mesh {
namespace {

std::optional<int> read_int(const json::value* v) {
  auto number = json::as_int(v);
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

std::optional<Duration> read_duration(const json::value* v) {
  std::string_view text = json::as_string(v);
  return text.empty() ? std::nullopt : parse_duration(text);
}

TrafficPolicy read_policy(const json::value* v) {
  TrafficPolicy out;
  if (!v) return out;
  out.max_connections = read_int(json::find(*v, "connectionPool", "tcp", "maxConnections"));
  out.connect_timeout = read_duration(json::find(*v, "connectionPool", "tcp", "connectTimeout"));
  out.max_pending_requests = read_int(json::find(*v, "connectionPool", "http", "http1MaxPendingRequests"));
  out.max_requests = read_int(json::find(*v, "connectionPool", "http", "http2MaxRequests"));
  out.max_requests_per_connection =
      read_int(json::find(*v, "connectionPool", "http", "maxRequestsPerConnection"));
  out.max_retries = read_int(json::find(*v, "connectionPool", "http", "maxRetries"));
  out.idle_timeout = read_duration(json::find(*v, "connectionPool", "http", "idleTimeout"));
  std::string_view upgrade = json::get_string(*v, "connectionPool", "http", "h2UpgradePolicy");
  if (upgrade == "UPGRADE") out.h2_upgrade = true;
  if (upgrade == "DO_NOT_UPGRADE") out.h2_upgrade = false;
  out.load_balancer = std::string(json::get_string(*v, "loadBalancer", "simple"));
  if (const json::value* outlier = json::find(*v, "outlierDetection")) {
    OutlierDetection read;
    read.consecutive_5xx = read_int(json::find(*outlier, "consecutive5xxErrors"));
    read.consecutive_gateway_errors = read_int(json::find(*outlier, "consecutiveGatewayErrors"));
    read.interval = read_duration(json::find(*outlier, "interval"));
    read.base_ejection_time = read_duration(json::find(*outlier, "baseEjectionTime"));
    read.max_ejection_percent = read_int(json::find(*outlier, "maxEjectionPercent"));
    read.min_health_percent = read_int(json::find(*outlier, "minHealthPercent"));
    out.outlier_detection = read;
  }
  for (const json::value& settings : json::items(*v, "portLevelSettings"))
    if (auto port = read_int(json::find(settings, "port", "number"))) out.ports[*port] = read_policy(&settings);
  return out;
}

template <class T>
void inherit(T& member, const T& base) {
  if (!member) member = base;
}

}  // namespace

TrafficPolicy TrafficPolicy::over(const TrafficPolicy& base) const {
  TrafficPolicy out = *this;
  // Inheritance is per block: a subset's connectionPool replaces the rule's connectionPool as a whole.
  bool pool = max_connections || connect_timeout || max_pending_requests || max_requests ||
              max_requests_per_connection || max_retries || idle_timeout || h2_upgrade;
  if (!pool) {
    out.max_connections = base.max_connections;
    out.connect_timeout = base.connect_timeout;
    out.max_pending_requests = base.max_pending_requests;
    out.max_requests = base.max_requests;
    out.max_requests_per_connection = base.max_requests_per_connection;
    out.max_retries = base.max_retries;
    out.idle_timeout = base.idle_timeout;
    out.h2_upgrade = base.h2_upgrade;
  }
  if (out.load_balancer.empty()) out.load_balancer = base.load_balancer;
  inherit(out.outlier_detection, base.outlier_detection);
  if (out.ports.empty()) out.ports = base.ports;
  return out;
}

const TrafficPolicy& TrafficPolicy::at_port(int port) const {
  auto found = ports.find(port);
  return found == ports.end() ? *this : found->second;
}

DestinationRule DestinationRule::read(const kube::Object& object) {
  DestinationRule out;
  out.source = SourceRef::of(object);
  out.ns = std::string(object.ns());
  out.created = object.created();
  const json::value& doc = object.doc();
  out.host = resolve_host(json::get_string(doc, "spec", "host"), out.ns);
  for (const json::value& item : json::items(doc, "spec", "exportTo"))
    out.export_to.emplace_back(json::as_string(&item));
  out.policy = read_policy(json::find(doc, "spec", "trafficPolicy"));
  for (const json::value& item : json::items(doc, "spec", "subsets")) {
    Subset subset;
    subset.name = std::string(json::get_string(item, "name"));
    if (const json::object* labels = json::find_object(item, "labels"))
      for (const auto& [name, value] : *labels)
        subset.labels[std::string(name)] = std::string(json::as_string(&value));
    subset.policy = read_policy(json::find(item, "trafficPolicy"));
    out.subsets.push_back(std::move(subset));
  }
  if (json::find(doc, "spec", "trafficPolicy", "tls"))
    out.problems.push_back("trafficPolicy.tls is not translated");
  if (json::find(doc, "spec", "trafficPolicy", "loadBalancer", "consistentHash"))
    out.problems.push_back("trafficPolicy.loadBalancer.consistentHash is not translated");
  return out;
}

}  // namespace serin::mesh
