#pragma once

/// The embedded Kubernetes API: logical clusters, each its own keyspace, behind in-process clients and HTTP.
///
///   auto server = SERIN_TRY(Server::open({.state_directory = dir, .clock = &clock}));
///   SERIN_TRY(server->add_cluster("work-1"));
///   auto client = server->client("work-1", "rollout-controller");
///
/// Safe from any thread. Clients, watches and the HTTP handler must be gone before the server is.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apiserver/auth/security.h"
#include "apiserver/hooks.h"
#include "apiserver/store/store.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "client/client.h"
#include "net/http_server.h"

namespace serin::apiserver {

class ApiHandler;
class ServiceAccountAdmission;
class LogicalCluster;
class Rest;
struct Target;

/// The name of a logical cluster: a DNS label.
struct ClusterName {
  std::string value;
  ClusterName(std::string name) : value(std::move(name)) {}
  ClusterName(const char* name) : value(name) {}
  auto operator<=>(const ClusterName&) const = default;
};

struct ServerOptions {
  std::string state_directory;           ///< empty: in memory, synchronous
  Clock* clock = nullptr;                ///< needed; outlives the server
  Random* random = nullptr;              ///< null: one of its own
  HistoryBounds history{};
  std::vector<Admission*> admission{};   ///< called in this order
  /// New pods get their ServiceAccount and its token, and are refused where their account is not there; new namespaces
  /// come with the account `default`.
  bool service_account_admission = false;
  LogSource* logs = nullptr;             ///< null: pods/log answers 503
  SecurityOptions security{};
  /// "https://127.0.0.1:6443", where discovery tells clients to find the server; may stay empty.
  std::string external_address;
  Duration bookmark_interval = std::chrono::seconds(60);
  size_t max_watch_backlog_bytes = 4 << 20;  ///< unsent bytes at which a watch stops reading
};

class Server {
 public:
  using Options = ServerOptions;

  /// Errors as open_sqlite_store. Clusters of an earlier run are there again.
  static Result<std::unique_ptr<Server>> open(Options options);
  ~Server();

  /// Makes a cluster with its four namespaces; nothing where it exists.
  Result<void> add_cluster(const ClusterName&);
  std::vector<std::string> clusters() const;
  bool has_cluster(const ClusterName&) const;

  /// A client of one cluster, without HTTP: the same code path from validation on. Null for an unknown cluster.
  std::unique_ptr<client::Client> client(const ClusterName&, std::string field_manager);

  /// Serves /clusters/<name>/... and the health endpoints. Needs a clock that runs by itself.
  net::Handler http_handler();

  /// Whether writes are accepted.
  Result<void> health() const;
  Revision revision() const;

 private:
  explicit Server(Options options);
  std::shared_ptr<LogicalCluster> cluster(const std::string& name) const;
  Result<void> load_cluster(const std::string& name);
  /// While a cluster gets its bootstrap roles, those that are put together from others wait: one write in place of one for
  /// each of the others.
  void prepare(const std::string& cluster, bool begins);
  bool is_preparing(const std::string& cluster) const;
  /// A write is visible and not yet answered.
  void written(const Target&);

  Options options_;
  std::unique_ptr<Random> own_random_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<LogicalCluster>> clusters_;  // guarded by mutex_
  std::set<std::string> preparing_;  // guarded by mutex_
  std::unique_ptr<Security> security_;
  std::unique_ptr<ServiceAccountAdmission> account_admission_;
  std::unique_ptr<Rest> rest_;
  std::unique_ptr<Store> store_;         // goes before rest_: it answers what is on its way through that
  std::shared_ptr<ApiHandler> handler_;  // guarded by mutex_; made when first asked for; goes before the store
};

}  // namespace serin::apiserver
