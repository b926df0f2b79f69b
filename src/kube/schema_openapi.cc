#include <set>

#include "base/strings.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

/// The reversed-domain names that Kubernetes gives its types: "core/v1.Pod" is "io.k8s.api.core.v1.Pod".
std::string component_name(std::string_view type) {
  auto parts = cut(type, '/');
  if (!parts) return std::string(type);
  auto [package, rest] = *parts;
  if (package == "meta") return concat("io.k8s.apimachinery.pkg.apis.meta.", rest);
  if (package == "apiextensions") return concat("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.", rest);
  if (package == "apiregistration") return concat("io.k8s.kube-aggregator.pkg.apis.apiregistration.", rest);
  return concat("io.k8s.api.", package, ".", rest);
}

/// "networking.istio.io" and version and kind: "io.istio.networking.v1.VirtualService".
std::string component_name(const ResourceInfo& info) {
  if (info.schema && !info.schema->name.empty()) return component_name(info.schema->name);
  std::string out;
  for (std::string_view part : split(info.resource.group, '.'))
    out = out.empty() ? std::string(part) : concat(part, ".", out);
  return concat(out, ".", info.resource.version, ".", info.resource.kind);
}

/// Values that Kubernetes describes as types of their own; empty for any other. Clients know them by these names.
std::string shared_component(const Schema& schema) {
  if (schema.format == "quantity") return "io.k8s.apimachinery.pkg.api.resource.Quantity";
  if (schema.format == "int-or-string") return "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
  return {};
}

json::value reference(std::string_view component) {
  return json::object{{"$ref", concat("#/components/schemas/", component)}};
}

json::value strings(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& text : list) out.emplace_back(text);
  return out;
}

class Writer {
 public:
  explicit Writer(json::object& schemas) : schemas_(schemas) {}

  /// A schema where it is used: named types by reference, with what stands beside it.
  json::value use(const Schema& schema) {
    std::string name = shared_component(schema);
    if (name.empty() && schema.name.empty()) return body(schema);
    if (name.empty()) name = component_name(schema.name);
    declare(schema, name);
    json::object out;
    bool extras = !schema.default_value.is_null() || schema.retain_keys;
    if (!extras) return reference(name);
    out["allOf"] = json::array{reference(name)};
    if (!schema.default_value.is_null()) out["default"] = schema.default_value;
    if (schema.retain_keys) out["x-kubernetes-patch-strategy"] = "retainKeys";
    return out;
  }

  /// Puts the schema among the components, once. The name is taken first: types may refer to themselves.
  void declare(const Schema& schema, const std::string& name) {
    if (!done_.insert(name).second) return;
    json::value written = body(schema);
    json::object& out = written.get_object();
    out.erase("default");
    out.erase("x-kubernetes-patch-strategy");
    schemas_[name] = std::move(written);
  }

  json::value body(const Schema& schema) {
    json::object out;
    if (!schema.description.empty()) out["description"] = schema.description;
    write_type(schema, out);
    if (schema.type == SchemaType::kObject) write_object(schema, out);
    if (schema.type == SchemaType::kArray) write_array(schema, out);
    write_values(schema, out);
    return out;
  }

 private:
  static void write_type(const Schema& schema, json::object& out) {
    switch (schema.type) {
      case SchemaType::kAny: break;
      case SchemaType::kObject: out["type"] = "object"; break;
      case SchemaType::kArray: out["type"] = "array"; break;
      case SchemaType::kString: out["type"] = "string"; break;
      case SchemaType::kInteger: out["type"] = "integer"; break;
      case SchemaType::kNumber: out["type"] = "number"; break;
      case SchemaType::kBoolean: out["type"] = "boolean"; break;
      case SchemaType::kIntOrString:
        out["x-kubernetes-int-or-string"] = true;
        out["oneOf"] = json::array{json::object{{"type", "integer"}}, json::object{{"type", "string"}}};
        break;
    }
    if (schema.format == "quantity") {
      out.erase("type");
      out["oneOf"] = json::array{json::object{{"type", "string"}}, json::object{{"type", "number"}}};
    } else if (schema.format == "micro-time") {
      out["format"] = "date-time";
    } else if (schema.format == "int32" || schema.format == "int64" || schema.format == "double" ||
               schema.format == "date-time" || schema.format == "byte") {
      out["format"] = schema.format;
    }
    if (schema.nullable) out["nullable"] = true;
    // Of a built-in type every object may be open (RawExtension); a custom one says so.
    if (schema.preserve_unknown && schema.format.empty()) out["x-kubernetes-preserve-unknown-fields"] = true;
    if (schema.embedded_resource) out["x-kubernetes-embedded-resource"] = true;
  }

