#pragma once

/// What an embedded cluster has before anybody uses it: the objects that `serin up` applies. Plain objects like any
/// other, so `kubectl -n istio-system get all` shows them and an edit works as expected.

#include <map>
#include <string>
#include <vector>

#include "kube/object.h"

namespace serin::app {

struct PlatformOptions {
  std::string cluster;    ///< "work-1"
  bool mesh = true;       ///< whether Serin plays the mesh; otherwise there is the image map alone, and `xds` and `envoy` are unused
  std::string xds;        ///< where proxies connect
  std::string envoy;      ///< path of the Envoy binary
  std::string run_dir;    ///< for admin sockets
  std::string serin;      ///< path of this program
  std::string hello_dir;  ///< where hello-consumer and hello-provider are; empty: not there
  int http_port = 80;     ///< of the ingress gateway's Service; 8080 where 80 may not be bound
  std::map<std::string, std::string> images;  ///< pattern -> command, from --image; they win over the defaults
};

/// Of a work cluster, in the order to apply: namespaces, the image map, the mesh proxy, the ingress gateway.
std::vector<kube::Object> platform_objects(const PlatformOptions& options);

/// The CRDs of every embedded cluster, from api/crds/.
std::vector<kube::Object> bundled_crds();

/// Whether this process may listen on ports below 1024.
bool may_bind_low_ports();

}  // namespace serin::app
