#include "mesh/xds/proxy_id.h"

#include "base/strings.h"

namespace serin::mesh {

Result<ProxyIdentity> identify(std::string_view node_id, std::string_view cluster_id,
                               const std::map<std::string, std::string>& labels, bool bind_service_addresses) {
  std::vector<std::string_view> parts = split(node_id, '~');
  if (parts.size() != 4) return fail(Code::kInvalid, concat("node id \"", node_id, "\" is not type~ip~name~domain"));
  ProxyIdentity out;
  if (parts[0] == "router") out.kind.type = ProxyKind::Type::kGateway;
  else if (parts[0] == "sidecar" || parts[0] == "mesh") out.kind.type = ProxyKind::Type::kMesh;
  else return fail(Code::kInvalid, concat("node id \"", node_id, "\": unknown proxy type ", parts[0]));
  if (cluster_id.empty()) return fail(Code::kInvalid, concat("node \"", node_id, "\" names no CLUSTER_ID"));
  out.kind.cluster = std::string(cluster_id);
  size_t dot = parts[2].rfind('.');
  if (dot != std::string_view::npos) out.kind.ns = std::string(parts[2].substr(dot + 1));
  if (out.kind.type == ProxyKind::Type::kGateway) out.kind.labels = labels;
  out.kind.bind_service_addresses = bind_service_addresses;
  out.name = concat(cluster_id, "/", parts[2]);
  return out;
}

}  // namespace serin::mesh
