#pragma once

/// Where programs inside an embedded cluster find its API: https://kubernetes.default.svc, the first Service address of
/// the cluster, with the API at the root of the URL, as in-cluster clients expect it.

#include <string>

#include "kube/object.h"
#include "net/http_server.h"

namespace serin::app {

/// "127.11.128.1" for cluster 1.
std::string cluster_endpoint_address(int number);

/// A handler that serves one cluster at the root of what `all` serves below /clusters/<name>. That cluster's full paths
/// work too, since answers such as the index of OpenAPI name them; no other cluster is reachable through it.
net::Handler one_cluster(std::string cluster, net::Handler all);

/// Service default/kubernetes. No mesh proxy binds it (annotation `serin.io/bind: api-server`).
kube::Object kubernetes_service(const std::string& address, int port);

}  // namespace serin::app
