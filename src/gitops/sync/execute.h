#pragma once

/// Carries out tasks of a plan against a cluster. Every write is a server-side apply with manager
/// argocd-controller that takes the fields it sets, or a delete.

#include "client/client.h"
#include "gitops/diff/runtime_owned.h"
#include "gitops/sync/plan.h"

namespace serin::gitops::sync {

struct ExecuteOptions {
  bool prune = false;
  bool dry_run = false;
  std::string propagation = "Foreground";  ///< of prunes
  /// What rollouts own; their parts of an object are taken from the live one, under its resourceVersion.
  const diff::RuntimeOwned* owned = nullptr;
};

/// Carries out one task. Nothing is written for an object that is in sync. A failure is in the result.
TaskResult execute(client::Client& cluster, const Task& task, const ExecuteOptions& options);

/// What the server (and `breaks_rollout`) would say to each apply, without applying: only the failures. Objects
/// whose kind or namespace comes with the same sync are not asked about.
std::vector<TaskResult> dry_run(client::Client& cluster, const std::vector<Task>& tasks, const ExecuteOptions& options);

}  // namespace serin::gitops::sync
