#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h>

#include "mesh/config/names.h"
#include "mesh/translate/builders.h"

namespace serin::mesh {
namespace {

namespace cluster = envoy::config::cluster::v3;
namespace upstreams = envoy::extensions::upstreams::http::v3;

constexpr Duration kConnectTimeout = std::chrono::seconds(10);  // Istio's default
constexpr uint32_t kUnlimited = 0xffffffffu;                    // circuit breakers are off unless asked for

void set_duration(google::protobuf::Duration* out, Duration span) {
  out->set_seconds(span.count() / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(span.count() % 1'000'000'000));
}

TrafficPolicy policy_of(const SubsetChoice& subset, const Rules& rules, int port) {
  TrafficPolicy policy;
  for (const auto& rule : rules)  // of merged rules the first top-level policy counts
    if (policy == TrafficPolicy()) policy = rule->policy;
  if (subset.subset) policy = subset.subset->policy.over(policy);
  return policy.at_port(port);
}

void set_protocol(cluster::Cluster& out, const ServicePort& port, const TrafficPolicy& policy,
                  const ProxyKind& proxy) {
  upstreams::HttpProtocolOptions options;
  bool http2 = port.protocol == Protocol::kHttp2 || policy.h2_upgrade.value_or(false);
  if (port.protocol == Protocol::kTcp) return;
  if (http2) {
    options.mutable_explicit_http_config()->mutable_http2_protocol_options();
  } else if (port.protocol == Protocol::kUnknown && proxy.type == ProxyKind::Type::kMesh) {
    options.mutable_use_downstream_protocol_config()->mutable_http_protocol_options();
    options.mutable_use_downstream_protocol_config()->mutable_http2_protocol_options();
  } else {
    options.mutable_explicit_http_config()->mutable_http_protocol_options();
  }
  if (policy.idle_timeout)
    set_duration(options.mutable_common_http_protocol_options()->mutable_idle_timeout(), *policy.idle_timeout);
  if (policy.max_requests_per_connection)
    options.mutable_common_http_protocol_options()->mutable_max_requests_per_connection()->set_value(
        static_cast<uint32_t>(*policy.max_requests_per_connection));
  (*out.mutable_typed_extension_protocol_options())["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
      .PackFrom(options);
}

void set_limits(cluster::Cluster& out, const TrafficPolicy& policy) {
  auto* threshold = out.mutable_circuit_breakers()->add_thresholds();
  auto limit = [](std::optional<int> wanted) {
    return wanted && *wanted > 0 ? static_cast<uint32_t>(*wanted) : kUnlimited;
  };
  threshold->mutable_max_connections()->set_value(limit(policy.max_connections));
  threshold->mutable_max_pending_requests()->set_value(limit(policy.max_pending_requests));
  threshold->mutable_max_requests()->set_value(limit(policy.max_requests));
  threshold->mutable_max_retries()->set_value(limit(policy.max_retries));
}

void set_load_balancing(cluster::Cluster& out, const TrafficPolicy& policy) {
  if (policy.load_balancer == "ROUND_ROBIN") out.set_lb_policy(cluster::Cluster::ROUND_ROBIN);
  else if (policy.load_balancer == "RANDOM") out.set_lb_policy(cluster::Cluster::RANDOM);
  else out.set_lb_policy(cluster::Cluster::LEAST_REQUEST);
  // Panic routing would send requests to pods that are not ready.
  out.mutable_common_lb_config()->mutable_healthy_panic_threshold()->set_value(
      policy.outlier_detection ? policy.outlier_detection->min_health_percent.value_or(0) : 0);
  if (!policy.outlier_detection) return;
  const OutlierDetection& wanted = *policy.outlier_detection;
  auto* outlier = out.mutable_outlier_detection();
  outlier->mutable_enforcing_success_rate()->set_value(0);
  if (wanted.interval) set_duration(outlier->mutable_interval(), *wanted.interval);
  if (wanted.base_ejection_time) set_duration(outlier->mutable_base_ejection_time(), *wanted.base_ejection_time);
  if (wanted.consecutive_5xx) {
    outlier->mutable_consecutive_5xx()->set_value(*wanted.consecutive_5xx);
    outlier->mutable_enforcing_consecutive_5xx()->set_value(*wanted.consecutive_5xx > 0 ? 100 : 0);
  }
  if (wanted.consecutive_gateway_errors) {
    outlier->mutable_consecutive_gateway_failure()->set_value(*wanted.consecutive_gateway_errors);
    outlier->mutable_enforcing_consecutive_gateway_failure()->set_value(
        *wanted.consecutive_gateway_errors > 0 ? 100 : 0);
  }
  if (wanted.max_ejection_percent)
    outlier->mutable_max_ejection_percent()->set_value(*wanted.max_ejection_percent);
}

}  // namespace

std::vector<SubsetChoice> subsets_of(const Rules& rules) {
  std::vector<SubsetChoice> out(1);
  for (const auto& rule : rules) {
    for (const Subset& subset : rule->subsets) {
      bool known = false;
      for (const SubsetChoice& choice : out) known |= choice.subset && choice.name == subset.name;
      if (!known) out.push_back({subset.name, &subset});
    }
  }
  return out;
}

EnvoyResourcePtr make_cluster(const MeshService& service, const ServicePort& port, const SubsetChoice& subset,
                              const Rules& rules, const ProxyKind& proxy) {
  TrafficPolicy policy = policy_of(subset, rules, port.port);
  cluster::Cluster out;
  out.set_name(outbound_cluster(port.port, subset.name, service.fqdn));
  out.set_type(cluster::Cluster::EDS);
  auto* source = out.mutable_eds_cluster_config()->mutable_eds_config();
  source->mutable_ads();
  source->set_resource_api_version(envoy::config::core::v3::V3);
  out.mutable_eds_cluster_config()->set_service_name(out.name());
  set_duration(out.mutable_connect_timeout(), policy.connect_timeout.value_or(kConnectTimeout));
  set_limits(out, policy);
  set_load_balancing(out, policy);
  set_protocol(out, port, policy, proxy);
  std::vector<SourceRef> sources;
  for (const auto& rule : rules) sources.push_back(rule->source);
  return seal(out.name(), out, std::move(sources));
}

}  // namespace serin::mesh
