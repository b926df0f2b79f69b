#pragma once

/// A pod's volumes as directories of this machine: emptyDir, configMap, secret, downwardAPI, projected (of those)
/// and, where allowed, hostPath. Files of a configMap, secret or downwardAPI are those of the moment a container
/// starts; tokens of the pod's ServiceAccount in projected volumes are written anew when asked to. Anything else is
/// refused by name.

#include <map>
#include <string>
#include <vector>

#include "node/env.h"
#include "node/shim/spec.h"

namespace serin::node {

/// Where programs in a cluster look for their token, ca.crt and namespace.
inline constexpr const char* kServiceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Writes the tokens of those projected volumes anew that are there already, each file whole or not at all. Whether any
/// volume was there.
Result<bool> renew_tokens(const EnvSources& sources, const std::string& directory);

/// Volume name to path. Makes what is missing under `directory` (0700, files 0600 or the volume's mode).
/// kInvalid names the field of a volume that cannot be had.
Result<std::map<std::string, std::string>> prepare_volumes(const EnvSources& sources, const std::string& directory,
                                                           bool allow_host_path);

/// The container's volumeMounts. kInvalid names the field.
Result<std::vector<Mount>> container_mounts(const json::value& container,
                                            const std::map<std::string, std::string>& volumes,
                                            const Variables& variables);

}  // namespace serin::node
