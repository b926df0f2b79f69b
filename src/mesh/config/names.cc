#include "mesh/config/names.h"

#include "base/strings.h"

namespace serin::mesh {

std::string service_fqdn(std::string_view name, std::string_view ns) {
  return concat(name, ".", ns, ".svc.", kClusterDomain);
}

std::string resolve_host(std::string_view host, std::string_view ns) {
  if (host == "*" || host.find('.') != std::string_view::npos ||
      host.find(':') != std::string_view::npos)
    return lower(host);
  return service_fqdn(lower(host), ns);
}

bool host_covers(std::string_view pattern, std::string_view host) {
  if (pattern == host || pattern == "*") return true;
  if (!pattern.starts_with("*.")) return false;
  std::string_view suffix = pattern.substr(1);  // ".example.com"
  return host.size() > suffix.size() && host.ends_with(suffix);
}

std::string outbound_cluster(int port, std::string_view subset, std::string_view fqdn) {
  return concat("outbound|", port, "|", subset, "|", fqdn);
}

std::string listener_name(std::string_view bind, int port) { return concat(bind, "_", port); }

std::string gateway_route_name(int port) { return concat("http.", port); }

std::string service_route_name(std::string_view fqdn, int port) { return concat(fqdn, ":", port); }

}  // namespace serin::mesh
