#include <re2/re2.h>

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "kube/cel/rules.h"
#include "kube/schema.h"
#include "kube/schema_path.h"
#include "kube/schema_structure.h"

namespace serin::kube {
namespace {

constexpr size_t kMaxPatternBytes = 8 << 10;

/// Copies a built-in type without its defaults. Kubernetes defaults built-in kinds only; a custom resource that
/// holds one of their types keeps what its user wrote. The keys of keyed lists keep theirs, as server-side apply
/// tells items apart by them.
class Undefaulted {
 public:
  SchemaPtr copy(const SchemaPtr& of, const std::vector<std::string>* keep = nullptr) {
    if (!of) return nullptr;
    std::shared_ptr<Schema>& schema = done_[of.get()];
    if (schema) return schema;
    schema = std::make_shared<Schema>(*of);
    schema->default_value = nullptr;
    for (Field& field : schema->fields) {
      bool key = keep && std::find(keep->begin(), keep->end(), field.name) != keep->end();
      if (!key) field.schema = copy(field.schema);
    }
    schema->values = copy(schema->values);
    schema->items = copy(schema->items, &schema->list_keys);
    return schema;
  }

 private:
  std::map<const Schema*, std::shared_ptr<Schema>> done_;
};

/// Reads the OpenAPI v3 schema of a CRD; the rules of structural schemas are those of apiextensions/v1.
class Reader {
 public:
  std::vector<Cause> causes;

  SchemaPtr read_root(const json::value& openapi) {
    FieldPath::Scope scope = path_.member("openAPIV3Schema");
    SchemaPtr schema = read(openapi, Place::kRoot);
    if (!schema || schema->type != SchemaType::kObject) {
      add("type", "FieldValueInvalid",
          concat("Invalid value: ", json::dump(json::value(json::get_string(openapi, "type"))),
                 ": must be object at the root"));
      return schema;
    }
    auto root = std::make_shared<Schema>(*schema);
    add_type_meta(*root);
    return root;
  }

 private:
  enum class Place { kRoot, kField, kItem };

  void add(std::string_view member, std::string_view reason, std::string message) {
    auto scope = path_.member(member);
    causes.push_back({std::string(reason), std::move(message), path_.str()});
  }

  /// apiVersion, kind and metadata are known in every object, whatever its schema says of them.
  static void add_type_meta(Schema& schema) {
    static const SchemaPtr kString = [] {
      auto text = std::make_shared<Schema>();
      text->type = SchemaType::kString;
      return text;
    }();
    auto put = [&](std::string_view name, SchemaPtr type) {
      auto at = std::find_if(schema.fields.begin(), schema.fields.end(),
                             [&](const Field& field) { return field.name == name; });
      if (at == schema.fields.end()) schema.fields.push_back({std::string(name), std::move(type), 0, 0});
      else at->schema = std::move(type);
    };
    put("apiVersion", kString);
    put("kind", kString);
    put("metadata", builtin_type("meta/v1.ObjectMeta"));
  }

