#include "cluster/endpoints/service_ports.h"

namespace serin::cluster {
namespace {

using kube::Object;

std::optional<int64_t> container_port(const Object& pod, std::string_view name, std::string_view protocol) {
  for (const char* list : {"containers", "initContainers"}) {
    for (const json::value& container : json::items(pod.doc(), "spec", list)) {
      for (const json::value& port : json::items(container, "ports")) {
        std::string_view spoken = json::get_string(port, "protocol");
        if (json::get_string(port, "name") == name && (spoken.empty() ? "TCP" : spoken) == protocol)
          return json::as_int(json::find(port, "containerPort"));
      }
    }
  }
  return std::nullopt;
}

}  // namespace

json::array ports_at(const Object& service, const Object& pod) {
  json::array ports;
  for (const json::value& port : json::items(service.doc(), "spec", "ports")) {
    std::string protocol(json::get_string(port, "protocol"));
    if (protocol.empty()) protocol = "TCP";
    const json::value* target = json::find(port, "targetPort");
    std::optional<int64_t> number = json::as_int(target);
    if (!number && target && target->is_string())
      number = container_port(pod, json::as_string(target), protocol);
    else if (!number || *number == 0)
      number = json::get_int(port, 0, "port");
    if (!number) continue;
    json::object entry{{"name", json::get_string(port, "name")}, {"port", *number}, {"protocol", protocol}};
    if (const json::value* application = json::find(port, "appProtocol")) entry["appProtocol"] = *application;
    ports.push_back(std::move(entry));
  }
  return ports;
}

std::string_view hostname_in(const Object& service, const Object& pod) {
  if (json::get_string(pod.doc(), "spec", "subdomain") != service.name()) return {};
  return json::get_string(pod.doc(), "spec", "hostname");
}

bool selects_pods(const Object& service) {
  const json::object* selector = json::find_object(service.doc(), "spec", "selector");
  return selector && !selector->empty() && json::get_string(service.doc(), "spec", "type") != "ExternalName";
}

bool headless(const Object& service) { return json::get_string(service.doc(), "spec", "clusterIP") == "None"; }

json::object target_reference(const Object& pod) {
  return {{"kind", "Pod"}, {"namespace", pod.ns()}, {"name", pod.name()}, {"uid", pod.uid()}};
}

}  // namespace serin::cluster
