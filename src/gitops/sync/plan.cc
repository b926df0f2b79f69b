#include "gitops/sync/plan.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"

namespace serin::gitops::sync {
namespace {

using kube::Object;

constexpr std::string_view kHook = "argocd.argoproj.io/hook";
constexpr std::string_view kWave = "argocd.argoproj.io/sync-wave";
constexpr std::string_view kOptions = "argocd.argoproj.io/sync-options";

constexpr std::array<std::string_view, 4> kPhases{"PreSync", "Sync", "PostSync", "SyncFail"};

/// Kinds in the order in which they are applied; all others, custom resources above all, come last.
constexpr std::array<std::string_view, 35> kKinds{
    "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy", "PodDisruptionBudget",
    "ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim",
    "CustomResourceDefinition", "ClusterRole", "ClusterRoleList", "ClusterRoleBinding", "ClusterRoleBindingList", "Role",
    "RoleList", "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod", "ReplicationController", "ReplicaSet",
    "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob", "IngressClass", "Ingress", "APIService"};

size_t rank(std::string_view kind) {
  return static_cast<size_t>(std::find(kKinds.begin(), kKinds.end(), kind) - kKinds.begin());
}

int wave_of(const Object& object) { return parse_int<int>(object.annotation(kWave)).value_or(0); }

std::pair<Phase, int> group_of(const Task& task) { return {task.phase, task.wave}; }

bool chosen(const std::vector<ResourceKey>& only, const ResourceKey& key) {
  return std::any_of(only.begin(), only.end(), [&](const ResourceKey& wanted) {
    return wanted.group == key.group && wanted.kind == key.kind && wanted.name == key.name &&
           (wanted.ns.empty() || wanted.ns == key.ns);
  });
}

/// Moves a Namespace before the first object in it, and a CRD before the first object of its kind.
void lift_dependencies(std::vector<Task>& tasks) {
  for (Task& task : tasks) {
    const Object& object = task.what.desired;
    if (task.action != Task::Action::kApply || task.hook) continue;
    bool is_namespace = object.kind() == "Namespace" && object.api_version() == "v1";
    bool is_definition = object.kind() == "CustomResourceDefinition";
    if (!is_namespace && !is_definition) continue;
    for (const Task& other : tasks) {
      if (other.action != Task::Action::kApply || &other == &task || other.phase == Phase::kSyncFail) continue;
      const Object& dependent = other.what.desired;
      bool depends = is_namespace ? dependent.ns() == object.name()
                                  : dependent.kind() == json::get_string(object.doc(), "spec", "names", "kind") &&
                                        dependent.gvk().group == json::get_string(object.doc(), "spec", "group");
      if (depends && group_of(other) < group_of(task)) task.phase = other.phase, task.wave = other.wave;
    }
  }
}

/// The last wave of prunes becomes the first and so on.
void mirror_prune_waves(std::vector<Task>& tasks, bool prune_last) {
  std::set<int> waves;
  int last = 0;
  for (const Task& task : tasks) {
    if (task.action == Task::Action::kPrune) waves.insert(task.wave);
    if (task.phase == Phase::kSync) last = std::max(last, task.wave);
  }
  std::vector<int> sorted(waves.begin(), waves.end());
  for (Task& task : tasks) {
    if (task.action != Task::Action::kPrune) continue;
    auto at = static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), task.wave) - sorted.begin());
    task.wave = sorted[sorted.size() - 1 - at];
    if (prune_last || has_sync_option(task.what.live, "PruneLast=true")) task.wave = last + 1;
  }
}

bool failed(const TaskResult& result) {
  return result.status == "SyncFailed" || result.hook_phase == "Failed" || result.hook_phase == "Error";
}

const TaskResult* result_of(const Task& task, const std::vector<TaskResult>& results) {
  ResourceKey key = key_of(task.what.any());
  for (const TaskResult& result : results)
    if (result.key == key && (!task.hook || result.phase == task.phase)) return &result;
  return nullptr;
}

}  // namespace

std::string ResourceKey::str() const { return concat(group, group.empty() ? "" : "/", kind, " ", ns, ns.empty() ? "" : "/", name); }

ResourceKey key_of(const Object& object) {
  return {object.gvk().group, std::string(object.kind()), std::string(object.ns()), std::string(object.name())};
}

std::string_view text(Phase phase) { return kPhases[static_cast<size_t>(phase)]; }

bool has_sync_option(const Object& object, std::string_view option) {
  for (std::string_view part : split(object.annotation(kOptions), ','))
    if (trim(part) == option) return true;
  return false;
}

