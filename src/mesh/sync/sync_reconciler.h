#pragma once

/// Keeps the hosted copies of one resource as the planner wants them.

#include <memory>

#include "client/cluster_set.h"
#include "client/controller.h"
#include "mesh/sync/sync_planner.h"

namespace serin::mesh {

/// Key: the namespace and name shared by the objects of all clusters. Stateless; reads through the clients it is
/// given, which are cached ones in production.
class SyncReconciler final : public client::Reconciler {
 public:
  /// `mesh_name` is the Mesh object in the hub.
  SyncReconciler(client::ClusterSet& clusters, client::Client& hub, client::Resource resource,
                 std::string mesh_name, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::ClusterSet& clusters_;
  client::Client& hub_;
  client::Resource resource_;
  std::string mesh_name_;
  Clock& clock_;
};

}  // namespace serin::mesh
