#include "mesh/config/gateway.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "mesh/config/names.h"

namespace serin::mesh {

std::set<std::string> GatewayServer::bound_hosts(std::string_view host, std::string_view ns) const {
  std::set<std::string> out;
  for (std::string_view entry : hosts) {
    if (auto parts = cut(entry, '/')) {
      if (parts->first != "*" && parts->first != ns) continue;
      entry = parts->second;
    }
    if (host_covers(entry, host)) out.emplace(host);
    else if (host_covers(host, entry)) out.emplace(entry);
  }
  return out;
}

bool Gateway::selects(const std::map<std::string, std::string>& labels) const {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

Gateway Gateway::read(const kube::Object& object) {
  Gateway out;
  out.source = SourceRef::of(object);
  const json::value& doc = object.doc();
  if (const json::object* selector = json::find_object(doc, "spec", "selector"))
    for (const auto& [name, value] : *selector)
      out.selector[std::string(name)] = std::string(json::as_string(&value));
  for (const json::value& item : json::items(doc, "spec", "servers")) {
    GatewayServer server;
    server.port = static_cast<int>(json::get_int(item, 0, "port", "number"));
    for (char c : json::get_string(item, "port", "protocol"))
      server.protocol += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const json::value& host : json::items(item, "hosts")) {
      std::string text = lower(json::as_string(&host));
      if (text.starts_with("./")) text = concat(object.ns(), "/", text.substr(2));
      server.hosts.push_back(std::move(text));
    }
    server.https_redirect = json::get_bool(item, false, "tls", "httpsRedirect");
    if (!server.plain_http())
      out.problems.push_back(concat("servers[", out.servers.size(), "]: protocol ", server.protocol,
                                    " is not translated; only HTTP, HTTP2 and GRPC are"));
    out.servers.push_back(std::move(server));
  }
  return out;
}

}  // namespace serin::mesh
