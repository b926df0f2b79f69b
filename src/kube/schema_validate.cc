#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/strings.h"
#include "base/time.h"
#include "kube/cel/rules.h"
#include "kube/list_correlation.h"
#include "kube/quantity.h"
#include "kube/schema.h"
#include "kube/schema_path.h"

namespace serin::kube {
namespace {

std::string_view type_name(const json::value& v) {
  switch (v.kind()) {
    case json::kind::object: return "object";
    case json::kind::array: return "array";
    case json::kind::string: return "string";
    case json::kind::bool_: return "boolean";
    case json::kind::null: return "null";
    case json::kind::double_: return json::as_int(&v) ? "integer" : "number";
    default: return "integer";
  }
}

std::string_view type_name(SchemaType type) {
  switch (type) {
    case SchemaType::kObject: return "object";
    case SchemaType::kArray: return "array";
    case SchemaType::kString: return "string";
    case SchemaType::kInteger: return "integer";
    case SchemaType::kNumber: return "number";
    case SchemaType::kBoolean: return "boolean";
    case SchemaType::kIntOrString: return "integer,string";
    case SchemaType::kAny: break;
  }
  return "any";
}

bool has_type(const json::value& v, const Schema& schema) {
  switch (schema.type) {
    case SchemaType::kAny: return true;
    case SchemaType::kObject: return v.is_object();
    case SchemaType::kArray: return v.is_array();
    case SchemaType::kString:
      return v.is_string() || (schema.format == "quantity" && v.is_number());
    case SchemaType::kInteger: return v.is_uint64() || json::as_int(&v).has_value();
    case SchemaType::kNumber: return v.is_number();
    case SchemaType::kBoolean: return v.is_bool();
    case SchemaType::kIntOrString: return v.is_string() || json::as_int(&v).has_value();
  }
  return false;
}

/// Numbers as Kubernetes prints bounds: 100, not 100.0.
std::string number(double n) {
  if (n == std::floor(n) && std::abs(n) < 1e15) return std::to_string(static_cast<int64_t>(n));
  return json::dump(json::value(n));
}

size_t code_points(std::string_view text) {
  size_t n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

/// As Go's %#v, which Kubernetes shows values of unknown types with.
std::string go_text(const json::value& v) {
  if (v.is_null()) return "interface {}(nil)";
  std::string parts;
  if (const json::array* list = v.if_array()) {
    for (const json::value& element : *list) parts += concat(parts.empty() ? "" : ", ", go_text(element));
    return concat("[]interface {}{", parts, "}");
  }
  if (const json::object* members = v.if_object()) {
    std::map<std::string_view, const json::value*> sorted;
    for (const auto& [name, member] : *members) sorted[name] = &member;
    for (const auto& [name, member] : sorted)
      parts += concat(parts.empty() ? "" : ", ", json::dump(json::value(name)), ":", go_text(*member));
    return concat("map[string]interface {}{", parts, "}");
  }
  return json::dump(v);
}

class Validator {
 public:
  std::vector<Cause> causes;

  /// `old` is the same value before an update; null where there was none, or where it cannot be told which it was.
  void check(const json::value& v, const Schema& schema, bool builtin, const json::value* old = nullptr) {
    builtin |= !schema.name.empty();
    if (old && *old == v) return;
    if (v.is_null() && (schema.nullable || schema.type == SchemaType::kAny)) return;
    if (!has_type(v, schema)) {
      wrong_type(v, type_name(schema.type), builtin);
      if (!builtin && !schema.enumeration.empty() && !listed(v, schema)) not_supported(v, schema);
      return;
    }
    if (!schema.enumeration.empty() && !listed(v, schema)) not_supported(v, schema);
    if (v.is_string()) check_string(v, schema, builtin);
    if (v.is_number()) check_number(v, schema, builtin);
    if (const json::array* list = v.if_array()) check_list(*list, schema, builtin, old);
    if (const json::object* members = v.if_object()) check_object(*members, schema, builtin, old);
    check_combinations(v, schema, builtin);
  }

 private:
  void add(std::string_view reason, std::string message) {
    causes.push_back({std::string(reason), std::move(message), path_.str()});
  }

  /// "Invalid value: -1: must be ..."; custom resources name the field once more, as kube-openapi does.
  void invalid(const json::value& v, bool builtin, std::string_view builtin_text,
               std::string_view custom_text, std::string_view reason = "FieldValueInvalid") {
    std::string shown = v.is_structured() ? std::string("\"") + std::string(type_name(v)) + "\""
                                          : json::dump(v);
    add(reason, builtin ? concat("Invalid value: ", shown, ": ", builtin_text)
                        : concat("Invalid value: ", shown, ": ", path_.str(), " in body ", custom_text));
  }

  void wrong_type(const json::value& v, std::string_view wanted, bool builtin) {
    std::string is = concat("\"", type_name(v), "\"");
    add("FieldValueTypeInvalid",
        builtin ? concat("Invalid value: ", is, ": must be of type ", wanted)
                : concat("Invalid value: ", is, ": ", path_.str(), " in body must be of type ", wanted,
                         ": ", is));
  }

  static bool listed(const json::value& v, const Schema& schema) {
    for (const json::value& allowed : schema.enumeration)
      if (allowed == v) return true;
    return false;
  }

  void not_supported(const json::value& v, const Schema& schema) {
    std::string allowed;
    for (const json::value& value : schema.enumeration)
      allowed += (allowed.empty() ? "" : ", ") + json::dump(value);
    add("FieldValueNotSupported",
        concat("Unsupported value: ", v.is_null() ? "\"null\"" : go_text(v), ": supported values: ", allowed));
  }

  /// Of a custom resource, only the first thing wrong with a text is said.
  void check_string(const json::value& v, const Schema& schema, bool builtin) {
    std::string_view text = json::as_string(&v);
    size_t before = causes.size();
    if (schema.max_length && code_points(text) > static_cast<size_t>(*schema.max_length))
      add("FieldValueTooLong", concat("Too long: may not be more than ", *schema.max_length, " bytes"));
    else if (schema.min_length && code_points(text) < static_cast<size_t>(*schema.min_length)) {
      std::string rule = concat("should be at least ", *schema.min_length, " chars long");
      invalid(v, builtin, rule, rule);
    }
    if (!builtin && causes.size() > before) return;
    if (!schema.pattern.empty()) {
      bool match = schema.compiled_pattern
                       ? re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()),
                                                *schema.compiled_pattern)
                       : re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()),
                                                re2::RE2(schema.pattern, re2::RE2::Quiet));
      std::string rule = concat("should match '", schema.pattern, "'");
      if (!match) invalid(v, builtin, rule, rule);
    }
    check_format(v, text, schema, builtin);
  }

  void check_format(const json::value& v, std::string_view text, const Schema& schema, bool builtin) {
    const std::string& format = schema.format;
    bool good = true;
    if (format == "quantity") {
      if (!Quantity::parse(text))
        invalid(v, true,
                "quantities must match the regular expression "
                "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                "");
      return;
    }
    if (format == "date-time" || format == "micro-time") good = parse_time(text).has_value();
    else if (format == "byte") good = base64_decode(text).has_value();
    else if (format == "duration") good = parse_duration(text).has_value();
    std::string rule = concat("must be of type ", format, ": ", json::dump(v));
    if (!good) invalid(v, builtin, rule, rule, "FieldValueTypeInvalid");
  }

  void check_number(const json::value& v, const Schema& schema, bool builtin) {
    double n = v.to_number<double>();
    auto bound = [&](std::string_view words, double limit) {
      std::string text = concat(words, " ", number(limit));
      invalid(v, builtin, concat("must be ", text), concat("should be ", text));
    };
    if (schema.minimum) {
      if (schema.exclusive_minimum ? n <= *schema.minimum : n < *schema.minimum)
        bound(schema.exclusive_minimum ? "greater than" : "greater than or equal to", *schema.minimum);
    }
    if (schema.maximum) {
      if (schema.exclusive_maximum ? n >= *schema.maximum : n > *schema.maximum)
        bound(schema.exclusive_maximum ? "less than" : "less than or equal to", *schema.maximum);
    }
    if (schema.multiple_of && *schema.multiple_of > 0) {
      double times = n / *schema.multiple_of;
      if (std::abs(times - std::round(times)) > 1e-9) bound("a multiple of", *schema.multiple_of);
    }
    if (schema.format == "int32" && (n < -2147483648.0 || n > 2147483647.0)) {
      std::string rule = concat("must be of type int32: ", json::dump(v));
      invalid(v, builtin, rule, rule, "FieldValueTypeInvalid");
    }
  }

  void check_list(const json::array& list, const Schema& schema, bool builtin, const json::value* old) {
    if (schema.max_items && list.size() > static_cast<size_t>(*schema.max_items))
      add("FieldValueTooMany", concat("Too many: ", list.size(), ": must have at most ",
                                      *schema.max_items, " items"));
    if (schema.min_items && list.size() < static_cast<size_t>(*schema.min_items)) {
      std::string rule = concat("should have at least ", *schema.min_items, " items");
      invalid(json::value(list.size()), builtin, rule, rule);
    }
    if (schema.items) {
      ListCorrelation before(schema, old);
      for (size_t i = 0; i < list.size(); ++i) {
        auto scope = path_.index(i);
        check(list[i], *schema.items, builtin, before.find(list[i]));
      }
    }
    // Built-in lists have rules of their own (builtin_validation.h): two ports may share a number.
    if (!builtin && schema.list_type != ListType::kAtomic && !(old && old->is_array() && has_duplicates(old->get_array(), schema)))
      check_unique(list, schema);
  }

  static bool has_duplicates(const json::array& list, const Schema& schema) {
    Validator inner;
    inner.check_unique(list, schema);
    return !inner.causes.empty();
  }

  /// Of elements that are the same, the second alone is named.
  void check_unique(const json::array& list, const Schema& schema) {
    bool keyed = schema.list_type == ListType::kMap;
    for (size_t i = 0; keyed && i < list.size(); ++i) {
      if (list[i].is_object() || list[i].is_null()) continue;
      auto scope = path_.index(i);
      return add("FieldValueInvalid", concat("Invalid value: ", go_text(list[i]), ": must be an object for an array of list-type map"));
    }
    std::map<std::string, int> seen;
    for (size_t i = 0; i < list.size(); ++i) {
      json::value key = list[i];
      if (keyed) {
        key = json::object();
        for (const std::string& name : schema.list_keys)
          if (const json::value* part = json::find(list[i], name)) key.get_object()[name] = *part;
      }
      if (++seen[json::dump_canonical(key)] != 2) continue;
      auto scope = path_.index(i);
      add("FieldValueDuplicate", concat("Duplicate value: ", go_text(key)));
    }
  }

  void check_object(const json::object& members, const Schema& schema,
                    bool builtin, const json::value* old) {
    for (const std::string& name : schema.required) {
      const json::value* member = members.if_contains(name);
      bool missing = !member || (builtin && (member->is_null() || json::as_string(member, "-").empty() ||
                                             (member->is_array() && member->get_array().empty())));
      if (!missing) continue;
      auto scope = path_.member(name);
      add("FieldValueRequired", "Required value");
    }
    if (schema.max_properties && members.size() > static_cast<size_t>(*schema.max_properties))
      add("FieldValueTooMany", concat("Too many: ", members.size(), ": must have at most ",
                                      *schema.max_properties, " items"));
    if (schema.min_properties && members.size() < static_cast<size_t>(*schema.min_properties)) {
      std::string rule = concat("should have at least ", *schema.min_properties, " properties");
      invalid(json::value(members.size()), builtin, rule, rule);
    }
    if (schema.fields.empty() && !schema.values) return;
    for (const auto& [name, member] : members) {
      if (const Field* field = schema.field(name)) {
        // Where a built-in type demands it, an empty value has been reported as missing.
        bool missing = builtin && member.is_string() && member.get_string().empty() &&
                       std::find(schema.required.begin(), schema.required.end(), std::string_view(name)) !=
                           schema.required.end();
        if (missing || (builtin && member.is_null())) continue;
        auto scope = path_.member(name);
        check(member, *field->schema, builtin, json_member(old, name));
      } else if (schema.values) {
        auto scope = builtin ? path_.key(name) : path_.member(name);
        check(member, *schema.values, builtin, json_member(old, name));
      }
    }
  }

  static const json::value* json_member(const json::value* old, std::string_view name) {
    const json::object* members = old ? old->if_object() : nullptr;
    return members ? members->if_contains(name) : nullptr;
  }

  bool fits(const json::value& v, const Schema& schema, bool builtin) {
    Validator inner;
    inner.path_ = path_;
    inner.check(v, schema, builtin);
    return inner.causes.empty();
  }

  void check_combinations(const json::value& v, const Schema& schema, bool builtin) {
    for (const SchemaPtr& part : schema.all_of) check(v, *part, builtin);
    auto count = [&](const std::vector<SchemaPtr>& parts) {
      size_t n = 0;
      for (const SchemaPtr& part : parts) n += fits(v, *part, builtin);
      return n;
    };
    auto broken = [&](std::string_view rule) {
      add("FieldValueInvalid", concat("Invalid value: ", json::dump(v), ": ",
                                      path_.str().empty() ? "object" : path_.str(), " in body ", rule));
    };
    if (!schema.any_of.empty() && count(schema.any_of) == 0)
      broken("must validate at least one schema (anyOf)");
    if (!schema.one_of.empty() && count(schema.one_of) != 1)
      broken("must validate one and only one schema (oneOf)");
    if (schema.negation && fits(v, *schema.negation, builtin))
      broken("must not validate the schema (not)");
  }

  FieldPath path_;
};

/// Kubernetes does not run rules on what is wrong in one of these ways: they could not make sense of it.
bool hides_rules(const Cause& cause) {
  for (std::string_view reason :
       {"FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"})
    if (cause.reason == reason) return true;
  return false;
}

}  // namespace

std::vector<Cause> validate(const json::value& object, const Schema& schema) {
  Validator validator;
  validator.check(object, schema, false);
  return std::move(validator.causes);
}

std::vector<Cause> validate_custom(const json::value& object, const json::value* old, const Schema& schema) {
  Validator validator;
  validator.check(object, schema, false, old);
  std::vector<Cause> causes = std::move(validator.causes);
  if (!schema.rules) return causes;
  if (std::any_of(causes.begin(), causes.end(), hides_rules)) {
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: \"null\": some validation rules were not checked because the object was invalid; correct the "
                      "existing errors to complete validation",
                      "<nil>"});
    return causes;
  }
  std::vector<Cause> broken = cel::check_rules(object, old, *schema.rules);
  causes.insert(causes.end(), broken.begin(), broken.end());
  return causes;
}

}  // namespace serin::kube
