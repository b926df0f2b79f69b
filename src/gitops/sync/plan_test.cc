#include "gitops/sync/plan.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "data/yaml.h"
#include "gitops/sync/tracking.h"

namespace serin::gitops::sync {
namespace {

kube::Object object(std::string_view text) { return kube::Object(yaml::parse(text).value()); }

/// "Kind/name[@wave][#hook]" wanted, "-Kind/name" live only.
Compared resource(std::string_view text) {
  bool prune = text.starts_with('-');
  if (prune) text.remove_prefix(1);
  std::string hook, wave;
  if (auto parts = cut(text, '#')) hook = std::string(parts->second), text = parts->first;
  if (auto parts = cut(text, '@')) wave = std::string(parts->second), text = parts->first;
  auto parts = cut(text, '/').value();
  json::value doc = json::object{{"apiVersion", parts.first == "Rollout" ? "argoproj.io/v1alpha1" : "v1"}, {"kind", parts.first}};
  json::set(doc, {"metadata", "name"}, json::value(parts.second));
  if (parts.first != "Namespace" && parts.first != "CustomResourceDefinition") json::set(doc, {"metadata", "namespace"}, "demo");
  if (!wave.empty()) json::set(doc, {"metadata", "annotations", "argocd.argoproj.io/sync-wave"}, json::value(wave));
  if (!hook.empty()) json::set(doc, {"metadata", "annotations", "argocd.argoproj.io/hook"}, json::value(hook));
  if (parts.first == "CustomResourceDefinition") {
    json::set(doc, {"spec", "group"}, "argoproj.io");
    json::set(doc, {"spec", "names", "kind"}, "Rollout");
  }
  Compared out;
  (prune ? out.live : out.desired) = kube::Object(doc);
  out.hook = !hook.empty();
  return out;
}

std::vector<Task> plan(std::string_view resources, PlanOptions options = {}) {
  std::vector<Compared> all;
  for (std::string_view text : split(resources, ' ')) all.push_back(resource(text));
  return plan_tasks(all, options);
}

std::string shown(const std::vector<Task>& tasks) {
  std::string out;
  for (const Task& task : tasks)
    out += concat(out.empty() ? "" : " ", task.action == Task::Action::kPrune ? "-" : "", task.what.any().kind(), "/", task.what.any().name(),
                  task.phase == Phase::kSync ? "" : concat(":", text(task.phase)), task.wave == 0 ? "" : concat("@", task.wave));
  return out;
}

TEST(Plan, Order) {
  struct Case {
    const char *name, *resources, *want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"by kind, custom resources last", "Rollout/r Deployment/d Service/s ConfigMap/c", "ConfigMap/c Service/s Deployment/d Rollout/r"},
           {"by name", "Service/b Service/a", "Service/a Service/b"},
           {"by wave before kind", "ConfigMap/c@1 Rollout/r Deployment/d@-1", "Deployment/d@-1 Rollout/r ConfigMap/c@1"},
           {"a bad wave is 0", "Service/a@x Service/b", "Service/a Service/b"},
           {"by phase before wave", "Job/post@-5#PostSync Service/s@3 Job/pre@9#PreSync", "Job/pre:PreSync@9 Service/s@3 Job/post:PostSync@-5"},
           {"one hook in two phases", "Job/h#PreSync,PostSync", "Job/h:PreSync Job/h:PostSync"},
           {"a skipped hook", "Job/h#Skip Service/s", "Service/s"},
           {"a Namespace before what is in it", "Namespace/demo@5 Service/s@-1 Namespace/other@2", "Namespace/demo@-1 Service/s@-1 Namespace/other@2"},
           {"also before hooks", "Namespace/demo Job/h#PreSync", "Namespace/demo:PreSync Job/h:PreSync"},
           {"a CRD before its objects", "CustomResourceDefinition/rollouts@1 Rollout/r", "CustomResourceDefinition/rollouts Rollout/r"},
           {"prunes first within a group", "Service/s -ConfigMap/old", "-ConfigMap/old Service/s"},
           {"prunes in mirrored waves", "-ConfigMap/a@1 -ConfigMap/b@2 -ConfigMap/c@3", "-ConfigMap/c@1 -ConfigMap/b@2 -ConfigMap/a@3"},
       })
    EXPECT_EQ(shown(plan(c.resources)), c.want) << c.name;
  EXPECT_EQ(shown(plan("-ConfigMap/a Service/s@3", {.prune_last = true})), "Service/s@3 -ConfigMap/a@4");
  EXPECT_EQ(shown(plan("ConfigMap/a Service/s Service/t Job/h#PreSync", {.only = {{"", "Service", "", "t"}}})), "Service/t");
}

