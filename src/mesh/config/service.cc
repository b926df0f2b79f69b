#include "mesh/config/service.h"

#include "base/strings.h"
#include "mesh/config/names.h"

namespace serin::mesh {
namespace {

Protocol by_word(std::string_view word) {
  if (word == "http" || word == "https" || word == "kubernetes.io/ws") return Protocol::kHttp;
  if (word == "http2" || word == "grpc" || word == "grpc-web" || word == "h2c" || word == "kubernetes.io/h2c")
    return Protocol::kHttp2;
  if (word == "tcp" || word == "tls" || word == "mongo" || word == "mysql" || word == "redis" ||
      word == "kubernetes.io/wss")
    return Protocol::kTcp;
  return Protocol::kUnknown;
}

}  // namespace

Protocol protocol_of(std::string_view port_name, std::string_view app_protocol) {
  if (!app_protocol.empty()) return by_word(lower(app_protocol));
  std::string name = lower(port_name);
  if (name.starts_with("grpc-web")) return Protocol::kHttp2;
  std::string_view word = std::string_view(name).substr(0, name.find('-'));
  // HTTPS passes through untouched where the proxy does not terminate it.
  if (word == "https") return Protocol::kTcp;
  return by_word(word);
}

Service Service::read(const std::string& cluster, const kube::Object& object) {
  Service out;
  out.cluster = cluster;
  out.ns = std::string(object.ns());
  out.name = std::string(object.name());
  out.fqdn = service_fqdn(out.name, out.ns);
  const json::value& doc = object.doc();
  std::string_view vip = json::get_string(doc, "spec", "clusterIP");
  if (vip != "None") out.vip = std::string(vip);
  out.external_name = std::string(json::get_string(doc, "spec", "externalName"));
  if (const json::object* selector = json::find_object(doc, "spec", "selector"))
    for (const auto& [name, value] : *selector)
      out.selector[std::string(name)] = std::string(json::as_string(&value));
  for (const json::value& port : json::items(doc, "spec", "ports")) {
    std::string_view transport = json::get_string(port, "protocol");
    if (!transport.empty() && transport != "TCP") continue;
    std::string name(json::get_string(port, "name"));
    Protocol protocol = protocol_of(name, json::get_string(port, "appProtocol"));
    out.ports.push_back({std::move(name), static_cast<int>(json::get_int(port, 0, "port")), protocol});
  }
  std::string_view binder = object.annotation("serin.io/bind");
  out.bound_by_gateway = binder == "gateway";
  out.bound_elsewhere = !binder.empty();
  return out;
}

const ServicePort* MeshService::port(int number) const {
  for (const ServicePort& candidate : ports)
    if (candidate.port == number) return &candidate;
  return nullptr;
}

}  // namespace serin::mesh
