#include "kube/openapi_v2.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::kube {
namespace {

constexpr std::string_view kQuantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
constexpr std::string_view kIntOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
constexpr std::string_view kV3Prefix = "#/components/schemas/";

std::string reference(std::string_view v3) {
  if (v3.starts_with(kV3Prefix)) v3.remove_prefix(kV3Prefix.size());
  return concat("#/definitions/", v3);
}

/// {allOf: [{$ref}]}, which is how v3 puts a default beside a reference.
std::string_view only_reference(const json::object& schema) {
  const json::value* all = schema.if_contains("allOf");
  if (!all || !all->is_array() || all->get_array().size() != 1 || schema.contains("type") || schema.contains("properties")) return {};
  return json::get_string(all->get_array().front(), "$ref");
}

json::value schema_of(const json::value& v3);

json::object schemas_of(const json::object& v3) {
  json::object out;
  for (const auto& [name, schema] : v3) out[name] = schema_of(schema);
  return out;
}

/// Names of `required` whose property may not be null.
json::array required_of(const json::value& required, const json::object& schema) {
  json::array out;
  const json::value* properties = schema.if_contains("properties");
  for (const json::value& name : required.get_array())
    if (!properties || !json::get_bool(*properties, false, json::as_string(&name), "nullable")) out.push_back(name);
  return out;
}

/// The rules are those of ToStructuralOpenAPIV2 in apiextensions-apiserver.
json::value schema_of(const json::value& v3) {
  const json::object* in = v3.if_object();
  if (!in) return v3;  // additionalProperties: true
  std::string_view alone = only_reference(*in);
  bool nullable = json::get_bool(v3, false, "nullable");
  bool open = json::get_bool(v3, false, "x-kubernetes-preserve-unknown-fields");
  std::string_view type = json::get_string(v3, "type");
  bool no_type = nullable || (open && type == "object") || (type == "array" && (open || !in->contains("items")));
  json::object out;
  for (const auto& [key, value] : *in) {
    std::string_view name = key;
    if (name == "nullable" || name == "oneOf" || name == "anyOf" || name == "not") continue;
    if (name == "allOf") {
      if (!alone.empty()) out["$ref"] = reference(alone);
    } else if (name == "$ref") {
      out[name] = reference(json::as_string(&value));
    } else if (name == "type") {
      if (!no_type) out[name] = value;
    } else if (name == "properties") {
      if (!nullable && !open && value.is_object()) out[name] = schemas_of(value.get_object());
    } else if (name == "items") {
      if (!nullable && !open) out[name] = schema_of(value);
    } else if (name == "additionalProperties") {
      out[name] = schema_of(value);
    } else if (name == "required" && value.is_array()) {
      json::array left = required_of(value, *in);
      if (!left.empty()) out[name] = std::move(left);
    } else {
      out[name] = value;
    }
  }
  return out;
}

json::value definition_of(std::string_view name, const json::value& v3) {
  if (name == kQuantity) return json::object{{"type", "string"}};
  if (name == kIntOrString) return json::object{{"type", "string"}, {"format", "int-or-string"}};
  if (!json::get_bool(v3, false, "x-kubernetes-preserve-unknown-fields")) return schema_of(v3);
  // kubectl would take any member beside listed ones for unknown.
  json::object out{{"type", "object"}};
  if (const json::value* kinds = json::find(v3, "x-kubernetes-group-version-kind")) out["x-kubernetes-group-version-kind"] = *kinds;
  return out;
}

json::array parameters_of(const json::array& v3) {
  json::array out;
  for (const json::value& parameter : v3) {
    json::object one;
    for (const auto& [name, value] : parameter.get_object()) {
      if (name != "schema") one[name] = value;
      else for (const auto& [inner, v] : value.get_object()) one[inner] = v;
    }
    out.push_back(std::move(one));
  }
  return out;
}

/// The media types of a v3 content, and the schema, which is the same for all of them.
json::array media_types(const json::value* content) {
  json::array out;
  if (content)
    for (const auto& [type, about] : content->get_object()) out.push_back(json::value(type));
  return out;
}

const json::value* schema_in(const json::value* content) {
  if (!content || content->get_object().empty()) return nullptr;
  return json::find(content->get_object().begin()->value(), "schema");
}

json::value operation_of(const json::value& v3) {
  json::object out;
  json::array parameters = parameters_of(json::items(v3, "parameters"));
  const json::value* request = json::find(v3, "requestBody", "content");
  const json::value* answer = json::find(v3, "responses", "200", "content");
  if (const json::value* schema = schema_in(request))
    parameters.insert(parameters.begin(), json::object{{"name", "body"}, {"in", "body"}, {"required", true}, {"schema", schema_of(*schema)}});
  json::array consumes = media_types(request), produces = media_types(answer);
  if (!consumes.empty()) out["consumes"] = std::move(consumes);
  if (!produces.empty()) out["produces"] = std::move(produces);
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  json::object ok{{"description", "OK"}};
  if (const json::value* schema = schema_in(answer)) ok["schema"] = schema_of(*schema);
  out["responses"] = json::object{{"200", std::move(ok)}};
  for (const auto& [name, value] : v3.get_object())
    if (name.starts_with("x-") || name == "description" || name == "operationId" || name == "tags") out[name] = value;
  return out;
}

json::value path_of(const json::value& v3) {
  json::object out;
  for (const auto& [name, value] : v3.get_object()) {
    if (name == "parameters") out[name] = parameters_of(value.get_array());
    else if (value.is_object()) out[name] = operation_of(value);
  }
  return out;
}

}  // namespace

void OpenApiV2::add(const json::value& v3) {
  if (const json::object* schemas = json::find_object(v3, "components", "schemas"))
    for (const auto& [name, schema] : *schemas)
      if (!definitions_.contains(name)) definitions_[name] = definition_of(name, schema);
  if (const json::object* paths = json::find_object(v3, "paths"))
    for (const auto& [name, path] : *paths) paths_[name] = path_of(path);
}

json::value OpenApiV2::finish() {
  return json::object{{"swagger", "2.0"},
                      {"info", json::object{{"title", "Kubernetes"}, {"version", "v1.33.0"}}},
                      {"paths", std::move(paths_)},
                      {"definitions", std::move(definitions_)}};
}

}  // namespace serin::kube
