#include <envoy/config/endpoint/v3/endpoint.pb.h>

#include <algorithm>

#include "mesh/config/names.h"
#include "mesh/translate/builders.h"

namespace serin::mesh {
namespace {

bool selected(const Endpoint& endpoint, const Subset* subset) {
  if (!subset) return true;
  return std::all_of(subset->labels.begin(), subset->labels.end(), [&](const auto& wanted) {
    auto found = endpoint.labels.find(wanted.first);
    return found != endpoint.labels.end() && found->second == wanted.second;
  });
}

}  // namespace

EnvoyResourcePtr make_endpoints(const MeshService& service, const ServicePort& port, const SubsetChoice& subset,
                                const Rules& rules) {
  envoy::config::endpoint::v3::ClusterLoadAssignment out;
  out.set_cluster_name(outbound_cluster(port.port, subset.name, service.fqdn));
  envoy::config::endpoint::v3::LocalityLbEndpoints* group = nullptr;
  for (const Endpoint& endpoint : service.endpoints) {
    auto target = endpoint.ports.find(port.name);
    if (target == endpoint.ports.end() || !selected(endpoint, subset.subset)) continue;
    if (!group) {
      group = out.add_endpoints();
      group->mutable_load_balancing_weight()->set_value(1);
    }
    auto* item = group->add_lb_endpoints();
    auto* address = item->mutable_endpoint()->mutable_address()->mutable_socket_address();
    address->set_address(endpoint.address);
    address->set_port_value(static_cast<uint32_t>(target->second));
    item->mutable_load_balancing_weight()->set_value(1);
  }
  std::vector<std::string> addresses;  // of the service in the order of addresses
  if (group)
    for (const auto& item : group->lb_endpoints())
      addresses.push_back(item.endpoint().address().socket_address().address());
  std::vector<SourceRef> sources;
  for (const auto& rule : rules) sources.push_back(rule->source);
  return seal(out.cluster_name(), out, std::move(sources), {}, std::move(addresses));
}

}  // namespace serin::mesh
