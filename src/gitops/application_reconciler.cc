#include "gitops/application_reconciler.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "data/patch.h"
#include "gitops/auto_sync.h"
#include "gitops/operation.h"
#include "gitops/status.h"
#include "gitops/sync/tracking.h"
#include "kube/resources.h"

namespace serin::gitops {
namespace {

using client::Again;
using client::Client;
using kube::Object;

/// An application's document during a pass, and what is stored of it.
class Draft {
 public:
  Draft(Client& hub, const Object& stored) : doc(stored.doc()), hub_(hub), stored_(stored) {}

  /// Writes what has changed; nothing where nothing has. kConflict where somebody else wrote meanwhile, so that a
  /// new operation or a new spec is never overlooked.
  Result<void> persist() {
    json::value patch = json::make_merge_patch(stored_.doc(), doc);
    if (patch.get_object().empty()) return {};
    json::set(patch, {"metadata", "resourceVersion"}, json::value(stored_.version().str()));
    client::WriteOptions options;
    options.field_manager = std::string(diff::kManager);
    stored_ = SERIN_TRY(hub_.patch(kube::kApplications, stored_.key(), {client::Patch::Type::kMerge, std::move(patch)}, options));
    doc = stored_.doc();
    return {};
  }
  bool status_changed() const {
    const json::value* before = json::find(stored_.doc(), "status");
    const json::value* after = json::find(doc, "status");
    return !before != !after || (before && *before != *after);
  }

  json::value doc;

