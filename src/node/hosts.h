#pragma once

/// The hosts file of a namespace's pods: the machine's own lines, then every Service of the cluster. Pure.

#include <string>
#include <vector>

#include "kube/object.h"

namespace serin::node {

/// `svc.ns`, `svc.ns.svc` and `svc.ns.svc.cluster.local` for each Service with an address, and `svc` for those of
/// `ns` itself. An ExternalName or headless Service has no line: a hosts file knows addresses only.
std::string render_hosts(std::string_view machine, const std::string& ns, const std::vector<kube::Object>& services);

}  // namespace serin::node
