// Create, update and patch: from a request and the object as it is to the object as it shall be.

#include <algorithm>

#include "apiserver/crd/crd.h"
#include "apiserver/rest/builtin_rules.h"
#include "apiserver/rest/metadata.h"
#include "apiserver/rest/rest.h"
#include "base/strings.h"
#include "data/patch.h"
#include "kube/resources.h"

namespace serin::apiserver {
namespace {

/// The body is of the kind that the URL names, and an object at all.
Result<void> check_type(const Target& target, json::value& body) {
  if (!body.is_object()) return fail(Code::kBadRequest, "the body of the request must be one JSON object");
  std::string_view api_version = json::get_string(body, "apiVersion"), kind = json::get_string(body, "kind");
  if (!api_version.empty() && api_version != target.api_version())
    return fail(Code::kBadRequest, concat("the API version in the data (", api_version,
                                          ") does not match the expected API version (", target.api_version(), ")"));
  if (!kind.empty() && kind != target.kind())
    return fail(Code::kBadRequest, concat("the kind in the data (", kind, ") does not match the expected kind (",
                                          target.kind(), ")"));
  body.as_object()["apiVersion"] = target.api_version();
  body.as_object()["kind"] = target.kind();
  if (json::value* metadata = json::find(body, "metadata"); metadata && !metadata->is_object()) {
    if (!metadata->is_null()) return fail(Code::kBadRequest, "metadata must be an object");
    *metadata = json::object();
  }
  json::ensure_object(body, {"metadata"});
  return {};
}

Result<void> check_place(const Target& target, json::value& body) {
  std::string_view ns = json::get_string(body, "metadata", "namespace");
  if (!target.resource->resource().namespaced) {
    json::erase(body, {"metadata", "namespace"});
    return {};
  }
  if (!ns.empty() && ns != target.name.ns)
    return fail(Code::kBadRequest, "the namespace of the provided object does not match the namespace sent on the request");
  json::set(body, {"metadata", "namespace"}, json::value(target.name.ns));
  return {};
}

kube::Manager manager(const Target& target, const client::WriteOptions& options, TimePoint now) {
  return {options.field_manager, target.api_version(), target.subresource, now};
}

/// Refuses or reports unknown fields, as fieldValidation says.
Result<void> judge_unknown(const Target& target, const std::vector<std::string>& unknown,
                           const client::WriteOptions& options, std::vector<std::string>& warnings) {
  if (unknown.empty() || options.field_validation == "Ignore") return {};
  std::vector<std::string> lines;
  for (const std::string& path : unknown) lines.push_back(concat("unknown field \"", path, '"'));
  if (options.field_validation == "Strict")
    return fail(Code::kBadRequest,
                concat(target.kind(), " in version \"", target.resource->resource().version,
                       "\" cannot be handled as a ", target.kind(), ": strict decoding error: ", join(lines, ", ")));
  warnings.insert(warnings.end(), lines.begin(), lines.end());
  return {};
}

bool resets_managed_fields(const json::value& doc) {
  const json::array* fields = json::find_array(doc, "metadata", "managedFields");
  return fields && (fields->empty() || (fields->size() == 1 && fields->front().is_object() &&
                                        fields->front().get_object().empty()));
}

/// The next state as far as the subresource lets the caller decide about it.
json::value merge_subresource(const Target& target, const kube::Object& current, json::value next) {
  const ServedResource& served = *target.resource;
  if (target.subresource == "status" || target.subresource == "finalize") {
    json::value merged = current.doc();
    if (target.subresource == "status") {
      if (json::value* status = json::find(next, "status")) merged.as_object()["status"] = *status;
      else merged.as_object().erase("status");
    } else if (json::value* finalizers = json::find(next, "spec", "finalizers")) {
      json::set(merged, {"spec", "finalizers"}, *finalizers);
    } else {
      json::erase(merged, {"spec", "finalizers"});
    }
    if (json::value* fields = json::find(next, "metadata", "managedFields"))
      json::set(merged, {"metadata", "managedFields"}, *fields);
    return merged;
  }
  if (target.subresource.empty()) {
    if (served.info.status_subresource) {
      if (const json::value* status = json::find(current.doc(), "status")) next.as_object()["status"] = *status;
      else next.as_object().erase("status");
    }
    keep_builtin(next, current, served);
  }
  return next;
}

}  // namespace

Result<void> Rest::check_namespace(const Target& target, std::vector<Guard>& guards) const {
  if (!target.resource->resource().namespaced) return {};
  Collection namespaces{target.cluster->name(), kube::kNamespaces.group_resource()};
  EntryPtr entry = store_.get(namespaces, {"", target.name.ns});
  if (!entry) return fail(Code::kNotFound, concat("namespaces \"", target.name.ns, "\" not found"));
  kube::Object ns = cache_.get(entry);
  if (ns.deleting()) {
    std::string why = concat("namespace ", target.name.ns, " is being terminated");
    return fail(Error{Code::kForbidden,
                      concat(quoted(*target.resource, target.name.name),
                             " is forbidden: unable to create new content in namespace ", target.name.ns,
                             " because it is being terminated"),
                      {{"NamespaceTerminating", why, "metadata.namespace"}}});
  }
  guards.push_back({namespaces, {"", target.name.ns}, entry->revision});
  return {};
}

Result<void> Rest::complete(const Target& target, json::value& doc, const kube::Object& old,
                            const client::WriteOptions& options, std::vector<std::string>& warnings) const {
  const ServedResource& served = *target.resource;
  std::vector<std::string> unknown;
  kube::prune(doc, *served.schema, &unknown);
  SERIN_TRY(judge_unknown(target, unknown, options, warnings));
  kube::apply_defaults(doc, *served.schema);
  default_builtin(doc, served);
  AdmissionRequest request{old.empty() ? AdmissionRequest::Verb::kCreate : AdmissionRequest::Verb::kUpdate,
                           target.cluster->name(), served.resource(), target.subresource, doc, old, options.dry_run, *target.user};
  for (Admission* admission : options_.admission) SERIN_TRY(admission->admit(request));
  std::string name(json::get_string(doc, "metadata", "name"));
  std::vector<Cause> causes = validate_new_finalizers(doc, old);
  std::vector<Cause> wrong = kube::validate(doc, *served.schema);
  // Ratcheting: what was wrong already and stays as it is does not stand in the way of a change elsewhere.
  if (!old.empty() && !wrong.empty()) {
    std::vector<Cause> before = kube::validate(old.doc(), *served.schema);
    std::erase_if(wrong, [&](const Cause& cause) {
      return std::any_of(before.begin(), before.end(), [&](const Cause& known) {
        return known.field == cause.field && known.message == cause.message;
      });
    });
  }
  causes.insert(causes.end(), wrong.begin(), wrong.end());
  std::vector<Cause> more = validate_rules(doc, old, served, target.subresource);
  causes.insert(causes.end(), more.begin(), more.end());
  if (is_resource(served, "apiextensions.k8s.io", "customresourcedefinitions")) {
    // A schema that does not parse would make no sense of the rest.
    if (causes.empty()) causes = complete_crd(doc, old, *target.cluster->catalog(), options_.clock->now());
  }
  if (!causes.empty()) return fail(invalid(served, name, std::move(causes)));
  return {};
}

Result<Step> Rest::plan_create(const Target& target, json::value body, const client::WriteOptions& options) const {
  const ServedResource& served = *target.resource;
  Step step;
  SERIN_TRY(check_type(target, body));
  SERIN_TRY(check_place(target, body));
  if (!json::get_string(body, "metadata", "resourceVersion").empty())
    return fail(Code::kBadRequest, "resourceVersion should not be set on objects to be created");
  SERIN_TRY(check_namespace(target, step.guards));
  if (!served.crd.empty()) {
    Collection crds{target.cluster->name(), kube::kCustomResourceDefinitions.group_resource()};
    EntryPtr crd = store_.get(crds, {"", served.crd});
    if (!crd) return fail(Code::kNotFound, "the server could not find the requested resource");
    if (cache_.get(crd).deleting())
      return fail(Code::kMethodNotAllowed,
                  concat("create is not allowed for ", served.resource().group_resource(), ": its CustomResourceDefinition is being deleted"));
    step.guards.push_back({crds, {"", served.crd}, crd->revision});
  }
  json::value applied;
  if (json::value* fields = json::find(body, "metadata", "managedFields")) applied = *fields;
  complete_new_metadata(body, served, *options_.random, options_.clock->now());
  initialize_builtin(body, served);
  SERIN_TRY(complete(target, body, {}, options, step.warnings));
  if (applied.is_array() && !applied.get_array().empty())
    json::set(body, {"metadata", "managedFields"}, std::move(applied));
  else
    kube::track_update(json::value(), body, manager(target, options, options_.clock->now()), *served.schema);
  step.before_visible = crd_hook(target, body);
  step.kind = Step::Kind::kPut;
  step.doc = std::move(body);
  return step;
}

Result<Step> Rest::plan_update(const Target& target, const kube::Object& current, json::value next,
                               const client::WriteOptions& options, bool applied) const {
  const ServedResource& served = *target.resource;
  SERIN_TRY(check_type(target, next));
  std::string name(json::get_string(next, "metadata", "name"));
  if (name.empty()) return fail(invalid(served, "", {{"FieldValueRequired", "Required value: name must be provided", "metadata.name"}}));
  if (name != target.name.name)
    return fail(Code::kBadRequest, concat("the name of the object (", name, ") does not match the name on the URL (",
                                          target.name.name, ")"));
  SERIN_TRY(check_place(target, next));
  std::string_view version = json::get_string(next, "metadata", "resourceVersion");
  if (!version.empty() && kube::ResourceVersion::parse(version) != current.version())
    return fail(Code::kConflict,
                concat("Operation cannot be fulfilled on ", quoted(served, name),
                       ": the object has been modified; please apply your changes to the latest version and try again"));
  std::string_view uid = json::get_string(next, "metadata", "uid");
  if (!uid.empty() && uid != current.uid())
    return fail(Code::kConflict, concat("Operation cannot be fulfilled on ", quoted(served, name),
                                        ": Precondition failed: UID in precondition: ", uid,
                                        ", UID in object meta: ", current.uid()));
  bool reset = resets_managed_fields(next);
  Step step;
  next = merge_subresource(target, current, std::move(next));
  keep_system_metadata(next, current);
  SERIN_TRY(complete(target, next, current, options, step.warnings));
  keep_system_metadata(next, current);
  if (served.info.has_generation && spec_differs(current.doc(), next, served.info.status_subresource))
    json::set(next, {"metadata", "generation"}, current.generation() + 1);
  if (reset) {
    json::erase(next, {"metadata", "managedFields"});
  } else if (!applied) {
    if (!json::find(next, "metadata", "managedFields"))
      if (const json::value* fields = json::find(current.doc(), "metadata", "managedFields"))
        json::set(next, {"metadata", "managedFields"}, *fields);
    kube::track_update(current.doc(), next, manager(target, options, options_.clock->now()), *served.schema);
  }
  step.doc = std::move(next);
  if (may_go(step.doc, served)) {
    step.kind = Step::Kind::kRemove;
    step.before_visible = crd_hook(target, json::value());
    return step;
  }
  if (step.doc == current.doc()) return step;
  step.before_visible = crd_hook(target, step.doc);
  step.kind = Step::Kind::kPut;
  return step;
}

Result<json::value> Rest::patched(const Target& target, const json::value& doc, const client::Patch& patch) const {
  switch (patch.type) {
    case client::Patch::Type::kJson:
      return json::apply_patch(doc, patch.body);
    case client::Patch::Type::kMerge: {
      if (!patch.body.is_object()) return fail(Code::kBadRequest, "a merge patch must be a JSON object");
      json::value next = doc;
      json::merge_patch(next, patch.body);
      return next;
    }
    case client::Patch::Type::kStrategic:
      if (!target.resource->crd.empty())
        return fail(Code::kUnsupportedMediaType,
                    "the body of the request was in an unknown format - accepted media types include: "
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
      if (!patch.body.is_object()) return fail(Code::kBadRequest, "a strategic merge patch must be a JSON object");
      return kube::strategic_merge(doc, patch.body, *target.resource->schema);
    case client::Patch::Type::kApply:
      break;
  }
  return fail(Code::kBadRequest, "an apply patch is not possible here");
}

Result<Step> Rest::plan_patch(const Target& target, const kube::Object& current, const client::Patch& patch,
                              const client::WriteOptions& options) const {
  const ServedResource& served = *target.resource;
  if (patch.type != client::Patch::Type::kApply) {
    if (current.empty()) return fail(not_found(served, target.name.name));
    if (target.subresource == "scale") {
      kube::Object scale = SERIN_TRY(scale_of(target, current));
      json::value next = SERIN_TRY(patched(target, scale.doc(), patch));
      return plan_update(target, current, SERIN_TRY(scaled(target, current, next)), options, false);
    }
    return plan_update(target, current, SERIN_TRY(patched(target, current.doc(), patch)), options, false);
  }
  if (options.field_manager.empty())
    return fail(invalid(served, target.name.name,
                        {{"FieldValueRequired", "Required value: is required for apply patch", "fieldManager"}}));
  if (current.empty() && !target.subresource.empty()) return fail(not_found(served, target.name.name));
  if (current.empty() && target.create_refused) return fail(*target.create_refused);
  if (target.subresource == "scale") return patched(target, current.doc(), patch).map([](auto) { return Step(); });
  json::value config = patch.body;
  SERIN_TRY(check_type(target, config));
  if (!json::get_string(config, "metadata", "name").empty() &&
      json::get_string(config, "metadata", "name") != target.name.name)
    return fail(Code::kBadRequest, "the name of the object does not match the name on the URL");
  json::set(config, {"metadata", "name"}, json::value(target.name.name));
  SERIN_TRY(check_place(target, config));
  if (json::find(config, "metadata", "managedFields"))
    return fail(Code::kBadRequest, "metadata.managedFields must be nil");
  std::string precondition(json::get_string(config, "metadata", "resourceVersion"));
  json::erase(config, {"metadata", "resourceVersion"});
  std::vector<std::string> unknown, warnings;
  kube::prune(config, *served.schema, &unknown);
  SERIN_TRY(judge_unknown(target, unknown, options, warnings));
  json::value live = current.empty() ? json::value() : current.doc();
  json::value next = SERIN_TRY(kube::server_side_apply(
      live, config, manager(target, options, options_.clock->now()), options.force, *served.schema));
  if (!precondition.empty()) json::set(next, {"metadata", "resourceVersion"}, json::value(precondition));
  Step step = current.empty() ? SERIN_TRY(plan_create(target, std::move(next), options))
                              : SERIN_TRY(plan_update(target, current, std::move(next), options, true));
  step.warnings.insert(step.warnings.begin(), warnings.begin(), warnings.end());
  return step;
}

void Rest::create(Target target, json::value body, client::WriteOptions options, Done done) {
  bool generated = json::get_string(body, "metadata", "name").empty();
  if (!generated) target.name.name = json::get_string(body, "metadata", "name");
  else target.name.name.clear();
  if (target.name.ns.empty()) target.name.ns = json::get_string(body, "metadata", "namespace");
  bool dry_run = options.dry_run;
  auto plan = [this, target, body = std::move(body), options](const kube::Object& current) -> Result<Step> {
    if (!current.empty())
      return fail(Code::kAlreadyExists, quoted(*target.resource, target.name.name) + " already exists");
    return plan_create(target, body, options);
  };
  run(target, std::move(plan), dry_run, [done = std::move(done)](Result<Outcome> outcome) {
    if (outcome) outcome->created = true;
    done(std::move(outcome));
  });
}

void Rest::update(Target target, json::value body, client::WriteOptions options, Done done) {
  bool dry_run = options.dry_run;
  auto plan = [this, target, body = std::move(body), options](const kube::Object& current) -> Result<Step> {
    if (current.empty()) return fail(not_found(*target.resource, target.name.name));
    if (target.subresource == "scale")
      return plan_update(target, current, SERIN_TRY(scaled(target, current, body)), options, false);
    return plan_update(target, current, body, options, false);
  };
  run(target, std::move(plan), dry_run, std::move(done));
}

void Rest::patch(Target target, client::Patch patch, client::WriteOptions options, Done done) {
  bool dry_run = options.dry_run;
  auto created = std::make_shared<bool>(false);
  auto plan = [this, target, patch = std::move(patch), options, created](const kube::Object& current) {
    *created = current.empty();
    return plan_patch(target, current, patch, options);
  };
  run(target, std::move(plan), dry_run, [done = std::move(done), created](Result<Outcome> outcome) {
    if (outcome) outcome->created = *created;
    done(std::move(outcome));
  });
}

}  // namespace serin::apiserver
