#include "apiserver/rest/rest.h"

#include "apiserver/rest/builtin_rules.h"
#include "base/strings.h"
#include "data/json_check.h"

namespace serin::apiserver {
namespace {

constexpr size_t kMaxObjectBytes = 1536 << 10;
/// Bodies may nest as far as JSON is read; patches and managed fields go beyond. What is stored must be readable again,
/// also as a list's item.
constexpr size_t kMaxObjectDepth = json::kMaxDepth - 8;

Error contended(const Target& target) {
  return {Code::kConflict,
          concat("Operation cannot be fulfilled on ", quoted(*target.resource, target.name.name),
                 ": the object has been modified; please apply your changes to the latest version and try again")};
}

}  // namespace

std::string quoted(const ServedResource& served, std::string_view name) {
  return concat(served.resource().group_resource(), " \"", name, '"');
}

Error not_found(const ServedResource& served, std::string_view name) {
  return {Code::kNotFound, quoted(served, name) + " not found"};
}

Error invalid(const ServedResource& served, std::string_view name, std::vector<Cause> causes) {
  const kube::Resource& resource = served.resource();
  std::vector<std::string> parts;
  for (const Cause& cause : causes) parts.push_back(concat(cause.field, ": ", cause.message));
  std::string list = join(parts, ", ");
  if (parts.size() > 1) list = concat('[', list, ']');
  std::string kind = resource.group.empty() ? resource.kind : concat(resource.kind, '.', resource.group);
  return {Code::kInvalid, concat(kind, " \"", name, "\" is invalid: ", list), std::move(causes)};
}

Rest::Rest(Store& store, RestOptions options) : store_(store), options_(std::move(options)) {}

/// One write on its way: what it is about, and how often it has been tried.
struct Rest::Attempt {
  Target target;
  Plan plan;
  bool dry_run;
  Done done;
  int tries = 0;
};

void Rest::run(Target target, Plan plan, bool dry_run, Done done) {
  attempt(std::make_shared<Attempt>(Attempt{std::move(target), std::move(plan), dry_run, std::move(done)}));
}

void Rest::attempt(std::shared_ptr<Attempt> a) {
  const Target& target = a->target;
  EntryPtr entry = target.name.name.empty() ? nullptr : store_.get(target.collection(), target.name);
  kube::Object current;
  if (entry) current = target.resource->shown(cache_.get(entry));
  Result<Step> planned = a->plan(current);
  if (!planned) return a->done(fail(planned.error()));
  Step step = *std::move(planned);
  if (step.kind == Step::Kind::kNothing || a->dry_run) {
    Committed unchanged;
    if (!a->dry_run && entry) unchanged.push_back(entry);
    return finish(a, std::move(step), std::move(unchanged));
  }
  Operation op;
  op.collection = target.collection();
  op.name = {std::string(json::get_string(step.doc, "metadata", "namespace")),
             std::string(json::get_string(step.doc, "metadata", "name"))};
  op.expected = entry ? entry->revision : 0;
  if (step.kind == Step::Kind::kPut) {
    op.bytes = target.resource->stored(step.doc);
    if (op.bytes->size() > kMaxObjectBytes)
      return a->done(fail(Code::kTooLarge, concat(quoted(*target.resource, op.name.name), " has ", op.bytes->size(),
                                                  " bytes; the limit is ", kMaxObjectBytes)));
    if (auto readable = json::check(*op.bytes, kMaxObjectDepth); !readable)
      return a->done(fail(Code::kBadRequest, concat(quoted(*target.resource, op.name.name), " cannot be stored: ", readable.error().message)));
    if (const json::value* labels = json::find(step.doc, "metadata", "labels")) op.labels = *labels;
    // What reads the same from the store is no change, however its numbers were written.
    if (entry && step.also.empty() && *op.bytes == entry->bytes) {
      step.kind = Step::Kind::kNothing;
      return finish(a, std::move(step), {{entry}});
    }
  }
  Transaction transaction;
  transaction.operations.push_back(std::move(op));
  for (Operation& more : step.also) transaction.operations.push_back(std::move(more));
  transaction.guards = std::move(step.guards);
  transaction.before_visible = std::move(step.before_visible);
  auto kept = std::make_shared<Step>(std::move(step));
  store_.commit(std::move(transaction), [this, a, kept](Result<Committed> committed) {
    if (failed_with(committed, Code::kConflict)) {
      if (++a->tries < options_.max_attempts) return attempt(a);
      return a->done(fail(contended(a->target)));
    }
    finish(a, std::move(*kept), std::move(committed));
  });
}

void Rest::finish(const std::shared_ptr<Attempt>& a, Step step, Result<Committed> committed) {
  if (!committed) return a->done(fail(committed.error()));
  const Target& target = a->target;
  if (options_.written && step.kind != Step::Kind::kNothing && !a->dry_run) options_.written(target);
  Outcome outcome;
  bool stored = step.kind != Step::Kind::kNothing && !a->dry_run;
  EntryPtr entry = committed->empty() ? nullptr : committed->front();
  if (stored)
    json::set(step.doc, {"metadata", "resourceVersion"}, json::value(std::to_string(entry->revision)));
  outcome.object = kube::Object(std::move(step.doc));
  outcome.warnings = std::move(step.warnings);
  outcome.removed = step.kind == Step::Kind::kRemove;
  if (stored && !outcome.removed && target.api_version() == target.resource->storage_api_version)
    cache_.put(entry, outcome.object);
  if (!outcome.removed) outcome.entry = entry;
  if (target.subresource == "scale") {
    outcome.entry = nullptr;
    auto scale = scale_of(target, outcome.object);
    if (!scale) return a->done(fail(scale.error()));
    outcome.object = *std::move(scale);
  }
  bool removed = stored && outcome.removed,
       definition = stored && is_resource(*target.resource, "apiextensions.k8s.io", "customresourcedefinitions");
  kube::Object written = definition ? outcome.object : kube::Object();
  a->done(std::move(outcome));
  if (definition) accept_free_names(target, written);
  if (definition && !removed) fit_custom_objects(target, written);
  if (removed && !target.resource->crd.empty()) after_crd_object_removed(target);
}

}  // namespace serin::apiserver
