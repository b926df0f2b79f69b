#pragma once

/// Keeps the Applications of the hub true: compares Git with the destination cluster, runs operations, syncs by
/// itself where the application says so, and removes what it has applied when the application goes. What it does
/// and writes is in docs/spec/application.md.
///
/// One pass reads the application, does one step of what is to do and writes its status once, if at all. Safe
/// from any thread for different keys.

#include <string>

#include "client/cluster_set.h"
#include "client/controller.h"
#include "gitops/comparison.h"

namespace serin::gitops {

struct ReconcilerOptions {
  std::string home = "argocd";  ///< the namespace whose applications are tracked by their bare name
  /// How often an application is compared without being told of a change. Repositories behind a URL are asked
  /// for news less often (source::Limits::recent).
  Duration interval = std::chrono::seconds(3);
  /// How often a waiting operation or deletion looks again.
  Duration operation_interval = std::chrono::seconds(1);
};

class ApplicationReconciler final : public client::Reconciler {
 public:
  /// All outlive this. `hub` must read its own writes; the clients of `clusters` must not read from a cache.
  ApplicationReconciler(client::Client& hub, client::ClusterSet& clusters, source::Repositories& repositories,
                        const Clock& clock, ReconcilerOptions options = {});

  Result<client::Again> reconcile(const client::Key& key) override;

  /// The manifests rendered so far, for metrics.
  const render::ManifestCache& cache() const { return cache_; }

 private:
  Result<client::Again> finalize(const kube::Object& object);

  client::Client& hub_;
  client::ClusterSet& clusters_;
  const Clock& clock_;
  const ReconcilerOptions options_;
  render::ManifestCache cache_;
  Comparer comparer_;
};

/// The key of the application that an object of a work cluster is tracked by: maps its changes to passes.
/// nullopt for objects that no application of `home` has applied.
std::optional<client::Key> application_of(const kube::Object& live, const std::string& home);

}  // namespace serin::gitops
