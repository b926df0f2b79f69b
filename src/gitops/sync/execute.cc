#include "gitops/sync/execute.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::gitops::sync {
namespace {

using client::Client;
using kube::Object;

constexpr int kMaxConflicts = 10;

TaskResult result_for(const Task& task) {
  const Object& object = task.what.any();
  TaskResult result;
  result.key = key_of(object);
  result.version = object.gvk().version;
  result.phase = task.phase;
  if (task.hook) result.hook_type = std::string(text(task.phase));
  return result;
}

TaskResult failure(TaskResult result, std::string message) {
  result.status = "SyncFailed";
  result.hook_phase = "Failed";
  result.message = std::move(message);
  return result;
}

/// The resource of the task's kind: known from the comparison, or served only since an earlier task.
Result<kube::Resource> resource_of(Client& cluster, const Task& task) {
  if (!task.what.resource.plural.empty()) return task.what.resource;
  return cluster.resource_for(task.what.any().gvk());
}

Result<Object> apply(Client& cluster, const kube::Resource& resource, const Object& desired, bool dry_run) {
  client::WriteOptions options;
  options.field_manager = std::string(diff::kManager);
  options.force = true;
  options.dry_run = dry_run;
  return cluster.patch(resource, desired.key(), {client::Patch::Type::kApply, desired.doc()}, options);
}

/// Applies an object whose owned parts come from `live`. If somebody writes it meanwhile, the new state is read
/// and merged: a weight that a rollout has just set is never put back.
Result<Object> apply_under_version(Client& cluster, const kube::Resource& resource, Object desired, Object live,
                                   const ExecuteOptions& options) {
  for (int tries = 0;; ++tries) {
    Object merged = diff::merge_runtime_owned(desired, live, *options.owned);
    if (!live.empty())
      merged = merged.edit([&](json::value& doc) { json::set(doc, {"metadata", "resourceVersion"}, json::value(live.version().str())); });
    Result<Object> applied = apply(cluster, resource, merged, options.dry_run);
    if (applied || applied.error().code != Code::kConflict || tries == kMaxConflicts) return applied;
    Result<Object> now = cluster.get(resource, desired.key());
    if (!now && now.error().code != Code::kNotFound) return now;
    live = now ? *now : Object();
  }
}

Result<Object> apply_task(Client& cluster, const kube::Resource& resource, const Task& task, const ExecuteOptions& options) {
  if (options.owned && options.owned->concerns(task.what.desired))
    return apply_under_version(cluster, resource, task.what.desired, task.what.live, options);
  return apply(cluster, resource, task.what.desired, options.dry_run);
}

TaskResult prune(Client& cluster, const Task& task, const ExecuteOptions& options) {
  TaskResult result = result_for(task);
  if (!options.prune || !task.allowed) {
    result.status = "PruneSkipped";
    result.message = task.allowed ? "requires pruning" : "pruning is off for this resource (Prune=false)";
    return result;
  }
  result.status = "Pruned";
  result.message = options.dry_run ? "pruned (dry run)" : "pruned";
  Result<kube::Resource> resource = resource_of(cluster, task);
  if (!resource) return failure(std::move(result), resource.error().message);
  client::DeleteOptions how;
  how.propagation = options.propagation;
  how.uid = std::string(task.what.live.uid());
  how.dry_run = options.dry_run;
  Result<void> removed = cluster.remove(*resource, task.what.live.key(), how);
  if (!removed && removed.error().code != Code::kNotFound) return failure(std::move(result), removed.error().message);
  return result;
}

/// A hook runs anew in every sync: what is left of the last run goes first.
Result<Object> run_hook(Client& cluster, const kube::Resource& resource, const Task& task, const ExecuteOptions& options) {
  Result<void> removed = cluster.remove(resource, task.what.desired.key(), {.propagation = "Background"});
  if (!removed && removed.error().code != Code::kNotFound) return fail(removed.error());
  client::WriteOptions write;
  write.field_manager = std::string(diff::kManager);
  write.dry_run = options.dry_run;
  return cluster.create(resource, task.what.desired, write);
}

}  // namespace

TaskResult execute(Client& cluster, const Task& task, const ExecuteOptions& options) {
  if (task.action == Task::Action::kPrune) return prune(cluster, task, options);
  TaskResult result = result_for(task);
  result.status = "Synced";
  if (!task.hook && !task.what.out_of_sync()) {
    // Nothing to write, but what comes after waits for it all the same.
    result.hook_phase = "Running";
    result.message = concat(task.what.resource.group_resource(), "/", task.what.desired.name(), " unchanged");
    return result;
  }
  Result<kube::Resource> resource = resource_of(cluster, task);
  if (!resource) return failure(std::move(result), resource.error().message);
  if (task.hook && options.dry_run) {
    result.hook_phase = "Succeeded";
    return result;
  }
  Result<Object> applied = task.hook ? run_hook(cluster, *resource, task, options) : apply_task(cluster, *resource, task, options);
  if (!applied) return failure(std::move(result), applied.error().message);
  result.hook_phase = "Running";
  result.message = concat(resource->group_resource(), "/", task.what.desired.name(),
                          task.what.live.empty() || task.hook ? " created" : " configured", options.dry_run ? " (dry run)" : "");
  return result;
}

std::vector<TaskResult> dry_run(Client& cluster, const std::vector<Task>& tasks, const ExecuteOptions& options) {
  std::vector<TaskResult> failures;
  ExecuteOptions asking = options;
  asking.dry_run = true;
  auto comes_along = [&](auto&& matches) {
    return std::any_of(tasks.begin(), tasks.end(), [&](const Task& other) {
      return other.action == Task::Action::kApply && other.what.live.empty() && matches(other.what.desired);
    });
  };
  for (const Task& task : tasks) {
    const Object& object = task.what.any();
    if (options.owned) {
      std::string broken = diff::breaks_rollout(task.what.desired, task.what.live, *options.owned);
      if (!broken.empty() && (task.action == Task::Action::kApply || (options.prune && task.allowed))) {
        failures.push_back(failure(result_for(task), broken));
        continue;
      }
    }
    if (task.action != Task::Action::kApply || task.hook || !task.what.out_of_sync()) continue;
    bool new_namespace = comes_along([&](const Object& other) { return other.kind() == "Namespace" && other.name() == object.ns(); });
    bool new_kind = comes_along([&](const Object& other) {
      return other.kind() == "CustomResourceDefinition" && json::get_string(other.doc(), "spec", "names", "kind") == object.kind() &&
             json::get_string(other.doc(), "spec", "group") == object.gvk().group;
    });
    if (new_namespace || new_kind || has_sync_option(object, "SkipDryRunOnMissingResource=true")) continue;
    Result<kube::Resource> resource = resource_of(cluster, task);
    Result<Object> answer = resource ? apply_task(cluster, *resource, task, asking) : Result<Object>(fail(resource.error()));
    if (!answer) failures.push_back(failure(result_for(task), answer.error().message));
  }
  return failures;
}

}  // namespace serin::gitops::sync
