#include "kube/canonical.h"

#include <algorithm>

#include "base/time.h"
#include "kube/quantity.h"

namespace serin::kube {
namespace {

/// Lists without `omitempty` that are not required: clients read them even when there is nothing in them.
bool written_when_empty(const Schema& type, std::string_view member) {
  struct Kept {
    std::string_view type, member;
  };
  for (const Kept& kept : {Kept{"rbac/v1.Role", "rules"}, Kept{"rbac/v1.ClusterRole", "rules"},
                           Kept{"discovery/v1.EndpointSlice", "endpoints"}, Kept{"discovery/v1.EndpointSlice", "ports"},
                           Kept{"autoscaling/v2.HorizontalPodAutoscalerStatus", "currentMetrics"},
                           Kept{"apiextensions/v1.CustomResourceDefinitionStatus", "conditions"},
                           Kept{"apiextensions/v1.CustomResourceDefinitionStatus", "storedVersions"}})
    if (type.name == kept.type && member == kept.member) return true;
  return false;
}

bool is_zero(const json::value& v, const Schema& schema) {
  switch (schema.type) {
    case SchemaType::kArray: return v.is_array() && v.get_array().empty();
    case SchemaType::kObject: return schema.values && schema.fields.empty() && v.is_object() && v.get_object().empty();
    case SchemaType::kString: return schema.format != "quantity" && v.is_string() && v.get_string().empty();
    case SchemaType::kBoolean: return v.is_bool() && !v.get_bool();
    case SchemaType::kInteger:
    case SchemaType::kNumber: return v.is_number() && v.to_number<double>() == 0;
    default: return false;
  }
}

/// Whether Go's encoder would leave the member out, or its defaulting take it for missing.
bool is_omitted(const json::value& v, const Field& field, const Schema& type) {
  const Schema& schema = *field.schema;
  if (field.pointer || !is_zero(v, schema) || (!schema.default_value.is_null() && schema.default_value == v)) return false;
  return std::find(type.required.begin(), type.required.end(), field.name) == type.required.end() &&
         !written_when_empty(type, field.name);
}

/// What a null stands for where Go holds the element by value.
json::value zero_of(const Schema& schema) {
  switch (schema.type) {
    case SchemaType::kArray: return json::array();
    case SchemaType::kObject: return json::object();
    case SchemaType::kString: return schema.format == "quantity" ? "0" : "";
    case SchemaType::kBoolean: return false;
    case SchemaType::kInteger:
    case SchemaType::kNumber: return 0;
    default: return nullptr;
  }
}

void canonical_scalar(json::value& v, const Schema& schema) {
  if (schema.format == "quantity") {
    if (v.is_string() || v.is_number())
      if (auto quantity = Quantity::from_json(v)) v = quantity->str();
  } else if (v.is_string() && schema.format == "date-time") {
    if (auto time = parse_time(v.get_string())) v = format_time(*time);
  } else if (v.is_string() && schema.format == "micro-time") {
    if (auto time = parse_time(v.get_string())) v = format_micro_time(*time);
  }
}

bool has_forms(const Schema& schema) {
  return schema.format == "quantity" || schema.format == "date-time" || schema.format == "micro-time";
}

void canonical_typed(json::value& v, const Schema& schema) {
  if (json::object* members = v.if_object()) {
    if (schema.fields.empty() && !schema.values) return;
    for (auto at = members->begin(); at != members->end();) {
      const Field* field = schema.field(at->key());
      if (field && is_omitted(at->value(), *field, schema)) {
        at = members->stable_erase(at);
        continue;
      }
      const Schema* inner = field ? field->schema.get() : schema.values.get();
      if (!field && inner && at->value().is_null()) at->value() = zero_of(*inner);
      if (inner && (at->value().is_structured() || has_forms(*inner))) canonical_typed(at->value(), *inner);
      ++at;
    }
  } else if (json::array* list = v.if_array()) {
    if (schema.items && (has_forms(*schema.items) || schema.items->type == SchemaType::kObject))
      for (json::value& item : *list) canonical_typed(item, *schema.items);
  } else {
    canonical_scalar(v, schema);
  }
}

}  // namespace

void canonicalize(json::value& object, const Schema& schema) {
  if (!schema.name.empty()) return canonical_typed(object, schema);
  json::value* metadata = json::find(object, "metadata");
  const Field* field = schema.field("metadata");
  if (metadata && field && !field->schema->name.empty()) canonical_typed(*metadata, *field->schema);
}

}  // namespace serin::kube
