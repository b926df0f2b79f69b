#pragma once

/// The control plane of one hosted mesh: follows the Mesh object, copies configuration into the hosted mesh, feeds
/// translation with it and with the workloads of the members, serves proxies, and reports what they acknowledge.
///
/// The manager's informers call in; one thread of its own turns changes into resources: the first change at once,
/// whatever comes while it works as one. Nothing is sent before the informers have read what there is (or have had
/// `sync_patience` to do so), because half a picture would take routes away from proxies that run.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "client/cluster_set.h"
#include "client/manager.h"
#include "mesh/sync/mesh_spec.h"
#include "mesh/view.h"
#include "mesh/xds/drain_reconciler.h"
#include "mesh/xds/xds_server.h"

namespace serin::mesh {

struct MeshOptions {
  std::string name = "default";  ///< of the Mesh object in the hub
  XdsServerOptions xds{};
  Duration sync_patience = std::chrono::seconds(10);
  /// Nothing is confirmed for this long after the start, while proxies of an earlier run come back.
  Duration settle = std::chrono::seconds(3);
};

class MeshController {
 public:
  /// Everything borrowed outlives it; stop the manager first.
  MeshController(MeshOptions options, client::ClusterSet& live_clusters, client::Manager& manager);
  ~MeshController();

  /// Starts serving proxies and adds its controllers to the manager. `hub` is the cluster with the Mesh object.
  Result<void> start(client::Client& hub);
  /// Where proxies connect.
  std::string xds_address() const { return xds_->address(); }
  size_t proxies() const { return acks_.proxies(); }

 private:
  /// Clients that read from the manager's informers.
  class CachedClusters final : public client::ClusterSet {
   public:
    CachedClusters(client::ClusterSet& live, client::Manager& manager) : live_(live), manager_(manager) {}
    Result<client::Client*> cluster(const std::string& name) override;

   private:
    client::ClusterSet& live_;
    client::Manager& manager_;
  };

  void follow(const MeshSpec& spec);
  Result<void> follow_hosted(const std::string& hosted);
  Result<void> follow_member(const std::string& member);
  /// Translation waits for this informer's first list.
  void wait_for(client::Informer& informer);
  void feed(const std::function<void(MeshState&)>& change);
  /// Proxies may still send requests to the address: some hold it, or have not been told yet.
  bool in_use(const std::string& address);
  /// Pods that wait for proxies to let go of one of `addresses`, or of any where it is empty.
  void look_at_drains(const std::set<std::string>& addresses);
  bool served(const std::string& cluster, const kube::NamespacedName& pod);
  void translate_until_stopped();

  MeshOptions options_;
  client::ClusterSet& live_;
  client::Manager& manager_;
  CachedClusters clusters_;
  AckTable acks_;
  std::unique_ptr<XdsServer> xds_;
  std::vector<client::Controller*> sync_;  // one per synchronised resource
  DrainReconciler* drain_ = nullptr;       // the manager's
  client::Controller* drain_controller_ = nullptr;
  /// Clusters; the hub informer's thread only. One that leaves stays followed, so that it may come back.
  std::set<std::string> followed_;

  std::mutex mutex_;              // guards all below
  std::condition_variable wake_;
  MeshState state_;
  MeshSpec spec_;
  int unsynced_ = 0;              // informers not yet read
  bool mesh_read_ = false;        // there is a Mesh object
  bool dirty_ = true, translating_ = false, stopping_ = false;
  std::thread translator_;
};

}  // namespace serin::mesh
