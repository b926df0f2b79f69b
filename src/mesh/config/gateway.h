#pragma once

/// A Gateway as translation reads it. Semantics: istio.io reference "Gateway".

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kube/object.h"
#include "mesh/config/source.h"

namespace serin::mesh {

struct GatewayServer {
  int port = 0;
  std::string protocol;  ///< upper case: "HTTP", "HTTP2", "GRPC", "HTTPS", "TLS", "TCP"
  /// Each "host" or "namespace/host"; "./host" is resolved to the Gateway's namespace.
  std::vector<std::string> hosts;
  bool https_redirect = false;

  bool plain_http() const { return protocol == "HTTP" || protocol == "HTTP2" || protocol == "GRPC"; }
  /// The domains under which a VirtualService of namespace `ns` serves `host` here: of each pair that meets the more
  /// specific one. Empty: it does not belong here.
  std::set<std::string> bound_hosts(std::string_view host, std::string_view ns) const;
};

struct Gateway {
  SourceRef source;
  std::map<std::string, std::string> selector;  ///< over the labels of gateway pods
  std::vector<GatewayServer> servers;
  std::vector<std::string> problems;

  bool selects(const std::map<std::string, std::string>& labels) const;
  static Gateway read(const kube::Object& object);
};

}  // namespace serin::mesh
