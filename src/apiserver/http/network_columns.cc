// What kubectl shows of Services and what is around them.

#include "apiserver/http/column_parts.h"
#include "base/strings.h"

namespace serin::apiserver::columns {
namespace {

/// "10.0.0.1,example.com" of status.loadBalancer.
std::string load_balancer(const json::value& d) {
  std::string out;
  for (const json::value& ingress : json::items(d, "status", "loadBalancer", "ingress")) {
    std::string_view address = json::get_string(ingress, "ip");
    if (address.empty()) address = json::get_string(ingress, "hostname");
    if (!address.empty()) out += concat(out.empty() ? "" : ",", address);
  }
  return out;
}

std::string external_address(const json::value& service) {
  std::string_view type = json::get_string(service, "spec", "type");
  if (type == "ExternalName") return std::string(json::get_string(service, "spec", "externalName"));
  std::string external = joined(json::items(service, "spec", "externalIPs"), "");
  if (type != "LoadBalancer") return or_none(external);
  std::string balanced = load_balancer(service);
  if (!external.empty()) return balanced.empty() ? external : concat(balanced, ",", external);
  return balanced.empty() ? "<pending>" : balanced;
}

std::string service_ports(const json::value& service) {
  std::string out;
  for (const json::value& port : json::items(service, "spec", "ports")) {
    int64_t node_port = json::get_int(port, 0, "nodePort");
    out += concat(out.empty() ? "" : ",", json::get_int(port, 0, "port"), node_port ? concat(':', node_port) : "", '/',
                  json::as_string(json::find(port, "protocol"), "TCP"));
  }
  return or_none(out);
}

std::string host_port(std::string_view ip, int64_t port) {
  return ip.find(':') == ip.npos ? concat(ip, ':', port) : concat('[', ip, "]:", port);
}

std::string subset_addresses(const json::value& d) {
  std::vector<std::string> all;
  for (const json::value& subset : json::items(d, "subsets")) {
    const json::array &ports = json::items(subset, "ports"), &addresses = json::items(subset, "addresses");
    if (ports.empty())
      for (const json::value& address : addresses) all.emplace_back(json::get_string(address, "ip"));
    for (const json::value& port : ports)
      for (const json::value& address : addresses) all.push_back(host_port(json::get_string(address, "ip"), json::get_int(port, 0, "port")));
  }
  return or_none(some_of(all, 3));
}

std::string slice_ports(const json::value& d) {
  std::vector<std::string> all;
  for (const json::value& port : json::items(d, "ports")) {
    auto number = json::as_int(json::find(port, "port"));
    all.push_back(number ? std::to_string(*number) : "*");
  }
  return all.empty() ? "<unset>" : some_of(all, 3);
}

std::string slice_addresses(const json::value& d) {
  std::vector<std::string> all;
  for (const json::value& endpoint : json::items(d, "endpoints"))
    for (const json::value& address : json::items(endpoint, "addresses")) all.emplace_back(json::as_string(&address));
  return all.empty() ? "<unset>" : some_of(all, 3);
}

std::string hosts(const json::value& d) {
  std::vector<std::string> all;
  for (const json::value& rule : json::items(d, "spec", "rules"))
    if (std::string_view host = json::get_string(rule, "host"); !host.empty()) all.emplace_back(host);
  return all.empty() ? "*" : some_of(all, 3);
}

std::string parameters(const json::value& d) {
  if (!json::find_object(d, "spec", "parameters")) return "<none>";
  std::string_view group = json::get_string(d, "spec", "parameters", "apiGroup");
  return concat(json::get_string(d, "spec", "parameters", "kind"), group.empty() ? "" : ".", group, '/',
                json::get_string(d, "spec", "parameters", "name"));
}

}  // namespace

Columns service() {
  return {text_at("Type", {"spec", "type"}), text_at("Cluster-IP", {"spec", "clusterIP"}, "<none>"), text("External-IP", external_address),
          text("Port(s)", service_ports), age(),
          text("Selector", [](const json::value& d) { return map_text(json::find(d, "spec", "selector")); }, 1)};
}

Columns endpoints() { return {text("Endpoints", subset_addresses), age()}; }

Columns endpoint_slice() {
  return {text_at("AddressType", {"addressType"}), text("Ports", slice_ports), text("Endpoints", slice_addresses), age()};
}

Columns ingress() {
  return {text_at("Class", {"spec", "ingressClassName"}, "<none>"), text("Hosts", hosts), text("Address", load_balancer),
          text("Ports", [](const json::value& d) { return std::string(json::items(d, "spec", "tls").empty() ? "80" : "80, 443"); }), age()};
}

Columns ingress_class() { return {text_at("Controller", {"spec", "controller"}), text("Parameters", parameters), age()}; }

Columns network_policy() {
  return {text("Pod-Selector", [](const json::value& d) { return selector_text(json::find(d, "spec", "podSelector")); }), age()};
}

}  // namespace serin::apiserver::columns
