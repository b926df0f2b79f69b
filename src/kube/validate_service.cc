// Services, Endpoints and EndpointSlices.

#include <set>

#include "kube/names.h"
#include "kube/validate_kinds.h"
#include "kube/validate_pod.h"

namespace serin::kube {
namespace {

void check_ports(const json::value& spec, std::string_view type, Causes& causes) {
  const json::array& ports = json::items(spec, "ports");
  std::set<std::string> by_name, by_number;
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string at = concat("spec.ports[", i, "]");
    std::string name(json::get_string(ports[i], "name"));
    if (name.empty()) {
      if (ports.size() > 1) causes.required(at + ".name");
    } else {
      if (auto wrong = names::dns1123_label_error(name)) causes.invalid(at + ".name", json::value(name), *wrong);
      if (!by_name.insert(name).second) causes.duplicate(at + ".name", json::value(name));
    }
    validate_port_number(json::find(ports[i], "port"), at + ".port", causes);
    const json::value* target = json::find(ports[i], "targetPort");
    if (target && target->is_number()) validate_port_number(target, at + ".targetPort", causes);
    const json::value* node_port = json::find(ports[i], "nodePort");
    if (type == "ClusterIP" && json::as_int(node_port).value_or(0) != 0)
      causes.forbidden(at + ".nodePort", "may not be used when `type` is 'ClusterIP'");
    std::string key = concat(json::get_int(ports[i], 0, "port"), "/", json::get_string(ports[i], "protocol"));
    if (!by_number.insert(key).second)
      causes.duplicate(at, json::object{{"port", json::get_int(ports[i], 0, "port")}, {"protocol", json::get_string(ports[i], "protocol")}});
  }
}

void check_addresses(const json::value& spec, std::string_view type, Causes& causes) {
  std::string_view ip = json::get_string(spec, "clusterIP");
  if (type == "ExternalName") {
    std::string name(json::get_string(spec, "externalName"));
    if (!ip.empty() && ip != "None") causes.forbidden("spec.clusterIPs", "may not be set for ExternalName services");
    while (!name.empty() && name.back() == '.') name.pop_back();
    if (name.empty()) causes.required("spec.externalName");
    else if (auto wrong = names::dns1123_subdomain_error(name)) causes.invalid("spec.externalName", json::value(name), *wrong);
    return;
  }
  if (json::items(spec, "ports").empty() && ip != "None") causes.required("spec.ports");
  if (ip == "None" && (type == "LoadBalancer" || type == "NodePort"))
    causes.invalid("spec.clusterIPs[0]", json::value(ip), concat("may not be set to 'None' for ", type, " services"));
  if (!ip.empty() && ip != "None" && !is_ipv4(ip) && !is_ipv6(ip))
    causes.invalid("spec.clusterIPs[0]", json::value(ip), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
  const json::array& external = json::items(spec, "externalIPs");
  for (size_t i = 0; i < external.size(); ++i)
    if (std::string_view address = json::as_string(&external[i]); !is_ipv4(address) && !is_ipv6(address))
      causes.invalid(concat("spec.externalIPs[", i, "]"), external[i], "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
}

}  // namespace

void validate_service(const Subject& s, Causes& causes) {
  const json::value* spec = json::find(s.object, "spec");
  if (!spec) return;
  std::string_view type = json::get_string(*spec, "type");
  check_addresses(*spec, type, causes);
  check_ports(*spec, type, causes);
  if (const json::object* selector = json::find_object(*spec, "selector"))
    for (const auto& [key, value] : *selector) {
      if (auto wrong = names::qualified_name_error(key)) causes.invalid("spec.selector", json::value(key), *wrong);
      if (auto wrong = names::label_value_error(json::as_string(&value))) causes.invalid("spec.selector", value, *wrong);
    }
  std::string_view affinity = json::get_string(*spec, "sessionAffinity");
  if (!affinity.empty() && affinity != "ClientIP" && affinity != "None")
    causes.not_supported("spec.sessionAffinity", json::value(affinity), "\"ClientIP\", \"None\"");
  const json::value* timeout = json::find(*spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds");
  if (int64_t seconds = json::as_int(timeout).value_or(1); seconds <= 0 || seconds > 86400)
    causes.invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", *timeout, "must be greater than 0 and less than 86400");
  bool external = type == "NodePort" || type == "LoadBalancer" || !json::items(*spec, "externalIPs").empty();
  if (const json::value* policy = json::find(*spec, "externalTrafficPolicy"); policy && !external && !json::as_string(policy).empty())
    causes.invalid("spec.externalTrafficPolicy", *policy, "may only be set for externally-accessible services");
  if (!s.old || type == "ExternalName") return;
  std::string_view before = json::get_string(*s.old, "spec", "clusterIP"), now = json::get_string(*spec, "clusterIP");
  if (!before.empty() && before != now && json::get_string(*s.old, "spec", "type") != "ExternalName")
    causes.invalid("spec.clusterIPs[0]", json::value(now), "may not change once set");
}

void validate_endpoints(const Subject& s, Causes& causes) {
  const json::array& subsets = json::items(s.object, "subsets");
  for (size_t i = 0; i < subsets.size(); ++i) {
    std::string at = concat("subsets[", i, "]");
    if (json::items(subsets[i], "addresses").empty() && json::items(subsets[i], "notReadyAddresses").empty())
      causes.required(at, "must specify `addresses` or `notReadyAddresses`");
    for (std::string_view list : {"addresses", "notReadyAddresses"}) {
      const json::array& addresses = json::items(subsets[i], list);
      for (size_t j = 0; j < addresses.size(); ++j)
        if (std::string_view ip = json::get_string(addresses[j], "ip"); !is_ipv4(ip) && !is_ipv6(ip))
          causes.invalid(concat(at, '.', list, '[', j, "].ip"), json::value(ip), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
    const json::array& ports = json::items(subsets[i], "ports");
    for (size_t j = 0; j < ports.size(); ++j) {
      if (ports.size() > 1 && json::get_string(ports[j], "name").empty()) causes.required(concat(at, ".ports[", j, "].name"));
      validate_port_number(json::find(ports[j], "port"), concat(at, ".ports[", j, "].port"), causes);
    }
  }
}

void validate_endpoint_slice(const Subject& s, Causes& causes) {
  constexpr size_t kMaxEndpoints = 1000, kMaxAddresses = 100;
  std::string_view type = json::get_string(s.object, "addressType");
  check_immutable(s, {"addressType"}, causes);
  const json::array& endpoints = json::items(s.object, "endpoints");
  if (endpoints.size() > kMaxEndpoints) causes.too_many("endpoints", endpoints.size(), kMaxEndpoints);
  for (size_t i = 0; i < endpoints.size() && i < kMaxEndpoints; ++i) {
    const json::array& addresses = json::items(endpoints[i], "addresses");
    std::string at = concat("endpoints[", i, "].addresses");
    if (addresses.empty()) causes.required(at, "must contain at least 1 address");
    if (addresses.size() > kMaxAddresses) causes.too_many(at, addresses.size(), kMaxAddresses);
    for (size_t j = 0; j < addresses.size(); ++j) {
      std::string_view address = json::as_string(&addresses[j]);
      if (type == "IPv4" && !is_ipv4(address)) causes.invalid(concat(at, '[', j, ']'), addresses[j], "must be a valid IPv4 address");
      if (type == "IPv6" && !is_ipv6(address)) causes.invalid(concat(at, '[', j, ']'), addresses[j], "must be a valid IPv6 address");
    }
  }
  std::set<std::string> seen;
  const json::array& ports = json::items(s.object, "ports");
  for (size_t i = 0; i < ports.size(); ++i)
    if (std::string name(json::get_string(ports[i], "name")); !seen.insert(name).second)
      causes.duplicate(concat("ports[", i, "].name"), json::value(name));
}

}  // namespace serin::kube
