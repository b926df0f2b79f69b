// Deletion: preconditions, grace, finalizers, and what follows when a CustomResourceDefinition goes.

#include <algorithm>

#include "apiserver/crd/crd.h"
#include "apiserver/rest/builtin_rules.h"
#include "apiserver/rest/eviction.h"
#include "apiserver/rest/metadata.h"
#include "apiserver/rest/rest.h"
#include "base/strings.h"
#include "base/time.h"
#include "kube/resources.h"

namespace serin::apiserver {
namespace {

constexpr std::string_view kForegroundFinalizer = "foregroundDeletion";
constexpr std::string_view kOrphanFinalizer = "orphan";

Result<void> check_preconditions(const Target& target, const kube::Object& current,
                                 const client::DeleteOptions& options) {
  auto conflict = [&](std::string_view what, std::string_view asked, std::string_view is) {
    return fail(Code::kConflict, concat("Operation cannot be fulfilled on ", quoted(*target.resource, target.name.name),
                                        ": Precondition failed: ", what, " in precondition: ", asked, ", ", what,
                                        " in object meta: ", is));
  };
  if (!options.uid.empty() && options.uid != current.uid()) return conflict("UID", options.uid, current.uid());
  if (options.version.value != 0 && options.version != current.version())
    return conflict("ResourceVersion", options.version.str(), current.version().str());
  return {};
}

/// The finalizers after `propagation` has had its say.
json::array finalizers_for(const json::value& doc, std::string_view propagation) {
  json::array kept;
  for (const json::value& finalizer : json::items(doc, "metadata", "finalizers")) {
    std::string_view text = json::as_string(&finalizer);
    bool ours = text == kForegroundFinalizer || text == kOrphanFinalizer;
    if (!ours || propagation.empty()) kept.push_back(finalizer);
  }
  if (propagation == "Foreground") kept.push_back(json::value(kForegroundFinalizer));
  if (propagation == "Orphan") kept.push_back(json::value(kOrphanFinalizer));
  return kept;
}

}  // namespace

Result<Step> Rest::plan_remove(const Target& target, const kube::Object& current,
                               const client::DeleteOptions& options) const {
  const ServedResource& served = *target.resource;
  if (current.empty()) return fail(not_found(served, target.name.name));
  SERIN_TRY(check_preconditions(target, current, options));
  SERIN_TRY(check_deletable(current, served));
  if (!options.propagation.empty() && options.propagation != "Background" && options.propagation != "Foreground" &&
      options.propagation != "Orphan")
    return fail(invalid(served, target.name.name,
                        {{"FieldValueNotSupported", concat("Unsupported value: \"", options.propagation, '"'), "propagationPolicy"}}));
  Step step;
  step.doc = current.doc();
  AdmissionRequest request{AdmissionRequest::Verb::kDelete, target.cluster->name(), served.resource(), {},
                           step.doc, current, options.dry_run, *target.user};
  for (Admission* admission : options_.admission) SERIN_TRY(admission->admit(request));
  TimePoint now = options_.clock->now();
  bool is_crd = is_resource(served, "apiextensions.k8s.io", "customresourcedefinitions");
  json::array finalizers = finalizers_for(step.doc, options.propagation);
  if (is_crd && !current.deleting()) {
    if (json::value* status = json::find(step.doc, "status"); status && has_custom_objects(target, current)) {
      finalizers.push_back(json::value(kCrdCleanupFinalizer));
      kube::set_condition(*status, "Terminating", "True", "InstanceDeletionInProgress",
                          "CustomResource deletion is in progress", now);
    }
  }
  if (finalizers.empty()) json::erase(step.doc, {"metadata", "finalizers"});
  else json::set(step.doc, {"metadata", "finalizers"}, finalizers);

  int64_t grace = deletion_grace(current, served, options.grace_seconds);
  if (current.deleting()) {
    // A second deletion can only shorten the first one's grace.
    int64_t running = json::get_int(current.doc(), 0, "metadata", "deletionGracePeriodSeconds");
    grace = options.grace_seconds ? std::min(grace, running) : running;
  }
  bool held = is_resource(served, "", "namespaces") && !json::items(step.doc, "spec", "finalizers").empty();
  if (grace == 0 && finalizers.empty() && !held) {
    step.kind = Step::Kind::kRemove;
    step.before_visible = crd_hook(target, json::value());
    return step;
  }
  if (!current.deleting()) {
    json::set(step.doc, {"metadata", "deletionTimestamp"}, json::value(format_time(now + std::chrono::seconds(grace))));
    if (json::find(step.doc, "metadata", "generation"))
      json::set(step.doc, {"metadata", "generation"}, current.generation() + 1);
  } else if (json::get_int(current.doc(), 0, "metadata", "deletionGracePeriodSeconds") != grace) {
    json::set(step.doc, {"metadata", "deletionTimestamp"}, json::value(format_time(now + std::chrono::seconds(grace))));
  }
  json::set(step.doc, {"metadata", "deletionGracePeriodSeconds"}, grace);
  if (is_resource(served, "", "namespaces")) json::set(step.doc, {"status", "phase"}, "Terminating");
  if (step.doc == current.doc()) return step;
  step.kind = Step::Kind::kPut;
  step.before_visible = crd_hook(target, step.doc);
  return step;
}

Result<Step> Rest::plan_evict(const Target& target, const kube::Object& pod, const client::DeleteOptions& options) const {
  Step step = SERIN_TRY(plan_remove(target, pod, options));
  ServedPtr budgets = target.cluster->catalog()->find("policy", "v1", "poddisruptionbudgets");
  Target budget{target.cluster, budgets, {target.name.ns, {}}, {}};
  ListQuery query;
  query.ns = target.name.ns;
  Listing listing = SERIN_TRY(store_.list(budget.collection(), query));
  std::vector<kube::Object> all;
  for (const EntryPtr& entry : listing.entries) all.push_back(object(budget, entry));
  TimePoint now = options_.clock->now();
  EvictionVerdict verdict = SERIN_TRY(judge_eviction(pod, all, now));
  if (!verdict.budget) return step;
  json::value& next = *verdict.budget;
  Operation op;
  op.collection = budget.collection();
  op.name = {target.name.ns, std::string(json::get_string(next, "metadata", "name"))};
  for (const EntryPtr& entry : listing.entries) {
    if (entry->name != op.name) continue;
    op.expected = entry->revision;
    kube::track_update(object(budget, entry).doc(), next, {"serin", "policy/v1", "status", now}, *budgets->schema);
  }
  op.bytes = budgets->stored(next);
  if (const json::value* labels = json::find(next, "metadata", "labels")) op.labels = *labels;
  step.also.push_back(std::move(op));
  return step;
}

void Rest::evict(Target target, client::DeleteOptions options, Done done) {
  bool dry_run = options.dry_run;
  target.subresource.clear();
  auto plan = [this, target, options](const kube::Object& current) -> Result<Step> {
    if (current.empty()) return fail(not_found(*target.resource, target.name.name));
    return plan_evict(target, current, options);
  };
  run(target, std::move(plan), dry_run, std::move(done));
}

bool Rest::has_custom_objects(const Target& crd, const kube::Object& object) const {
  Collection collection{crd.cluster->name(), std::string(object.name())};
  auto listing = store_.list(collection, {.limit = 1});
  return listing && !listing->entries.empty();
}

void Rest::remove(Target target, client::DeleteOptions options, Done done) {
  bool dry_run = options.dry_run;
  bool is_crd = is_resource(*target.resource, "apiextensions.k8s.io", "customresourcedefinitions");
  auto plan = [this, target, options](const kube::Object& current) { return plan_remove(target, current, options); };
  run(target, std::move(plan), dry_run, [this, target, is_crd, done = std::move(done)](Result<Outcome> outcome) {
    bool emptying = is_crd && outcome && !outcome->removed;
    kube::Object crd = emptying ? outcome->object : kube::Object();
    done(std::move(outcome));
    if (emptying) remove_custom_objects(target, crd);
  });
}

/// Deletes every object of a CRD that is going; the last one's removal ends the CRD.
void Rest::remove_custom_objects(const Target& crd_target, const kube::Object& crd) {
  if (!crd.has_finalizer(kCrdCleanupFinalizer)) return;
  ServedPtr served = crd_target.cluster->catalog()->find_resource(
      json::get_string(crd.doc(), "spec", "group"), json::get_string(crd.doc(), "spec", "names", "plural"));
  if (!served) return;
  Target all{crd_target.cluster, served, {}, {}};
  auto listing = store_.list(all.collection(), {});
  if (!listing) return;
  if (listing->entries.empty()) return after_crd_object_removed(all);
  for (const EntryPtr& entry : listing->entries) {
    Target one{crd_target.cluster, served, entry->name, {}};
    remove(std::move(one), {}, [](Result<Outcome>) {});
  }
}

void Rest::after_crd_object_removed(const Target& target) {
  ServedPtr crds = target.cluster->catalog()->find("apiextensions.k8s.io", "v1", "customresourcedefinitions");
  if (!crds || !store_.list(target.collection(), {.limit = 1}).map([](const Listing& l) { return l.entries.empty(); }).value_or(false))
    return;
  Target crd{target.cluster, crds, {"", target.resource->crd}, {}};
  EntryPtr entry = store_.get(crd.collection(), crd.name);
  if (!entry || !cache_.get(entry).has_finalizer(kCrdCleanupFinalizer)) return;
  auto plan = [this, crd](const kube::Object& current) -> Result<Step> {
    if (current.empty() || !current.deleting()) return fail(not_found(*crd.resource, crd.name.name));
    json::value next = current.doc();
    json::array kept;
    for (const json::value& finalizer : json::items(next, "metadata", "finalizers"))
      if (json::as_string(&finalizer) != kCrdCleanupFinalizer) kept.push_back(finalizer);
    json::set(next, {"metadata", "finalizers"}, std::move(kept));
    client::WriteOptions options;
    options.field_manager = "serin";
    return plan_update(crd, current, std::move(next), options, false);
  };
  run(crd, std::move(plan), false, [](Result<Outcome>) {});
}

void Rest::remove_collection(Target target, ReadOptions read, client::DeleteOptions options,
                             std::function<void(Result<std::vector<kube::Object>>)> done) {
  auto page = list(target, read);
  if (!page) return done(fail(page.error()));
  struct Gather {
    std::mutex mutex;
    size_t left;                       // guarded by mutex
    std::vector<kube::Object> objects;  // guarded by mutex
    std::optional<Error> error;        // guarded by mutex
    std::function<void(Result<std::vector<kube::Object>>)> done;
  };
  auto gather = std::make_shared<Gather>();
  gather->left = page->entries.size() + 1;
  gather->done = std::move(done);
  auto arrived = [gather](Result<Outcome> outcome) {
    std::unique_lock lock(gather->mutex);
    if (outcome) gather->objects.push_back(outcome->object);
    else if (outcome.error().code != Code::kNotFound) gather->error = outcome.error();
    if (--gather->left > 0) return;
    auto answer = std::move(gather->done);
    Result<std::vector<kube::Object>> objects = std::move(gather->objects);
    if (gather->error) objects = fail(*gather->error);
    lock.unlock();
    answer(std::move(objects));
  };
  for (const EntryPtr& entry : page->entries) {
    Target one = target;
    one.name = entry->name;
    remove(std::move(one), options, arrived);
  }
  arrived(fail(Code::kNotFound, ""));
}

}  // namespace serin::apiserver
