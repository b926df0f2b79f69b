#pragma once

/// A container's environment, as Kubernetes computes it. Pure: what it refers to is handed in.
///
/// Later wins: the base, Serin's own names, the Service default/kubernetes, the Services of the namespace (docker links), envFrom, env. Serin's
/// own are POD_IP, HOSTNAME, POD_NAME, POD_NAMESPACE and, where the pod has the labels, POD_TEMPLATE_HASH
/// (rollouts-pod-template-hash, else pod-template-hash) and POD_VERSION (version).

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kube/object.h"

namespace serin::node {

using Variables = std::map<std::string, std::string>;
/// The object of that name in the pod's namespace, or nullopt.
using Lookup = std::function<std::optional<kube::Object>(const std::string& name)>;

struct EnvSources {
  kube::Object pod;
  std::string pod_ip, host_ip;
  std::vector<kube::Object> services;  ///< of the pod's namespace
  kube::Object kubernetes;             ///< Service default/kubernetes, whose links every container has; may be empty
  Lookup config_map, secret;
  /// A token of the pod's account, for a serviceAccountToken source of a projected volume.
  std::function<Result<std::string>(const json::value& source)> token;
  Variables base;                      ///< such as PATH
};

/// kInvalid where something it refers to is missing or malformed: the container waits with
/// CreateContainerConfigError and this message.
Result<Variables> container_env(const json::value& container, const EnvSources& sources);

/// Replaces $(NAME) by its value where it is known; $$ is one $.
std::string expand(std::string_view text, const Variables& variables);

/// The text of a downward-API field such as "metadata.labels['app']"; kInvalid for an unknown one.
Result<std::string> field_value(std::string_view path, const EnvSources& sources);
/// A resource of a container's requests or limits, in units of the divisor, rounded up. What has no limit reads
/// as what the machine has.
Result<std::string> resource_value(const json::value& reference, const json::value& container);

/// The bytes under `key` of a ConfigMap (data, binaryData) or Secret (data, base64).
std::optional<std::string> data_value(const kube::Object& source, std::string_view key);
/// All keys of it.
std::vector<std::string> data_keys(const kube::Object& source);

}  // namespace serin::node
