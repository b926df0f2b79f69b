// The scale subresource: autoscaling/v1 Scale made from a parent, and written back into it.

#include "apiserver/rest/rest.h"
#include "base/strings.h"
#include "kube/scale_fields.h"
#include "kube/schema.h"
#include "kube/selector.h"

namespace serin::apiserver {
namespace {

/// The members of a path such as ".spec.replicas".
std::vector<std::string> members(std::string_view path) {
  std::vector<std::string> names;
  if (path.starts_with('.')) path.remove_prefix(1);
  for (std::string_view name : split(path, '.')) names.emplace_back(name);
  return names;
}

const json::value* at(const json::value& doc, std::string_view path) {
  const json::value* v = &doc;
  for (const std::string& name : members(path)) {
    const json::object* object = v->if_object();
    v = object ? object->if_contains(name) : nullptr;
    if (!v) return nullptr;
  }
  return v;
}

}  // namespace

Result<kube::Object> Rest::scale_of(const Target& target, const kube::Object& parent) const {
  const auto& paths = target.resource->info.scale;
  if (!paths) return fail(Code::kNotFound, "the server could not find the requested resource");
  json::object metadata;
  for (auto member : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (const json::value* v = json::find(parent.doc(), "metadata", member)) metadata[member] = *v;
  int64_t replicas = json::as_int(at(parent.doc(), paths->spec_replicas)).value_or(0);
  json::object status{{"replicas", json::as_int(at(parent.doc(), paths->status_replicas)).value_or(0)}};
  if (!paths->selector.empty()) {
    const json::value* selector = at(parent.doc(), paths->selector);
    if (selector && selector->is_string()) {
      status["selector"] = selector->get_string();
    } else if (selector && selector->is_object()) {
      // A ReplicationController's selector is a plain map.
      bool plain = !selector->get_object().contains("matchLabels") && !selector->get_object().contains("matchExpressions");
      auto parsed = plain ? Result<kube::LabelSelector>(kube::LabelSelector::from_map(selector))
                          : kube::LabelSelector::from_object(selector);
      if (parsed) status["selector"] = parsed->str();
    }
  }
  json::object spec;
  if (replicas != 0) spec["replicas"] = replicas;
  return kube::Object(json::object{{"apiVersion", "autoscaling/v1"}, {"kind", "Scale"}, {"metadata", metadata},
                                   {"spec", spec}, {"status", status}});
}

Result<json::value> Rest::scaled(const Target& target, const kube::Object& parent, const json::value& scale) const {
  std::string_view kind = json::get_string(scale, "kind");
  if (!kind.empty() && kind != "Scale") return fail(Code::kBadRequest, "the body of a scale request must be a Scale");
  const json::value* wanted = json::find(scale, "spec", "replicas");
  int64_t replicas = 0;
  if (wanted) {
    auto number = json::as_int(wanted);
    if (!number || *number < 0 || *number > INT32_MAX)
      return fail(Error{Code::kInvalid,
                        concat("Scale.autoscaling \"", target.name.name, "\" is invalid: spec.replicas: Invalid value: ",
                               json::dump(*wanted), ": must be greater than or equal to 0"),
                        {{"FieldValueInvalid", concat("Invalid value: ", json::dump(*wanted), ": must be greater than or equal to 0"),
                          "spec.replicas"}}});
    replicas = *number;
  }
  json::value next = parent.doc();
  std::string version(json::get_string(scale, "metadata", "resourceVersion"));
  if (!version.empty()) json::set(next, {"metadata", "resourceVersion"}, json::value(version));
  json::value* place = &next;
  for (const std::string& name : members(target.resource->info.scale->spec_replicas)) {
    if (!place->is_object()) *place = json::object();
    place = &place->get_object()[name];
  }
  *place = replicas;
  return next;
}

Result<Step> Rest::plan_apply_scale(const Target& target, const kube::Object& parent, json::value config,
                                    const client::WriteOptions& options) const {
  static const kube::SchemaPtr kSchema = kube::builtin_type("autoscaling/v1.Scale");
  if (json::get_string(config, "apiVersion") != "autoscaling/v1" || json::get_string(config, "kind") != "Scale")
    return fail(Code::kBadRequest, "the body of a scale request must be an autoscaling/v1 Scale");
  std::vector<std::string> path = members(target.resource->info.scale->spec_replicas);
  std::string precondition(json::get_string(config, "metadata", "resourceVersion"));
  json::erase(config, {"metadata", "resourceVersion"});
  json::value live = SERIN_TRY(scale_of(target, parent)).doc();
  kube::add_scale_managed_fields(live, parent.doc(), path);
  kube::Manager manager{options.field_manager, "autoscaling/v1", target.subresource, options_.clock->now()};
  json::value applied = SERIN_TRY(kube::server_side_apply(live, config, manager, options.force, *kSchema));
  if (!precondition.empty()) json::set(applied, {"metadata", "resourceVersion"}, json::value(precondition));
  json::value next = SERIN_TRY(scaled(target, parent, applied));
  kube::take_scale_managed_fields(next, applied, path);
  return plan_update(target, parent, std::move(next), options, true);
}

}  // namespace serin::apiserver
