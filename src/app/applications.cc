#include "app/applications.h"

#include "base/strings.h"
#include "client/write.h"
#include "kube/resources.h"

namespace serin::app {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(50);
constexpr const char* kFinalizer = "resources-finalizer.argocd.argoproj.io";

}  // namespace

kube::Object make_application(const ApplicationSpec& spec) {
  json::object policy;
  if (spec.automatic) policy["automated"] = json::object{{"prune", spec.prune}};
  if (spec.create_namespace) policy["syncOptions"] = json::array{"CreateNamespace=true"};
  return kube::Object(json::object{
      {"apiVersion", "argoproj.io/v1alpha1"},
      {"kind", "Application"},
      {"metadata", json::object{{"name", spec.name},
                                {"namespace", kApplicationNamespace},
                                {"finalizers", json::array{kFinalizer}}}},
      {"spec",
       json::object{{"project", "default"},
                    {"source", json::object{{"repoURL", spec.repo},
                                            {"path", spec.path},
                                            {"targetRevision", spec.revision}}},
                    {"destination", json::object{{"name", spec.cluster}, {"namespace", spec.ns}}},
                    {"syncPolicy", std::move(policy)}}}});
}

Result<void> request_sync(client::Client& hub, const std::string& name, bool prune, bool dry_run) {
  kube::NamespacedName key{kApplicationNamespace, name};
  kube::Object application = SERIN_TRY(hub.get(kube::kApplications, key));
  if (json::find(application.doc(), "operation"))
    return fail(Code::kConflict, concat("another operation of application \"", name, "\" is in progress"));
  json::object sync{{"prune", prune}, {"dryRun", dry_run}};
  json::object body{
      {"operation", json::object{{"sync", std::move(sync)},
                                 {"initiatedBy", json::object{{"username", "serin-cli"}}}}}};
  SERIN_TRY(client::execute(hub, client::merge_patch(kube::kApplications, key, std::move(body), "sync")));
  return {};
}

Result<kube::Object> wait_operation(client::Client& hub, const std::string& name, Duration timeout, Clock& clock,
                                    const std::function<void(const std::string&)>& progress) {
  TimePoint deadline = clock.now() + timeout;
  std::string last;
  for (;;) {
    kube::Object application = SERIN_TRY(hub.get(kube::kApplications, {kApplicationNamespace, name}));
    const json::value& doc = application.doc();
    std::string message(json::get_string(doc, "status", "operationState", "message"));
    if (message != last && progress && !message.empty()) progress(message);
    last = message;
    std::string_view phase = json::get_string(doc, "status", "operationState", "phase");
    bool ended = phase == "Succeeded" || phase == "Failed" || phase == "Error";
    if (ended && !json::find(doc, "operation")) return application;
    if (clock.now() >= deadline)
      return fail(Code::kTimeout, concat("the sync of \"", name, "\" has not ended: ", last.empty() ? "no news" : last));
    clock.sleep(kPoll);
  }
}

Result<void> delete_application(client::Client& hub, const std::string& name, bool cascade, Duration timeout,
                                Clock& clock) {
  kube::NamespacedName key{kApplicationNamespace, name};
  kube::Object application = SERIN_TRY(hub.get(kube::kApplications, key));
  if (application.has_finalizer(kFinalizer) != cascade) {
    json::array finalizers;
    if (cascade) finalizers.push_back(kFinalizer);
    json::object body{{"metadata", json::object{{"finalizers", std::move(finalizers)}}}};
    SERIN_TRY(client::execute(hub, client::merge_patch(kube::kApplications, key, std::move(body), "cascade")));
  }
  SERIN_TRY(hub.remove(kube::kApplications, key));
  TimePoint deadline = clock.now() + timeout;
  while (clock.now() < deadline) {
    Result<kube::Object> left = hub.get(kube::kApplications, key);
    if (failed_with(left, Code::kNotFound)) return {};
    if (!left) return fail(std::move(left).error());
    clock.sleep(kPoll);
  }
  return fail(Code::kTimeout, concat("application \"", name, "\" is still being deleted"));
}

}  // namespace serin::app