/// Runs a plan to its end; `health` says what each resource is after its apply.
std::string run(const std::vector<Task>& tasks, std::map<std::string, std::string> phases, int max_steps = 10) {
  std::vector<TaskResult> results;
  std::string log;
  while (max_steps-- > 0) {
    Step step = next_step(tasks, results);
    if (step.kind != Step::Kind::kRun) {
      const char* names[] = {"", "wait", "succeeded", "failed"};
      return concat(log, log.empty() ? "" : " | ", names[static_cast<int>(step.kind)]);
    }
    std::string group;
    for (size_t i : step.tasks) {
      const kube::Object& o = tasks[i].what.any();
      std::string name(o.name());
      TaskResult result{key_of(o), "v1", tasks[i].phase, "Synced", phases.contains(name) ? phases[name] : "Succeeded", "", ""};
      if (result.hook_phase == "SyncFailed") result.status = "SyncFailed", result.hook_phase = "Failed";
      results.push_back(result);
      group += concat(group.empty() ? "" : " ", name);
    }
    log += concat(log.empty() ? "" : " | ", group);
  }
  return log + " | endless";
}

TEST(Plan, Steps) {
  struct Case {
    const char* name;
    const char* resources;
    std::map<std::string, std::string> phases;
    const char* want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"nothing to do", "Job/h#Skip", {}, "succeeded"},
           {"one wave doesn't wait", "Service/a Service/b", {{"a", "Running"}}, "a b | succeeded"},
           {"waves wait for health", "Service/a Service/b@1", {{"a", "Running"}}, "a | wait"},
           {"waves go on", "Service/a Service/b@1", {}, "a | b | succeeded"},
           {"the last wave isn't waited for", "Service/a Service/b@1", {{"b", "Running"}}, "a | b | succeeded"},
           {"hooks are waited for", "Service/a Job/h#PostSync", {{"h", "Running"}}, "a | h | wait"},
           {"a failed apply ends it", "Service/a Service/b@1", {{"a", "SyncFailed"}}, "a | failed"},
           {"a degraded resource ends it", "Service/a Service/b@1", {{"a", "Failed"}}, "a | failed"},
           {"SyncFail hooks run on failure only", "Service/a Job/f#SyncFail", {{"a", "SyncFailed"}}, "a | f | failed"},
           {"and not otherwise", "Service/a Job/f#SyncFail", {}, "a | succeeded"},
       })
    EXPECT_EQ(run(plan(c.resources), c.phases), c.want) << c.name;
}

TEST(Plan, WaitsForWhatIsBeingPruned) {
  std::vector<Task> tasks = plan("-ConfigMap/old Service/s");
  std::vector<TaskResult> results{{key_of(tasks[0].what.live), "v1", Phase::kSync, "Pruned", "", "", ""}, {key_of(tasks[1].what.desired), "v1", Phase::kSync, "Synced", "Succeeded", "", ""}};
  EXPECT_EQ(next_step(tasks, results).message, "waiting for deletion of ConfigMap/old");
  EXPECT_EQ(next_step(plan("Service/s"), results).kind, Step::Kind::kSucceeded);
}

TEST(Plan, ResultsFollowHealth) {
  using health::Health;
  using health::Status;
  kube::Object live = object("{kind: X}");
  auto after = [&](bool hook, const kube::Object& now, std::optional<Health> health) {
    TaskResult result{{}, "v1", Phase::kSync, "Synced", "Running", "", ""};
    refresh_result(result, hook, now, health);
    return result.hook_phase;
  };
  EXPECT_EQ(after(false, live, std::nullopt), "Succeeded");
  EXPECT_EQ(after(false, live, Health{}), "Succeeded");
  EXPECT_EQ(after(false, live, Health{Status::kSuspended, ""}), "Running");
  EXPECT_EQ(after(false, live, Health{Status::kUnknown, ""}), "Running");
  EXPECT_EQ(after(true, live, Health{Status::kUnknown, ""}), "Failed");
  EXPECT_EQ(after(false, live, Health{Status::kDegraded, ""}), "Failed");
  EXPECT_EQ(after(false, {}, Health{}), "Error");
}

TEST(Tracking, KnowsItsOwnOnly) {
  kube::Object service = object("{apiVersion: v1, kind: Service, metadata: {name: s, namespace: demo}}");
  EXPECT_EQ(tracking_id("app", service, "x"), "app:/Service:demo/s");
  kube::Object ns = object("{apiVersion: v1, kind: Namespace, metadata: {name: web}}");
  EXPECT_EQ(tracking_id("app", ns, "x"), "app:/Namespace:x/web");
  auto tracked = [](const kube::Object& o, std::string id) {
    return tracked_by(o.edit([&](json::value& doc) { json::set(doc, {"metadata", "annotations", kTrackingId}, json::value(id)); }));
  };
  EXPECT_EQ(tracked(service, "app:/Service:demo/s"), "app");
  EXPECT_EQ(tracked(ns, "app:/Namespace:x/web"), "app");
  for (const char* other : {"app:/Service:demo/other", "app:apps/Deployment:demo/s", "app", "", ":/Service:demo/s"})
    EXPECT_EQ(tracked(service, other), std::nullopt) << other;
}

}  // namespace
}  // namespace serin::gitops::sync
