#pragma once

/// `serin proxy`: the command behind the image `serin.local/proxy`. Writes Envoy's bootstrap from the pod's
/// environment and becomes Envoy. The node it presents has Istio's shape.

#include <map>
#include <string>

#include "base/error.h"
#include "data/json.h"

namespace serin::app {

struct ProxyOptions {
  std::string type = "router";  ///< "router" (a gateway) or "mesh" (the shared proxy of a cluster's Services)
  std::string envoy;            ///< path of the Envoy binary
  std::string xds;              ///< "unix:/path" or "host:port"
  std::string cluster, ns, pod, pod_ip;
  std::map<std::string, std::string> labels;  ///< of the pod; what Gateways select
  std::string run_dir;          ///< where the admin socket goes
  int ready_port = 15021;
  int concurrency = 1;
};

/// From the environment: SERIN_ENVOY, SERIN_XDS, CLUSTER_ID, POD_NAME, POD_NAMESPACE, POD_IP, POD_LABELS
/// ("a=b,c=d"), SERIN_RUN_DIR. kInvalid names what is missing.
Result<ProxyOptions> proxy_options(const std::string& type);

/// Envoy's bootstrap. Admin is a Unix socket; the pod's address serves only GET /healthz/ready, which is true once
/// Envoy has its first configuration.
json::value envoy_bootstrap(const ProxyOptions& options);

/// Replaces this process by Envoy; returns only on an error.
Result<void> exec_envoy(const ProxyOptions& options);

}  // namespace serin::app