 private:
  Client& hub_;
  Object stored_;
};

std::vector<Condition> as_condition(std::string type, const Error& error) { return {{std::move(type), error.message}}; }

/// The operation cannot even begin.
void fail_operation(json::value& doc, const std::string& message, TimePoint now) {
  if (!has_operation(doc)) return;
  json::object state;
  if (const json::value* operation = json::find(doc, "operation")) state["operation"] = *operation;
  state["phase"] = "Error";
  state["message"] = message;
  state["startedAt"] = format_time(now);
  state["finishedAt"] = format_time(now);
  json::set(doc, {"status", "operationState"}, std::move(state));
  json::erase(doc, {"operation"});
}

int wave_of(const Object& object) { return parse_int<int>(object.annotation("argocd.argoproj.io/sync-wave")).value_or(0); }

}  // namespace

ApplicationReconciler::ApplicationReconciler(Client& hub, client::ClusterSet& clusters, source::Repositories& repositories,
                                             const Clock& clock, ReconcilerOptions options)
    : hub_(hub), clusters_(clusters), clock_(clock), options_(std::move(options)), comparer_(repositories, cache_, options_.home) {}

Result<Again> ApplicationReconciler::reconcile(const client::Key& key) {
  Result<Object> found = hub_.get(kube::kApplications, key.name);
  if (!found && found.error().code == Code::kNotFound) return Again{};
  Object object = SERIN_TRY(std::move(found));
  if (object.deleting()) return finalize(object);
  if (object.annotation(kSkipReconcileAnnotation) == "true") return Again{};

  TimePoint now = clock_.now();
  Draft draft(hub_, object);
  std::string refresh(object.annotation(kRefreshAnnotation));
  json::erase(draft.doc, {"metadata", "annotations", kRefreshAnnotation});
  auto finish = [&](std::vector<Condition> conditions, Again again) -> Result<Again> {
    write_conditions(draft.doc, std::move(conditions), now);
    if (draft.status_changed() || !refresh.empty()) json::set(draft.doc, {"status", "reconciledAt"}, json::value(format_time(now)));
    SERIN_TRY(draft.persist());
    return again;
  };
  auto refuse = [&](std::string type, const Error& error) {
    fail_operation(draft.doc, error.message, now);
    write_unknown(draft.doc, now);
    return finish(as_condition(std::move(type), error), {options_.interval});
  };

  Result<Application> read = Application::read(object);
  if (!read) return refuse("InvalidSpecError", read.error());
  const Application& app = *read;
  Result<Client*> cluster = clusters_.cluster(app.cluster);
  if (!cluster) return refuse("InvalidSpecError", Error{cluster.error().code, concat("there is no cluster \"", app.cluster, "\""), {}, {}, false});

  Again again{options_.interval};
  auto run = [&]() -> Result<void> {
    OperationContext context{app, **cluster, comparer_, now, [&] { return draft.persist(); }};
    std::optional<Duration> wait = SERIN_TRY(run_operation(draft.doc, context, options_.operation_interval));
    if (wait) again.after = std::min(*again.after, *wait);
    return {};
  };
  bool operated = has_operation(draft.doc);
  if (operated) SERIN_TRY(run());

  bool scan = refresh == "hard" || !json::find(object.doc(), "status", "resources");
  auto compare = [&](bool latest) -> Result<Comparison> {
    std::shared_ptr<source::Repository> repository = SERIN_TRY(comparer_.repository(app));
    bool ask = latest || repository->local() || !refresh.empty();
    std::string commit = SERIN_TRY(repository->resolve(
        app.source.revision, ask ? source::Repository::Freshness::kLatest : source::Repository::Freshness::kRecent));
    return comparer_.compare(app, **cluster, commit, inventory_of(Object(draft.doc)), scan);
  };
  Result<Comparison> comparison = compare(operated);
  std::vector<Condition> conditions;
  if (comparison && !has_operation(draft.doc)) {
    Application current = app;
    current.object = Object(draft.doc);
    AutoSync decided = auto_sync(current, *comparison, now);
    if (!decided.error.empty()) conditions.push_back({"SyncError", decided.error});
    if (decided.wait) again.after = std::min(*again.after, *decided.wait);
    if (decided.operation) {
      draft.doc.get_object()["operation"] = *decided.operation;
      SERIN_TRY(run());
      comparison = compare(false);
    }
  }
  if (!comparison) {
    write_unknown(draft.doc, now);
    conditions = as_condition("ComparisonError", comparison.error());
    return finish(std::move(conditions), again);
  }
  write_comparison(draft.doc, app, *comparison, now);
  conditions.insert(conditions.end(), comparison->warnings.begin(), comparison->warnings.end());
  return finish(std::move(conditions), again);
}

Result<Again> ApplicationReconciler::finalize(const Object& object) {
  std::string finalizer;
  for (const json::value& each : json::items(object.doc(), "metadata", "finalizers"))
    if (json::as_string(&each).starts_with(kResourcesFinalizer)) finalizer = std::string(json::as_string(&each));
  if (finalizer.empty()) return Again{};

  TimePoint now = clock_.now();
  Draft draft(hub_, object);
  Application app;  // of a spec that may be wrong only the destination is needed
  app.object = object;
  app.cluster = std::string(json::get_string(object.doc(), "spec", "destination", "name"));
  if (app.cluster.empty()) app.cluster = std::string(json::get_string(object.doc(), "spec", "destination", "server"));
  auto problem = [&](const Error& error) -> Result<Again> {
    write_conditions(draft.doc, as_condition("DeletionError", error), now);
    SERIN_TRY(draft.persist());
    return Again{options_.interval};
  };

  Result<Client*> cluster = clusters_.cluster(app.cluster);
  std::vector<std::pair<sync::ResourceKey, std::string>> inventory = inventory_of(object);
  if (!cluster) {
    // Nothing was ever applied to a cluster that never was.
    if (!inventory.empty()) return problem(cluster.error());
  } else {
    Result<std::vector<sync::Compared>> tracked = comparer_.tracked(app, **cluster, inventory, true);
    if (!tracked) return problem(tracked.error());
    std::erase_if(*tracked, [](const sync::Compared& each) { return sync::has_sync_option(each.live, "Delete=false"); });
    if (!tracked->empty()) {
      int last = wave_of(tracked->front().live);
      for (const sync::Compared& each : *tracked) last = std::max(last, wave_of(each.live));
      for (const sync::Compared& each : *tracked) {
        if (wave_of(each.live) != last || each.live.deleting()) continue;
        client::DeleteOptions how;
        how.propagation = finalizer.ends_with("/background") ? "Background" : "Foreground";
        how.uid = std::string(each.live.uid());
        Result<void> removed = (*cluster)->remove(each.resource, each.live.key(), how);
        if (!removed && removed.error().code != Code::kNotFound) return problem(removed.error());
      }
      return Again{options_.operation_interval};
    }
  }
  json::array left;
  for (const json::value& each : json::items(object.doc(), "metadata", "finalizers"))
    if (json::as_string(&each) != finalizer) left.push_back(each);
  json::set(draft.doc, {"metadata", "finalizers"}, std::move(left));
  SERIN_TRY(draft.persist());
  return Again{};
}

std::optional<client::Key> application_of(const Object& live, const std::string& home) {
  std::optional<std::string> name = sync::tracked_by(live);
  if (!name) return std::nullopt;
  if (auto parts = cut(*name, '_')) return client::Key{"", {std::string(parts->first), std::string(parts->second)}};
  return client::Key{"", {home, *name}};
}

}  // namespace serin::gitops
