#include "node/hosts.h"

#include "base/strings.h"

namespace serin::node {

std::string render_hosts(std::string_view machine, const std::string& ns, const std::vector<kube::Object>& services) {
  std::string out(machine);
  if (!out.empty() && out.back() != '\n') out += '\n';
  for (const kube::Object& service : services) {
    std::string_view ip = json::get_string(service.doc(), "spec", "clusterIP");
    if (ip.empty() || ip == "None") continue;
    std::string base = concat(service.name(), ".", service.ns());
    out += concat(ip, "\t", base, ".svc.cluster.local ", base, ".svc ", base);
    if (service.ns() == ns) out += concat(" ", service.name());
    out += '\n';
  }
  return out;
}

}  // namespace serin::node
