#include "kube/schema.h"

namespace serin::kube {

void apply_defaults(json::value& object, const Schema& schema) {
  if (json::array* list = object.if_array()) {
    if (schema.items)
      for (json::value& item : *list) apply_defaults(item, *schema.items);
    return;
  }
  json::object* members = object.if_object();
  if (!members) return;
  for (const Field& field : schema.fields) {
    json::value* member = members->if_contains(field.name);
    const json::value& otherwise = field.schema->default_value;
    if (!otherwise.is_null() && (!member || (member->is_null() && !field.schema->nullable))) {
      (*members)[field.name] = otherwise;
      member = members->if_contains(field.name);
    }
    if (member && member->is_structured()) apply_defaults(*member, *field.schema);
  }
  if (schema.values)
    for (auto& [name, member] : *members)
      if (!schema.field(name) && member.is_structured()) apply_defaults(member, *schema.values);
}

}  // namespace serin::kube
