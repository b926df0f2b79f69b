#pragma once

/// The whole of Serin in one process, composed: API servers, cluster controllers, node agents, GitOps, mesh and
/// rollout controllers. The only place that knows all modules.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "client/client.h"
#include "node/images.h"

namespace serin::app {

struct SystemOptions {
  std::string state;                      ///< directory; made where it is missing
  int clusters = 1;
  uint16_t api_port = 0;
  std::vector<node::ImageRule> images;    ///< win over the cluster's ConfigMap
  std::set<std::string> without;          ///< roles; see `role_names`
  std::string envoy;                      ///< path; empty: the one `make deps` fetched
  std::string token_file;                 ///< static bearer tokens; empty: none
  std::string audit_log, audit_policy;    ///< paths, "-" for standard output; empty: no log, the default policy
};

/// What `--without` takes: node, rollout, gitops, mesh and the names of the cluster controllers.
std::vector<std::string> role_names();

struct GatewayAddress {
  std::string cluster, address;
  int port = 0;
};

class System {
 public:
  virtual ~System() = default;  ///< stops controllers and servers; pods keep running

  /// Errors name what to do: a port in use, an unwritable state directory, a damaged database, no Envoy.
  static Result<std::unique_ptr<System>> start(SystemOptions options, Clock& clock);

  virtual std::string kubeconfig() const = 0;
  virtual uint16_t api_port() const = 0;
  virtual std::vector<std::string> work_clusters() const = 0;
  /// An in-process client under the name "serin".
  virtual Result<client::Client*> cluster(const std::string& name) = 0;

  /// Waits until the gateways and proxies of every cluster serve (or there is nobody to start them). kTimeout names
  /// what is missing.
  virtual Result<void> wait_ready(Duration timeout) = 0;
  virtual std::vector<GatewayAddress> gateways() = 0;
  /// Deletes the pods' processes; for a system that will not come back.
  virtual void stop_pods() = 0;
};

/// Where the Envoy binary is: `flag`, $SERIN_ENVOY, or what packaging/fetch-envoy.sh put into the cache. kNotFound
/// says how to get it.
Result<std::string> find_envoy(const std::string& flag);
/// The directory with hello-consumer and hello-provider, beside this program; empty where they are not built.
std::string hello_directory();

}  // namespace serin::app
