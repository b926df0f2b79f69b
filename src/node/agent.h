#pragma once

/// The node agent of one embedded cluster: runs the pods that are bound to its node as processes of this
/// machine. Owns its threads. Pods outlive it: a new agent on the same state directory takes them over.
///
///   NodeAgent agent(client, {.cluster = "work-1", .state_dir = ..., .pod_cidr = "127.10.0.0/17", ...}, clock);
///   SERIN_TRY(agent.start());
///   ...
///   agent.stop();

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "client/client.h"
#include "node/env.h"
#include "node/images.h"
#include "node/log_reader.h"

namespace serin::node {

struct NodeAgentOptions {
  std::string cluster;                    ///< for logs and the default of node_name
  std::string node_name;                  ///< empty: "<cluster>-node"
  std::string state_dir;                  ///< absolute; one agent per directory
  std::string pod_cidr;                   ///< "127.10.0.0/17"; the first address is the node's
  std::vector<std::string> shim_command;  ///< such as {"/usr/bin/serin", "shim"} (node/shim/shim.h)
  std::vector<ImageRule> images;          ///< from the command line; win over ConfigMap serin-system/images
  Variables base_env;                     ///< every container's; PATH is added where it is missing
  bool allow_host_path = false;
  Duration lease_interval = std::chrono::seconds(10);
  int workers = 4;        ///< pods worked on at one time
  int probe_workers = 8;  ///< probes at one time
  int64_t log_max_bytes = 10 << 20;
  int log_files = 5;
};

class NodeAgent {
 public:
  /// `client` and `clock` outlive this.
  NodeAgent(client::Client& client, NodeAgentOptions options, Clock& clock);
  ~NodeAgent();  ///< as stop()

  /// Takes over the pods that run, then follows the API. Errors: kInternal (state directory, supervisor),
  /// kInvalid (options). Once.
  Result<void> start();
  /// Ends all threads. `leave_pods_running` false also ends every container, gently for `kStopGrace`.
  void stop(bool leave_pods_running = true);
  static constexpr Duration kStopGrace = std::chrono::seconds(5);

  std::string node_name() const;
  std::string node_address() const;  ///< after start

  /// The log of a container of a pod here. kNotFound (no such pod), kBadRequest (which container, or no such run),
  /// in kubectl's words. The reader must not outlive this.
  Result<std::unique_ptr<LogReader>> open_log(const kube::NamespacedName& pod, const LogOptions& options);

 private:
  struct Running;
  client::Client& client_;
  NodeAgentOptions options_;
  Clock& clock_;
  std::unique_ptr<Running> running_;
};

}  // namespace serin::node
