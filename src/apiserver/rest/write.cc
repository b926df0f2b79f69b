// Create, update and patch: from a request and the object as it is to the object as it shall be.

#include <algorithm>

#include "apiserver/admission/service_account_admission.h"
#include "apiserver/crd/crd.h"
#include "apiserver/rest/builtin_rules.h"
#include "apiserver/rest/metadata.h"
#include "apiserver/rest/rest.h"
#include "apiserver/rest/subresource.h"
#include "base/strings.h"
#include "data/patch.h"
#include "kube/canonical.h"
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

/// RFC 6902 with the answers of Kubernetes: 400 for what is no patch, 413 for a long one, 422 where it does not apply.
Result<json::value> apply_json_patch(const json::value& doc, const json::value& patch) {
  if (!patch.is_array()) return fail(Code::kBadRequest, "a JSON patch must be a list of operations");
  constexpr size_t kMaxOperations = 10'000;
  if (patch.get_array().size() > kMaxOperations)
    return fail(Code::kTooLarge, concat("The allowed maximum operations in a JSON patch is ", kMaxOperations, ", got ", patch.get_array().size()));
  auto next = json::apply_patch(doc, patch);
  if (next || next.error().code != Code::kInvalid) return next;
  return fail(Error{Code::kInvalid, concat("the server rejected our request due to an error in our request: ", next.error().message),
                    {{"UnexpectedServerResponse", next.error().message, ""}}, {}, false});
}

/// In the words of the generic registry, which names the resource where others name the kind.
Error version_required(const ServedResource& served, std::string_view name) {
  constexpr const char* kWrong = "Invalid value: 0x0: must be specified for an update";
  return {Code::kInvalid, concat(quoted(served, name), " is invalid: metadata.resourceVersion: ", kWrong),
          {{"FieldValueInvalid", kWrong, "metadata.resourceVersion"}}, {}, false};
}

/// Whether two objects have the same members but for `except`, which `judge` compares where both have it.
template <class Judge>
bool equal_but(const json::value& a, const json::value& b, std::string_view except, Judge&& judge) {
  const json::object *left = a.if_object(), *right = b.if_object();
  if (!left || !right || left->size() != right->size()) return false;
  for (const auto& [name, value] : *left) {
    const json::value* other = right->if_contains(name);
    if (!other || !(std::string_view(name) == except ? judge(value, *other) : value == *other)) return false;
  }
  return true;
}

