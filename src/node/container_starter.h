#pragma once

/// From a container's spec to a running program: image, command, environment, volumes, address, hosts file.
/// Safe from any thread.

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/informer.h"
#include "node/addresses.h"
#include "node/images.h"
#include "node/pod_plan.h"
#include "node/pod_tokens.h"
#include "node/runtime.h"
#include "node/volumes.h"

namespace serin::node {

struct StarterOptions {
  std::string directory;  ///< the runtime's, for volumes and hosts files
  Variables base_env;     ///< every container starts from these, such as PATH
  bool allow_host_path = false;
  std::vector<ImageRule> images;  ///< win over the cluster's table
};

class ContainerStarter {
 public:
  /// All are borrowed. Addresses of sandboxes that exist are claimed at once.
  ContainerStarter(client::Client& client, client::Informer& services, Runtime& runtime, AddressPool addresses,
                   Clock& clock, StarterOptions options);

  /// The pod's address; makes its sandbox where it has none.
  Result<std::string> ensure_sandbox(const kube::Object& pod);
  /// Starts the container, or says why it cannot be: `retry_at` is set. A program that could not be executed is a
  /// record of the runtime and no problem here.
  std::optional<StartProblem> start(const kube::Object& pod, const ContainerId& id, int64_t crashes);
  /// Removes a sandbox in which nothing runs and frees its address.
  Result<void> remove_sandbox(const Sandbox& sandbox);

  /// Takes the table from the ConfigMap's `data` (or null). Returns what is wrong with it.
  std::vector<std::string> set_image_config(const json::value* data);
  /// Writes the hosts files of all namespaces that have pods here, where they changed.
  void refresh_hosts();
  /// Renews the tokens in the pod's volumes where they are due; how long until they are next, nullopt where there are none
  /// (yet).
  Result<std::optional<Duration>> renew_tokens(const kube::Object& pod);
  void forget_tokens(const kube::NamespacedName& pod) { tokens_.forget(pod); }
  std::string node_address() const { return node_address_; }

 private:
  EnvSources sources(const kube::Object& pod, const std::string& ip);
  std::string volumes_directory(std::string_view pod_uid) const;
  Result<ContainerSpec> specify(const kube::Object& pod, const json::value& container, const ContainerId& id);
  Result<std::string> write_hosts(const std::string& ns);

  client::Client& client_;
  client::Informer& services_;
  Runtime& runtime_;
  AddressPool addresses_;
  PodTokens tokens_;
  Clock& clock_;
  const StarterOptions options_;
  const std::string node_address_;
  std::mutex mutex_;
  ImageTable images_;                               // guarded by mutex_
  std::map<std::string, std::string> hosts_files_;  // guarded by mutex_; namespace to content
};

/// The container of this name in spec.containers or spec.initContainers; null where there is none.
const json::value* find_container(const kube::Object& pod, std::string_view name);
/// Fields that the pod sets and this kind of node has no means for, such as "spec.hostPID".
std::vector<std::string> ignored_fields(const kube::Object& pod);

}  // namespace serin::node