  SchemaPtr read(const json::value& in, Place place) {
    auto schema = std::make_shared<Schema>();
    if (!in.is_object()) {
      causes.push_back({"FieldValueTypeInvalid", "Invalid value: must be an object", path_.str()});
      return schema;
    }
    if (std::string_view name = json::get_string(in, "x-serin-type"); !name.empty())
      return reference(in, name);
    read_type(in, place, *schema);
    read_values(in, *schema);
    read_extensions(in, *schema);
    for (std::string_view banned : {"$ref", "definitions", "dependencies", "patternProperties",
                                    "additionalItems", "id"})
      if (json::find(in, banned))
        add(banned, "FieldValueForbidden", concat("Forbidden: ", banned, " is not supported"));
    if (json::get_bool(in, false, "uniqueItems"))
      add("uniqueItems", "FieldValueForbidden",
          "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
    if (const json::value* fixed = json::find(in, "default")) check_default(*fixed, *schema);
    return schema;
  }

  SchemaPtr reference(const json::value& in, std::string_view name) {
    SchemaPtr type = builtin_type(name);
    if (!type) {
      add("x-serin-type", "FieldValueInvalid",
          concat("Invalid value: \"", name, "\": there is no such built-in type"));
      return std::make_shared<Schema>();
    }
    auto schema = std::make_shared<Schema>(*Undefaulted().copy(type));
    if (auto text = json::get_string(in, "description"); !text.empty()) schema->description = text;
    if (const json::value* fixed = json::find(in, "default")) schema->default_value = *fixed;
    return schema;
  }

  void read_type(const json::value& in, Place place, Schema& schema) {
    std::string_view type = json::get_string(in, "type");
    schema.preserve_unknown = json::get_bool(in, false, "x-kubernetes-preserve-unknown-fields");
    bool either = json::get_bool(in, false, "x-kubernetes-int-or-string");
    if (either) schema.type = SchemaType::kIntOrString;
    else if (type == "object") schema.type = SchemaType::kObject;
    else if (type == "array") schema.type = SchemaType::kArray;
    else if (type == "string") schema.type = SchemaType::kString;
    else if (type == "integer") schema.type = SchemaType::kInteger;
    else if (type == "number") schema.type = SchemaType::kNumber;
    else if (type == "boolean") schema.type = SchemaType::kBoolean;
    else if (!type.empty())
      add("type", "FieldValueNotSupported",
          concat("Unsupported value: \"", type,
                 "\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", "
                 "\"string\""));
    else if (!schema.preserve_unknown && place != Place::kRoot)
      add("type", "FieldValueRequired",
          concat("Required value: must not be empty for specified ",
                 place == Place::kItem ? "array items" : "object fields"));

    if (const json::object* fields = json::find_object(in, "properties")) {
      auto scope = path_.member("properties");
      for (const auto& [name, inner] : *fields) {
        auto key = path_.key(name);
        schema.fields.push_back({std::string(name), read(inner, Place::kField), 0, 0});
      }
    }
    if (const json::value* rest = json::find(in, "additionalProperties")) {
      if (rest->is_object()) {
        auto scope = path_.member("additionalProperties");
        schema.values = read(*rest, Place::kField);
      } else if (json::as_bool(rest)) {
        schema.preserve_unknown = true;
      }
      if (!schema.fields.empty())
        add("additionalProperties", "FieldValueForbidden",
            "Forbidden: additionalProperties and properties are mutual exclusive");
    }
    if (const json::value* items = json::find(in, "items")) {
      auto scope = path_.member("items");
      if (items->is_array())
        causes.push_back({"FieldValueForbidden",
                          "Forbidden: items must be a schema object and not an array", path_.str()});
      else
        schema.items = read(*items, Place::kItem);
    } else if (schema.type == SchemaType::kArray) {
      add("items", "FieldValueRequired", "Required value: must be specified");
    }
  }

  /// The value validations, which may also stand inside allOf, anyOf, oneOf and not.
  void read_values(const json::value& in, Schema& schema) {
    schema.description = json::get_string(in, "description");
    schema.format = json::get_string(in, "format");
    schema.nullable = json::get_bool(in, false, "nullable");
    if (const json::value* fixed = json::find(in, "default")) schema.default_value = *fixed;
    for (const json::value& name : json::items(in, "required"))
      schema.required.emplace_back(json::as_string(&name));
    for (const json::value& value : json::items(in, "enum")) schema.enumeration.push_back(value);
    auto number = [&](std::string_view name, std::optional<double>& to) {
      if (const json::value* v = json::find(in, name); v && v->is_number()) to = v->to_number<double>();
    };
    auto count = [&](std::string_view name, std::optional<int64_t>& to) {
      to = json::as_int(json::find(in, name));
    };
    number("minimum", schema.minimum);
    number("maximum", schema.maximum);
    number("multipleOf", schema.multiple_of);
    schema.exclusive_minimum = json::get_bool(in, false, "exclusiveMinimum");
    schema.exclusive_maximum = json::get_bool(in, false, "exclusiveMaximum");
    count("minLength", schema.min_length);
    count("maxLength", schema.max_length);
    count("minItems", schema.min_items);
    count("maxItems", schema.max_items);
    count("minProperties", schema.min_properties);
    count("maxProperties", schema.max_properties);
    schema.pattern = json::get_string(in, "pattern");
    if (!schema.pattern.empty()) {
      auto compiled = std::make_shared<re2::RE2>(schema.pattern, re2::RE2::Quiet);
      if (!compiled->ok() || schema.pattern.size() > kMaxPatternBytes)
        add("pattern", "FieldValueInvalid",
            concat("Invalid value: ", json::dump(json::value(schema.pattern)),
                   ": must be a valid regular expression, but isn't: ", compiled->error()));
      schema.compiled_pattern = std::move(compiled);
    }
    read_combinations(in, schema);
  }

  void read_combinations(const json::value& in, Schema& schema) {
    auto each = [&](std::string_view name, std::vector<SchemaPtr>& to) {
      auto scope = path_.member(name);
      const json::array& parts = json::items(in, name);
      for (size_t i = 0; i < parts.size(); ++i) {
        auto at = path_.index(i);
        to.push_back(read_validation(parts[i], schema));
      }
    };
    each("allOf", schema.all_of);
    each("anyOf", schema.any_of);
    each("oneOf", schema.one_of);
    if (const json::value* part = json::find(in, "not")) {
      auto scope = path_.member("not");
      schema.negation = read_validation(*part, schema);
    }
  }

  /// A schema that only validates values: it must not describe structure of its own.
  SchemaPtr read_validation(const json::value& in, const Schema& around) {
    auto schema = std::make_shared<Schema>();
    bool int_or_string = around.type == SchemaType::kIntOrString;
    for (std::string_view banned :
         {"type", "default", "additionalProperties", "nullable", "description", "title"}) {
      if (!json::find(in, banned) || (banned == "type" && int_or_string)) continue;
      add(banned, "FieldValueForbidden", "Forbidden: must be empty to be structural");
    }
    if (int_or_string) {
      if (json::get_string(in, "type") == "integer") schema->type = SchemaType::kInteger;
      if (json::get_string(in, "type") == "string") schema->type = SchemaType::kString;
    }
    read_values(in, *schema);
    if (const json::object* fields = json::find_object(in, "properties")) {
      auto scope = path_.member("properties");
      for (const auto& [name, inner] : *fields) {
        auto key = path_.key(name);
        const Field* outer = around.field(name);
        static const Schema kNothing;
        schema->fields.push_back(
            {std::string(name), read_validation(inner, outer ? *outer->schema : kNothing), 0, 0});
      }
    }
    if (const json::value* items = json::find(in, "items")) {
      auto scope = path_.member("items");
      static const Schema kNothing;
      schema->items = read_validation(*items, around.items ? *around.items : kNothing);
    }
    return schema;
  }

  void read_extensions(const json::value& in, Schema& schema) {
    schema.embedded_resource = json::get_bool(in, false, "x-kubernetes-embedded-resource");
    if (schema.embedded_resource) {
      if (schema.fields.empty() && !schema.preserve_unknown)
        add("properties", "FieldValueRequired",
            "Required value: must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields");
      add_type_meta(schema);
    }
    schema.atomic = json::get_string(in, "x-kubernetes-map-type") == "atomic";
    std::string_view list = json::get_string(in, "x-kubernetes-list-type");
    if (list.empty()) return;
    if (schema.type != SchemaType::kArray)
      add("x-kubernetes-list-type", "FieldValueInvalid",
          "Invalid value: must be array if x-kubernetes-list-type is specified");
    if (list == "set") {
      schema.list_type = ListType::kSet;
    } else if (list == "map") {
      schema.list_type = ListType::kMap;
      for (const json::value& key : json::items(in, "x-kubernetes-list-map-keys"))
        schema.list_keys.emplace_back(json::as_string(&key));
      if (schema.list_keys.empty())
        add("x-kubernetes-list-map-keys", "FieldValueRequired",
            "Required value: must not be empty if x-kubernetes-list-type is map");
      for (const std::string& key : schema.list_keys)
        if (schema.items && schema.items->name.empty() && !schema.items->field(key))
          add("x-kubernetes-list-map-keys", "FieldValueInvalid",
              concat("Invalid value: \"", key, "\": entries must all be names of item properties"));
    } else if (list != "atomic") {
      add("x-kubernetes-list-type", "FieldValueNotSupported",
          concat("Unsupported value: \"", list,
                 "\": supported values: \"atomic\", \"map\", \"set\""));
    }
  }

  void check_default(const json::value& fixed, const Schema& schema) {
    json::value pruned = fixed;
    std::vector<std::string> unknown;
    prune(pruned, schema, &unknown);
    for (const std::string& name : unknown)
      add("default", "FieldValueInvalid",
          concat("Invalid value: ", json::dump(fixed), ": must not have the unknown field ", name));
    apply_defaults(pruned, schema);
    for (const Cause& cause : validate(pruned, schema))
      add(cause.field.empty() ? "default" : concat("default.", cause.field), cause.reason, cause.message);
  }

  FieldPath path_;
};

}  // namespace

Result<SchemaPtr> schema_from_openapi(const json::value& openapi, SchemaUse use) {
  Reader reader;
  SchemaPtr schema = reader.read_root(openapi);
  std::vector<Cause> causes = std::move(reader.causes);
  if (use != SchemaUse::kStored) {
    std::vector<Cause> more = check_structure(openapi);
    causes.insert(causes.end(), more.begin(), more.end());
  }
  if (causes.empty()) {
    std::vector<Cause> wrong_rules;
    auto with_rules = std::make_shared<Schema>(*schema);
    with_rules->rules = cel::compile_rules(openapi, *with_rules, {use == SchemaUse::kNew}, wrong_rules);
    schema = std::move(with_rules);
    if (use != SchemaUse::kStored) causes = std::move(wrong_rules);
  }
  if (causes.empty()) return schema;
  Error error{Code::kInvalid, {}, std::move(causes), {}, false};
  error.message = concat(error.causes[0].field, ": ", error.causes[0].message);
  return fail(std::move(error));
}

}  // namespace serin::kube