  void write_object(const Schema& schema, json::object& out) {
    if (!schema.fields.empty()) {
      json::object properties;
      for (const Field& field : schema.fields) properties[field.name] = use(*field.schema);
      out["properties"] = std::move(properties);
    }
    if (schema.values) out["additionalProperties"] = use(*schema.values);
    if (!schema.required.empty()) out["required"] = strings(schema.required);
    if (schema.atomic) out["x-kubernetes-map-type"] = "atomic";
  }

  void write_array(const Schema& schema, json::object& out) {
    out["items"] = schema.items ? use(*schema.items) : json::value(json::object());
    if (schema.list_type == ListType::kMap) {
      out["x-kubernetes-list-type"] = "map";
      out["x-kubernetes-list-map-keys"] = strings(schema.list_keys);
    } else {
      out["x-kubernetes-list-type"] = schema.list_type == ListType::kSet ? "set" : "atomic";
    }
    if (schema.merge) out["x-kubernetes-patch-strategy"] = schema.retain_keys ? "merge,retainKeys" : "merge";
    if (schema.merge && !schema.merge_key.empty()) out["x-kubernetes-patch-merge-key"] = schema.merge_key;
  }

  void write_values(const Schema& schema, json::object& out) {
    if (!schema.default_value.is_null()) out["default"] = schema.default_value;
    if (!schema.enumeration.empty())
      out["enum"] = json::array(schema.enumeration.begin(), schema.enumeration.end());
    if (!schema.pattern.empty()) out["pattern"] = schema.pattern;
    auto put = [&](std::string_view name, const auto& v) {
      if (v) out[name] = *v;
    };
    auto bound = [&](std::string_view name, const std::optional<double>& v) {
      if (!v) return;
      json::value number(*v);
      // Whole numbers without an exponent, as people and other tools write them.
      if (auto whole = json::as_int(&number)) out[name] = *whole;
      else out[name] = *v;
    };
    bound("minimum", schema.minimum);
    bound("maximum", schema.maximum);
    bound("multipleOf", schema.multiple_of);
    if (schema.exclusive_minimum) out["exclusiveMinimum"] = true;
    if (schema.exclusive_maximum) out["exclusiveMaximum"] = true;
    put("minLength", schema.min_length);
    put("maxLength", schema.max_length);
    put("minItems", schema.min_items);
    put("maxItems", schema.max_items);
    put("minProperties", schema.min_properties);
    put("maxProperties", schema.max_properties);
    auto each = [&](std::string_view name, const std::vector<SchemaPtr>& parts) {
      if (parts.empty()) return;
      json::array list;
      for (const SchemaPtr& part : parts) list.push_back(body(*part));
      out[name] = std::move(list);
    };
    each("allOf", schema.all_of);
    each("anyOf", schema.any_of);
    if (!schema.one_of.empty()) each("oneOf", schema.one_of);
    if (schema.negation) out["not"] = body(*schema.negation);
  }

  json::object& schemas_;
  std::set<std::string> done_;
};

json::value gvk_of(const Resource& resource, std::string_view kind) {
  return json::object{{"group", resource.group}, {"version", resource.version}, {"kind", kind}};
}

json::value parameter(std::string_view name, std::string_view in, std::string_view type) {
  return json::object{{"name", name}, {"in", in}, {"schema", json::object{{"type", type}, {"uniqueItems", true}}}};
}

json::array write_parameters(bool patch) {
  json::array out;
  for (std::string_view name : {"dryRun", "fieldManager", "fieldValidation"})
    out.push_back(parameter(name, "query", "string"));
  if (patch) out.push_back(parameter("force", "query", "boolean"));
  return out;
}

class Paths {
 public:
  explicit Paths(json::object& paths) : paths_(paths) {}

  void add(const ResourceInfo& info, const std::string& component) {
    const Resource& resource = info.resource;
    std::string root = resource.group.empty() ? concat("/api/", resource.version)
                                              : concat("/apis/", resource.group, "/", resource.version);
    std::string all = concat(root, resource.namespaced ? "/namespaces/{namespace}/" : "/", resource.plural);
    json::object list = common(resource, false), one = common(resource, true);
    for (const std::string& verb : info.verbs) {
      if (verb == "create") list["post"] = operation(info, "post", component, write_parameters(false));
      if (verb == "list") list["get"] = operation(info, "list", concat(component, "List"), list_parameters());
      if (verb == "deletecollection") list["delete"] = operation(info, "deletecollection", "", list_parameters());
      if (verb == "get") one["get"] = operation(info, "get", component, {});
      if (verb == "update") one["put"] = operation(info, "put", component, write_parameters(false));
      if (verb == "patch") one["patch"] = operation(info, "patch", component, write_parameters(true));
      if (verb == "delete") one["delete"] = operation(info, "delete", "", {});
    }
    paths_[all] = std::move(list);
    if (one.contains("get")) paths_[concat(all, "/{name}")] = one;
    if (info.status_subresource) {
      for (std::string_view verb : {"post", "delete"}) one.erase(verb);
      paths_[concat(all, "/{name}/status")] = std::move(one);
    }
  }