/// Equal but for the times of managedFields: nothing that a write should be made for.
bool same_but_field_times(const json::value& a, const json::value& b) {
  auto entries = [](const json::value& left, const json::value& right) {
    const json::array *x = left.if_array(), *y = right.if_array();
    if (!x || !y || x->size() != y->size()) return false;
    return std::equal(x->begin(), x->end(), y->begin(), [](const json::value& one, const json::value& two) {
      return equal_but(one, two, "time", [](const json::value&, const json::value&) { return true; });
    });
  };
  auto metadata = [&](const json::value& left, const json::value& right) { return equal_but(left, right, "managedFields", entries); };
  return equal_but(a, b, "metadata", metadata);
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
  std::vector<Cause> wrong = served.info.custom ? kube::validate_custom(doc, old.empty() ? nullptr : &old.doc(), *served.schema)
                                                : kube::validate(doc, *served.schema);
  // Built-in kinds ratchet too: what was wrong already and stays as it is does not stand in the way of a change elsewhere.
  if (!served.info.custom && !old.empty() && !wrong.empty()) {
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
  kube::canonicalize(body, *served.schema);
  SERIN_TRY(complete(target, body, {}, options, step.warnings));
  if (applied.is_array() && !applied.get_array().empty())
    json::set(body, {"metadata", "managedFields"}, std::move(applied));
  else
    kube::track_update(json::value(), body, manager(target, options, options_.clock->now()), *served.schema);
  if (options_.default_accounts && is_resource(served, "", "namespaces")) {
    ServedPtr accounts = target.cluster->catalog()->find("", "v1", "serviceaccounts");
    Operation account = make_default_account(*accounts, target.cluster->name(), std::string(json::get_string(body, "metadata", "name")),
                                             *options_.random, options_.clock->now());
    // One may be left of a namespace that was forced away.
    if (!store_.get(account.collection, account.name)) step.also.push_back(std::move(account));
  }
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
  if (version.empty() && !applied && !updates_unconditionally(served)) return fail(version_required(served, name));
  if (!version.empty() && kube::ResourceVersion::parse(version) != current.version())
    return fail(Code::kConflict,
                concat("Operation cannot be fulfilled on ", quoted(served, name),
                       ": the object has been modified; please apply your changes to the latest version and try again"));
  std::string_view uid = json::get_string(next, "metadata", "uid");
  if (!uid.empty() && uid != current.uid())
    return fail(Code::kConflict, concat("Operation cannot be fulfilled on ", quoted(served, name),
                                        ": Precondition failed: UID in precondition: ", uid,
                                        ", UID in object meta: ", current.uid()));
  kube::canonicalize(next, *served.schema);
  if (target.subresource.empty())
    if (auto wrong = validate_kept_metadata(next, current); !wrong.empty()) return fail(invalid(served, name, std::move(wrong)));
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
  if (same_but_field_times(step.doc, current.doc())) {
    step.doc = current.doc();
    return step;
  }
  step.before_visible = crd_hook(target, step.doc);
  step.kind = Step::Kind::kPut;
  return step;
}

Result<json::value> Rest::patched(const Target& target, const json::value& doc, const client::Patch& patch) const {
  switch (patch.type) {
    case client::Patch::Type::kJson:
      return apply_json_patch(doc, patch.body);
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

Result<Step> Rest::plan_apply(const Target& target, const kube::Object& current, json::value config,
                              const client::WriteOptions& options) const {
  const ServedResource& served = *target.resource;
  if (options.field_manager.empty())
    return fail(Error{Code::kInvalid, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
                      {{"FieldValueRequired", "Required value: is required for apply patch", "fieldManager"}}, {}, false});
  if (current.empty() && !target.subresource.empty()) return fail(not_found(served, target.name.name));
  if (current.empty() && target.create_refused) return fail(*target.create_refused);
  if (target.subresource == "scale") return plan_apply_scale(target, current, std::move(config), options);
  SERIN_TRY(check_type(target, config));
  if (!json::get_string(config, "metadata", "name").empty() &&
      json::get_string(config, "metadata", "name") != target.name.name)
    return fail(Code::kBadRequest, "the name of the object does not match the name on the URL");
  json::set(config, {"metadata", "name"}, json::value(target.name.name));
  SERIN_TRY(check_place(target, config));
  if (const json::value* fields = json::find(config, "metadata", "managedFields"); fields && !fields->is_null())
    return fail(Code::kBadRequest, "metadata.managedFields must be nil");
  std::string precondition(json::get_string(config, "metadata", "resourceVersion"));
  json::erase(config, {"metadata", "resourceVersion"});
  std::string uid(json::get_string(config, "metadata", "uid"));
  if (!uid.empty() && current.empty())
    return fail(Code::kConflict, concat("Operation cannot be fulfilled on ", quoted(served, target.name.name),
                                        ": uid mismatch: the provided object specified uid ", uid, ", and no existing object was found"));
  // What this door does not write is not owned through it either.
  if (target.subresource == "status") {
    json::object only{{"apiVersion", target.api_version()}, {"kind", target.kind()},
                      {"metadata", json::object{{"name", target.name.name}}}};
    if (!target.name.ns.empty()) only["metadata"].get_object()["namespace"] = target.name.ns;
    if (const json::value* status = json::find(config, "status")) only["status"] = *status;
    config = std::move(only);
  } else if (target.subresource.empty() && served.info.status_subresource) {
    json::erase(config, {"status"});
  }
  std::vector<std::string> unknown, warnings;
  kube::prune(config, *served.schema, &unknown);
  SERIN_TRY(judge_unknown(target, unknown, options, warnings));
  json::value live = current.empty() ? json::value() : current.doc();
  json::value next = SERIN_TRY(kube::server_side_apply(
      live, config, manager(target, options, options_.clock->now()), options.force, *served.schema));
  if (!precondition.empty()) json::set(next, {"metadata", "resourceVersion"}, json::value(precondition));
  if (!uid.empty()) json::set(next, {"metadata", "uid"}, json::value(uid));
  Step step = current.empty() ? SERIN_TRY(plan_create(target, std::move(next), options))
                              : SERIN_TRY(plan_update(target, current, std::move(next), options, true));
  step.warnings.insert(step.warnings.begin(), warnings.begin(), warnings.end());
  return step;
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
  return plan_apply(target, current, patch.body, options);
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
  auto created = std::make_shared<bool>(false);
  auto plan = [this, target, body = std::move(body), options, created](const kube::Object& current) -> Result<Step> {
    if (current.empty() && target.subresource.empty() && creates_on_update(*target.resource)) {
      *created = true;
      if (json::get_string(body, "metadata", "name") != target.name.name)
        return fail(Code::kBadRequest, concat("the name of the object (", json::get_string(body, "metadata", "name"),
                                              ") does not match the name on the URL (", target.name.name, ")"));
      return plan_create(target, body, options);
    }
    if (current.empty()) return fail(not_found(*target.resource, target.name.name));
    *created = false;
    if (target.subresource == "scale")
      return plan_update(target, current, SERIN_TRY(scaled(target, current, body)), options, false);
    return plan_update(target, current, body, options, false);
  };
  run(target, std::move(plan), dry_run, [done = std::move(done), created](Result<Outcome> outcome) {
    if (outcome) outcome->created = *created;
    done(std::move(outcome));
  });
}

void Rest::bind(Target target, json::value binding, client::WriteOptions options, Done done) {
  bool dry_run = options.dry_run;
  target.subresource = "binding";
  auto plan = [this, target, binding = std::move(binding), options](const kube::Object& current) -> Result<Step> {
    if (current.empty()) return fail(not_found(*target.resource, target.name.name));
    return plan_update(target, current, SERIN_TRY(bound_pod(current, binding, options_.clock->now())), options, false);
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
