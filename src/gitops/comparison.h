#pragma once

/// Reads both sides of an application, what Git wants and what its cluster has, and compares them.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster_set.h"
#include "gitops/application.h"
#include "gitops/diff/runtime_owned.h"
#include "gitops/render/manifests.h"

namespace serin::gitops {

struct Condition {
  std::string type;  ///< "ComparisonError", "InvalidSpecError", "SyncError", "RepeatedResourceWarning", ...
  std::string message;
  auto operator<=>(const Condition&) const = default;
};

struct Comparison {
  std::string revision;  ///< the commit
  std::vector<sync::Compared> resources;  ///< hooks are among them
  diff::RuntimeOwned owned;
  std::vector<Condition> warnings;

  bool out_of_sync() const;
};

class Comparer {
 public:
  /// All outlive this. `home` is the namespace whose applications are tracked by their bare name.
  Comparer(source::Repositories& repositories, render::ManifestCache& cache, std::string home)
      : repositories_(repositories), cache_(cache), home_(std::move(home)) {}

  Result<std::shared_ptr<source::Repository>> repository(const Application& app) { return repositories_.open(app.source.repo_url); }

  /// Compares a commit's manifests with the cluster. `inventory` are resources that earlier syncs may have left;
  /// those that are still there, tracked by this application and not in Git are prunable. `scan` looks for such
  /// through all resources of the cluster.
  Result<Comparison> compare(const Application& app, client::Client& cluster, const std::string& commit,
                             const std::vector<std::pair<sync::ResourceKey, std::string>>& inventory, bool scan);

  /// Every live object that is tracked by this application.
  Result<std::vector<sync::Compared>> tracked(const Application& app, client::Client& cluster,
                                              const std::vector<std::pair<sync::ResourceKey, std::string>>& inventory, bool scan);

 private:
  source::Repositories& repositories_;
  render::ManifestCache& cache_;
  const std::string home_;
};

/// The resources that the application's status speaks of, with the versions they were read in.
std::vector<std::pair<sync::ResourceKey, std::string>> inventory_of(const kube::Object& application);

}  // namespace serin::gitops
