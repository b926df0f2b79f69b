#pragma once

/// Who a connected proxy is, from the node it presents. Serin's own bootstrap and Istio's both are understood:
/// `node.id` = "router~127.11.0.3~gateway-7x2lp.istio-system~istio-system.svc.cluster.local", metadata CLUSTER_ID,
/// NAMESPACE, LABELS.

#include <string>
#include <string_view>

#include "mesh/translate/translate.h"

namespace serin::mesh {

struct ProxyIdentity {
  std::string name;  ///< "work-1/gateway-7x2lp.istio-system"; unique among connected proxies
  ProxyKind kind;
};

/// `labels` and the flag come from the node's metadata. kInvalid for an id of another shape or type.
Result<ProxyIdentity> identify(std::string_view node_id, std::string_view cluster_id,
                               const std::map<std::string, std::string>& labels, bool bind_service_addresses);

}  // namespace serin::mesh
