#pragma once

/// The container's own view of the file system: a mount namespace (inside a user namespace for those who are not
/// root) with a hosts file of its own and the pod's volumes. Nothing outside changes: a mount point that the
/// machine lacks is made in a copy of the nearest directory that it has (a tmpfs that shows the same entries).

#include <string>
#include <vector>

#include "base/error.h"
#include "node/shim/spec.h"

namespace serin::node {

/// In the child, before exec, one thread. `scratch` is an empty directory for the new root where one is needed.
Result<void> enter_namespaces(const std::string& hosts_file, const std::vector<Mount>& mounts,
                              const std::string& scratch);

/// Joins the mount (and user) namespace of another process of ours, one thread.
Result<void> join_namespaces(pid_t pid);

}  // namespace serin::node
