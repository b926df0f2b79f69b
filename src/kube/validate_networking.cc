// networking.k8s.io: Ingress, IngressClass, NetworkPolicy.

#include "kube/names.h"
#include "kube/validate_kinds.h"
#include "kube/validate_pod.h"

namespace serin::kube {
namespace {

void check_backend(const json::value* backend, const std::string& at, Causes& causes) {
  if (!backend || !backend->is_object()) return;
  const json::value* service = json::find(*backend, "service");
  bool resource = json::find_object(*backend, "resource");
  if (service && resource) return causes.invalid(at, json::value(""), "cannot set both resource and service backends");
  if (resource) return;
  if (!service || !service->is_object()) return causes.required(at, "resource or service backend is required");
  std::string name(json::get_string(*service, "name"));
  if (name.empty()) causes.required(at + ".service.name");
  else if (auto wrong = names::dns1035_label_error(name)) causes.invalid(at + ".service.name", json::value(name), *wrong);
  std::string_view port_name = json::get_string(*service, "port", "name");
  const json::value* number = json::find(*service, "port", "number");
  bool numbered = json::as_int(number).value_or(0) != 0;
  if (!port_name.empty() && numbered) causes.invalid(at, json::value(""), "cannot set both port name & port number");
  else if (port_name.empty() && !numbered) causes.required(at, "port name or number is required");
  else if (numbered) validate_port_number(number, at + ".service.port.number", causes);
}

void check_path(const json::value& path, const std::string& at, Causes& causes) {
  const json::value* type = json::find(path, "pathType");
  std::string text(json::get_string(path, "path"));
  std::string_view how = json::as_string(type);
  if (how.empty()) {
    causes.required(at + ".pathType", "pathType must be specified");
  } else if (how == "Exact" || how == "Prefix") {
    if (!text.starts_with('/')) causes.invalid(at + ".path", json::value(text), "must be an absolute path");
    for (std::string_view banned : {"//", "/./", "/../", "%2f", "%2F"})
      if (text.find(banned) != text.npos) causes.invalid(at + ".path", json::value(text), concat("must not contain '", banned, "'"));
    for (std::string_view banned : {"/..", "/."})
      if (text.ends_with(banned)) causes.invalid(at + ".path", json::value(text), concat("cannot end with '", banned, "'"));
  } else if (how == "ImplementationSpecific") {
    if (!text.empty() && !text.starts_with('/')) causes.invalid(at + ".path", json::value(text), "must be an absolute path");
  } else {
    causes.not_supported(at + ".pathType", *type, "\"Exact\", \"ImplementationSpecific\", \"Prefix\"");
  }
  check_backend(json::find(path, "backend"), at + ".backend", causes);
}

void check_host(std::string host, const std::string& at, Causes& causes) {
  if (host.empty()) return;
  if (is_ipv4(host) || is_ipv6(host)) return causes.invalid(at, json::value(host), "must be a DNS name, not an IP address");
  std::string name = host.starts_with("*.") ? host.substr(2) : host;
  if (auto wrong = names::dns1123_subdomain_error(name)) causes.invalid(at, json::value(host), *wrong);
}

void check_policy_ports(const json::array& ports, const std::string& at, Causes& causes) {
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string where = concat(at, ".ports[", i, "]");
    const json::value *port = json::find(ports[i], "port"), *end = json::find(ports[i], "endPort");
    if (port && port->is_number()) validate_port_number(port, where + ".port", causes);
    std::string protocol(json::as_string(json::find(ports[i], "protocol"), "TCP"));
    if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP")
      causes.not_supported(where + ".protocol", json::value(protocol), "\"SCTP\", \"TCP\", \"UDP\"");
    if (!end) continue;
    if (!port) causes.invalid(where + ".endPort", *end, "must not be specified when `port` is not specified");
    else if (!port->is_number()) causes.invalid(where + ".endPort", *end, "must not be specified when `port` is non-numeric");
    else if (json::as_int(end).value_or(0) < json::as_int(port).value_or(0)) causes.invalid(where + ".endPort", *end, "must be greater than or equal to `port`");
  }
}

void check_peers(const json::array& peers, const std::string& at, Causes& causes) {
  for (size_t i = 0; i < peers.size(); ++i) {
    std::string where = concat(at, '[', i, ']');
    const json::object* peer = peers[i].if_object();
    if (!peer || peer->empty()) {
      causes.required(where, "must specify a peer");
      continue;
    }
    for (std::string_view selector : {"podSelector", "namespaceSelector"}) check_selector(peer->if_contains(selector), concat(where, '.', selector), causes);
    const json::value* block = peer->if_contains("ipBlock");
    if (!block) continue;
    if (peer->size() > 1) causes.forbidden(where, "may not specify both ipBlock and another peer");
    std::string_view cidr = json::get_string(*block, "cidr");
    if (cidr.empty()) causes.required(where + ".ipBlock.cidr");
    else if (!is_cidr(cidr)) causes.invalid(where + ".ipBlock.cidr", json::value(cidr), "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    const json::array& except = json::items(*block, "except");
    for (size_t j = 0; j < except.size(); ++j)
      if (!is_cidr(json::as_string(&except[j])))
        causes.invalid(concat(where, ".ipBlock.except[", j, "]"), except[j], "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
  }
}

}  // namespace

void validate_ingress(const Subject& s, Causes& causes) {
  const json::array& rules = json::items(s.object, "spec", "rules");
  const json::value* fallback = json::find(s.object, "spec", "defaultBackend");
  if (rules.empty() && !fallback)
    causes.invalid("spec", json::array(), "either `defaultBackend` or `rules` must be specified");
  check_backend(fallback, "spec.defaultBackend", causes);
  for (size_t i = 0; i < rules.size(); ++i) {
    std::string at = concat("spec.rules[", i, "]");
    check_host(std::string(json::get_string(rules[i], "host")), at + ".host", causes);
    const json::value* http = json::find(rules[i], "http");
    if (!http) continue;
    const json::array& paths = json::items(*http, "paths");
    if (paths.empty()) causes.required(at + ".http.paths");
    for (size_t j = 0; j < paths.size(); ++j) check_path(paths[j], concat(at, ".http.paths[", j, "]"), causes);
  }
  const json::array& tls = json::items(s.object, "spec", "tls");
  for (size_t i = 0; i < tls.size(); ++i) {
    const json::array& hosts = json::items(tls[i], "hosts");
    for (size_t j = 0; j < hosts.size(); ++j) check_host(std::string(json::as_string(&hosts[j])), concat("spec.tls[", i, "].hosts[", j, "]"), causes);
  }
  std::string class_name(json::get_string(s.object, "spec", "ingressClassName"));
  if (auto wrong = names::dns1123_subdomain_error(class_name); !class_name.empty() && wrong)
    causes.invalid("spec.ingressClassName", json::value(class_name), *wrong);
  if (!s.old && !class_name.empty() && json::find(s.object, "metadata", "annotations", "kubernetes.io/ingress.class"))
    causes.invalid("annotations.kubernetes.io/ingress.class", *json::find(s.object, "metadata", "annotations", "kubernetes.io/ingress.class"),
                   "can not be set when the class field is also set");
}

void validate_ingress_class(const Subject& s, Causes& causes) {
  std::string_view controller = json::get_string(s.object, "spec", "controller");
  auto parts = cut(controller, '/');
  if (!parts || parts->second.empty() || names::dns1123_subdomain_error(parts->first))
    causes.invalid("spec.controller", json::value(controller), "must be a domain-prefixed path (such as \"acme.io/foo\")");
  check_immutable(s, {"spec", "controller"}, causes);
}

void validate_network_policy(const Subject& s, Causes& causes) {
  check_selector(json::find(s.object, "spec", "podSelector"), "spec.podSelector", causes);
  for (auto [list, peers] : {std::pair{"ingress", "from"}, {"egress", "to"}}) {
    const json::array& rules = json::items(s.object, "spec", list);
    for (size_t i = 0; i < rules.size(); ++i) {
      std::string at = concat("spec.", list, '[', i, ']');
      check_policy_ports(json::items(rules[i], "ports"), at, causes);
      check_peers(json::items(rules[i], peers), concat(at, '.', peers), causes);
    }
  }
  const json::array& types = json::items(s.object, "spec", "policyTypes");
  if (types.size() > 2) causes.invalid("spec.policyTypes", json::value(types), "may not specify more than two policyTypes");
  for (size_t i = 0; i < types.size() && types.size() <= 2; ++i)
    if (std::string_view type = json::as_string(&types[i]); type != "Ingress" && type != "Egress")
      causes.not_supported(concat("spec.policyTypes[", i, "]"), types[i], "\"Egress\", \"Ingress\"");
}

}  // namespace serin::kube