 private:
  static json::object common(const Resource& resource, bool named) {
    json::array parameters;
    auto path = [&](std::string_view name) {
      json::value p = parameter(name, "path", "string");
      p.get_object()["required"] = true;
      parameters.push_back(std::move(p));
    };
    if (named) path("name");
    if (resource.namespaced) path("namespace");
    json::object out;
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    return out;
  }

  static json::array list_parameters() {
    json::array out;
    for (std::string_view name : {"fieldSelector", "labelSelector", "continue", "resourceVersion"})
      out.push_back(parameter(name, "query", "string"));
    out.push_back(parameter("limit", "query", "integer"));
    out.push_back(parameter("watch", "query", "boolean"));
    return out;
  }

  static json::value content(std::initializer_list<std::string_view> types, std::string_view component) {
    json::object out;
    for (std::string_view type : types) out[type] = json::object{{"schema", reference(component)}};
    return json::object{{"content", std::move(out)}};
  }

  static json::value operation(const ResourceInfo& info, std::string_view action, std::string_view component,
                               json::array parameters) {
    json::object out;
    out["x-kubernetes-action"] = action;
    out["x-kubernetes-group-version-kind"] = gvk_of(info.resource, info.resource.kind);
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    if (action == "post" || action == "put") out["requestBody"] = content({"*/*"}, component);
    if (action == "patch") {
      out["requestBody"] =
          content({"application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"},
                  "io.k8s.apimachinery.pkg.apis.meta.v1.Patch");
      if (!info.custom)
        json::set(out["requestBody"], {"content", "application/strategic-merge-patch+json", "schema"},
                  reference("io.k8s.apimachinery.pkg.apis.meta.v1.Patch"));
    }
    json::value answer = component.empty() ? json::value(json::object())
                                           : content({"application/json", "application/yaml"}, component);
    answer.get_object()["description"] = "OK";
    out["responses"] = json::object{{"200", std::move(answer)}};
    return out;
  }

  json::object& paths_;
};

/// The component of a resource's kind, and of its list.
void declare_kind(const ResourceInfo& info, const std::string& component, Writer& writer, json::object& schemas) {
  if (info.schema) {
    writer.declare(*info.schema, component);
  } else {
    schemas[component] = json::object{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  }
  json::object& kind = schemas[component].get_object();
  kind["x-kubernetes-group-version-kind"] = json::array{gvk_of(info.resource, info.resource.kind)};
  SchemaPtr list_meta = builtin_type("meta/v1.ListMeta");
  json::object properties{{"apiVersion", json::object{{"type", "string"}}},
                          {"kind", json::object{{"type", "string"}}},
                          {"metadata", writer.use(*list_meta)},
                          {"items", json::object{{"type", "array"}, {"items", reference(component)}}}};
  schemas[concat(component, "List")] =
      json::object{{"type", "object"},
                   {"required", json::array{"items"}},
                   {"properties", std::move(properties)},
                   {"x-kubernetes-group-version-kind", json::array{gvk_of(info.resource, info.list_kind)}}};
}

}  // namespace

json::value openapi_v3(const GroupVersion& gv, const std::vector<const ResourceInfo*>& resources) {
  json::object schemas, paths;
  Writer writer(schemas);
  Paths path_writer(paths);
  for (const ResourceInfo* info : resources) {
    if (info->resource.group != gv.group || info->resource.version != gv.version) continue;
    std::string component = component_name(*info);
    declare_kind(*info, component, writer, schemas);
    path_writer.add(*info, component);
  }
  schemas["io.k8s.apimachinery.pkg.apis.meta.v1.Patch"] = json::object{{"type", "object"}};
  return json::object{{"openapi", "3.0.0"},
                      {"info", json::object{{"title", "Serin"}, {"version", gv.version}}},
                      {"paths", std::move(paths)},
                      {"components", json::object{{"schemas", std::move(schemas)}}}};
}

}  // namespace serin::kube
