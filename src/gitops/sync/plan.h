#pragma once

/// What a sync has to do, and in which order. Pure: from the compared resources to ordered tasks, and from tasks
/// and results so far to the next step.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gitops/diff/diff.h"
#include "gitops/health/health.h"
#include "kube/object.h"

namespace serin::gitops::sync {

/// Identity of a resource within an application, whatever version it is read in.
struct ResourceKey {
  std::string group, kind, ns, name;
  auto operator<=>(const ResourceKey&) const = default;
  std::string str() const;
};
ResourceKey key_of(const kube::Object& object);

/// One resource of an application: what Git wants (empty: it should not be there) and what is there (empty:
/// missing), compared.
struct Compared {
  kube::Resource resource;
  kube::Object desired;  ///< as it would be applied: tracked, with runtime-owned parts from live
  kube::Object live;
  std::vector<diff::Change> changes;  ///< where both are there
  std::optional<health::Health> health;
  bool hook = false;  ///< run by a sync, not part of the application's state

  const kube::Object& any() const { return desired.empty() ? live : desired; }
  bool out_of_sync() const { return desired.empty() || live.empty() || !changes.empty(); }
  bool prunable() const { return desired.empty(); }
};

enum class Phase { kPreSync, kSync, kPostSync, kSyncFail };
std::string_view text(Phase phase);

struct Task {
  enum class Action { kApply, kPrune } action = Action::kApply;
  Compared what;
  Phase phase = Phase::kSync;
  int wave = 0;
  bool hook = false;
  bool allowed = true;  ///< false: a prune that this resource's own options forbid
};

struct PlanOptions {
  /// Set for a selective sync: only these (group, kind, name; namespace where not empty), no hooks.
  std::vector<ResourceKey> only;
  bool prune_last = false;
};

/// The tasks in the order phase, wave, kind, name; a Namespace before the first object in it, a CRD before the
/// first object of its kind. Prunes run before the applies of their group, in the mirrored order of their waves.
/// What is in sync has a task too, so that the list stays the same while an operation runs; carrying it out
/// writes nothing.
std::vector<Task> plan_tasks(const std::vector<Compared>& resources, const PlanOptions& options);

/// The result of one task, as status.operationState.syncResult.resources has it.
struct TaskResult {
  ResourceKey key;
  std::string version;
  Phase phase = Phase::kSync;
  std::string status;      ///< "Synced", "SyncFailed", "Pruned", "PruneSkipped"; "" while not yet applied
  std::string hook_phase;  ///< "Running", "Succeeded", "Failed", "Error"
  std::string hook_type;   ///< of hooks: "PreSync", ...
  std::string message;
};

/// What to do next in an operation.
struct Step {
  enum class Kind { kRun, kWait, kSucceeded, kFailed } kind;
  std::vector<size_t> tasks;  ///< kRun: indexes into the tasks, in order
  std::string message;
};

/// `results` has an entry for every task that has run. Between waves and phases the next group waits until what
/// runs is healthy; an operation of one group doesn't wait.
Step next_step(const std::vector<Task>& tasks, const std::vector<TaskResult>& results);

/// Whether `object` asks for a sync option in its own annotation: "Prune=false".
bool has_sync_option(const kube::Object& object, std::string_view option);
/// The phases of a hook, from its annotation; empty for what is no hook, and for hooks of kind Skip.
std::vector<Phase> hook_phases(const kube::Object& object);
bool is_hook(const kube::Object& object);

/// The result's phase from what is there now: a hook that has finished, a resource that has become healthy.
/// `live` is empty where the object is gone.
void refresh_result(TaskResult& result, bool hook, const kube::Object& live, const std::optional<health::Health>& health);

}  // namespace serin::gitops::sync