bool is_hook(const Object& object) { return !object.annotation(kHook).empty(); }

std::vector<Phase> hook_phases(const Object& object) {
  std::vector<Phase> phases;
  for (std::string_view part : split(object.annotation(kHook), ','))
    for (size_t i = 0; i < kPhases.size(); ++i)
      if (kPhases[i] == trim(part)) phases.push_back(static_cast<Phase>(i));
  return phases;
}

std::vector<Task> plan_tasks(const std::vector<Compared>& resources, const PlanOptions& options) {
  std::vector<Task> tasks;
  for (const Compared& resource : resources) {
    if (!options.only.empty() && (resource.hook || !chosen(options.only, key_of(resource.any())))) continue;
    Task task;
    task.what = resource;
    task.wave = wave_of(resource.any());
    if (resource.hook) {
      task.hook = true;
      for (Phase phase : hook_phases(resource.desired)) {
        task.phase = phase;
        tasks.push_back(task);
      }
      continue;
    }
    if (resource.prunable()) {
      task.action = Task::Action::kPrune;
      task.allowed = !has_sync_option(resource.live, "Prune=false");
    }
    tasks.push_back(std::move(task));
  }
  mirror_prune_waves(tasks, options.prune_last);
  lift_dependencies(tasks);
  auto order = [](const Task& task) {
    const Object& object = task.what.any();
    bool apply = task.action == Task::Action::kApply;
    return std::tuple(task.phase, task.wave, apply, rank(object.kind()), std::string(object.kind()), std::string(object.ns()),
                      std::string(object.name()));
  };
  std::stable_sort(tasks.begin(), tasks.end(), [&](const Task& a, const Task& b) { return order(a) < order(b); });
  return tasks;
}

Step next_step(const std::vector<Task>& tasks, const std::vector<TaskResult>& results) {
  std::set<std::pair<Phase, int>> groups;
  for (const Task& task : tasks)
    if (task.phase != Phase::kSyncFail) groups.insert(group_of(task));
  bool several_groups = groups.size() > 1;

  bool any_failed = std::any_of(results.begin(), results.end(), failed);
  std::vector<size_t> pending;
  const Task* running = nullptr;
  const Task* terminating = nullptr;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const Task& task = tasks[i];
    const TaskResult* result = result_of(task, results);
    if (!result) {
      bool due = (task.phase == Phase::kSyncFail) == any_failed;
      if (due) pending.push_back(i);
      continue;
    }
    if (result->hook_phase == "Running" && (task.hook || several_groups) && !running) running = &task;
    if (result->status == "Pruned" && !task.what.live.empty()) terminating = &task;
  }
  // The last group is applied and done with: only hooks are waited for.
  bool wait = running && (running->hook || !pending.empty());
  auto name = [](const Task& task) {
    const Object& object = task.what.any();
    std::string group = object.gvk().group;
    return concat(group, group.empty() ? "" : "/", object.kind(), "/", object.name());
  };
  if (wait)
    return {Step::Kind::kWait, {}, concat(running->hook ? "waiting for completion of hook " : "waiting for healthy state of ", name(*running))};
  if (terminating) return {Step::Kind::kWait, {}, concat("waiting for deletion of ", name(*terminating))};
  if (pending.empty()) {
    if (!any_failed) return {Step::Kind::kSucceeded, {}, "successfully synced"};
    std::vector<std::string> reasons;
    for (const TaskResult& result : results)
      if (failed(result)) reasons.push_back(concat(result.key.str(), ": ", result.message));
    return {Step::Kind::kFailed, {}, concat("one or more objects failed to apply: ", join(reasons, "; "))};
  }
  Step step{Step::Kind::kRun, {}, ""};
  for (size_t i : pending)
    if (group_of(tasks[i]) == group_of(tasks[pending.front()])) step.tasks.push_back(i);
  return step;
}

void refresh_result(TaskResult& result, bool hook, const Object& live, const std::optional<health::Health>& health) {
  if (result.hook_phase != "Running" || result.status == "Pruned") return;
  if (live.empty()) {
    result.hook_phase = "Error";
    result.message = "the object has vanished";
    return;
  }
  health::Status status = health ? health->status : health::Status::kHealthy;
  if (status == health::Status::kHealthy) result.hook_phase = "Succeeded";
  else if (status == health::Status::kDegraded || (hook && status == health::Status::kUnknown)) result.hook_phase = "Failed";
  else return;
  if (health && !health->message.empty()) result.message = health->message;
}

}  // namespace serin::gitops::sync
