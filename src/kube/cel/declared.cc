#include "kube/cel/declared.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/cel/escape.h"

namespace serin::kube::cel {
namespace {

constexpr int kMaxSchemaDepth = 100;
constexpr int64_t kTimeBytes = 32, kDateBytes = 12;

SizesPtr bound(int64_t max) {
  auto sizes = std::make_shared<Sizes>();
  sizes->max = static_cast<uint64_t>(std::max<int64_t>(max, 0));
  return sizes;
}

Declared plain(Type::Kind kind, int64_t max, int64_t min_bytes) { return {type_of(kind), bound(max), min_bytes}; }

Declared text(const Schema& schema) {
  if (schema.format == "byte")
    return plain(Type::Kind::kBytes, schema.max_length.value_or(kMaxRequestBytes - 2), 2);
  if (schema.format == "duration") return plain(Type::Kind::kDuration, kTimeBytes, 3);
  if (schema.format == "date") return plain(Type::Kind::kTimestamp, kDateBytes, kDateBytes);
  if (schema.format == "date-time") return plain(Type::Kind::kTimestamp, kTimeBytes, 21);
  int64_t max = kMaxRequestBytes - 2;
  if (schema.max_length) {
    max = *schema.max_length > kMaxRequestBytes ? *schema.max_length : *schema.max_length * 4;  // a code point takes up to 4 bytes
  } else if (!schema.enumeration.empty()) {
    max = 0;
    for (const json::value& v : schema.enumeration) max = std::max(max, static_cast<int64_t>(json::as_string(&v).size()));
  }
  return plain(Type::Kind::kString, max, 2);
}

}  // namespace

Declarations::Declarations(const Schema& root) { build(root, true, "selfType", 0); }

const Declared* Declarations::find(const Schema* schema) const {
  auto found = all_.find(schema);
  return found == all_.end() ? nullptr : &found->second;
}

const Declared* Declarations::declare(const Schema& schema) {
  if (const Declared* known = find(&schema)) return known;
  return build(schema, schema.embedded_resource, concat("selfType", all_.size()), 0);
}

const Declared* Declarations::build(const Schema& schema, bool resource, const std::string& name, int depth) {
  if (const Declared* known = find(&schema)) return known;
  if (depth > kMaxSchemaDepth || open_[&schema] > 0) return nullptr;
  ++open_[&schema];
  std::optional<Declared> made;
  switch (schema.type) {
    case SchemaType::kIntOrString: made = plain(Type::Kind::kDyn, kMaxRequestBytes - 2, 1); break;
    case SchemaType::kBoolean: made = plain(Type::Kind::kBool, 0, 4); break;
    case SchemaType::kNumber: made = plain(Type::Kind::kDouble, 0, 1); break;
    case SchemaType::kInteger: made = plain(Type::Kind::kInt, 0, 1); break;
    case SchemaType::kString: made = text(schema); break;
    case SchemaType::kAny: break;
    case SchemaType::kArray:
      if (const Declared* items =
              schema.items ? build(*schema.items, schema.items->embedded_resource, name + ".@idx", depth + 1) : nullptr) {
        auto sizes = std::make_shared<Sizes>();
        int64_t fit = (kMaxRequestBytes - 2) / (items->min_bytes + 1);
        sizes->max = static_cast<uint64_t>(std::max<int64_t>(schema.max_items.value_or(fit), 0));
        sizes->element = items->sizes;
        made = Declared{list_type(items->type), std::move(sizes), 2};
      }
      break;
    case SchemaType::kObject:
      if (schema.values && (schema.fields.empty() || !resource)) {
        if (const Declared* values = build(*schema.values, schema.values->embedded_resource, name + ".@elem", depth + 1)) {
          auto sizes = std::make_shared<Sizes>();
          int64_t fit = (kMaxRequestBytes - 2) / (values->min_bytes + 6);
          sizes->max = static_cast<uint64_t>(std::max<int64_t>(schema.max_properties.value_or(fit), 0));
          sizes->element = values->sizes;
          made = Declared{map_type(type_of(Type::Kind::kString), values->type), std::move(sizes), 2};
        }
      } else {
        made = object(schema, resource, name, depth);
      }
      break;
  }
  --open_[&schema];
  if (!made) return nullptr;
  return &(all_[&schema] = *std::move(made));
}

Declared Declarations::object(const Schema& schema, bool resource, const std::string& name, int depth) {
  auto fields = std::make_shared<FieldTypes>();
  auto sizes = std::make_shared<Sizes>();
  sizes->max = 0;
  int64_t min_bytes = 2;
  auto put = [&](std::string_view field, const Declared& of) {
    auto escaped = escape_name(field);
    if (!escaped) return;
    (*fields)[*escaped] = of.type;
    sizes->fields[*escaped] = of.sizes;
  };
  const Declared string = plain(Type::Kind::kString, kMaxRequestBytes - 2, 2);
  for (const Field& field : schema.fields) {
    if (resource && (field.name == "metadata" || field.name == "apiVersion" || field.name == "kind")) continue;
    const Declared* of = build(*field.schema, field.schema->embedded_resource, concat(name, '.', field.name), depth + 1);
    if (!of) continue;
    put(field.name, *of);
    bool required = std::find(schema.required.begin(), schema.required.end(), field.name) != schema.required.end();
    if (required && field.schema->default_value.is_null()) min_bytes += static_cast<int64_t>(field.name.size()) + of->min_bytes + 4;
  }
  if (resource) {
    auto metadata = std::make_shared<FieldTypes>(FieldTypes{{"name", string.type}, {"generateName", string.type}});
    auto bounds = std::make_shared<Sizes>();
    bounds->max = 0;
    bounds->fields = {{"name", string.sizes}, {"generateName", string.sizes}};
    put("metadata", {object_type(name + ".metadata", std::move(metadata)), std::move(bounds), 2});
    put("apiVersion", string);
    put("kind", string);
  }
  return {object_type(name, std::move(fields)), std::move(sizes), min_bytes};
}

}  // namespace serin::kube::cel
