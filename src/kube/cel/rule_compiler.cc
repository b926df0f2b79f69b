#include <algorithm>
#include <array>
#include <cstdio>

#include "base/strings.h"
#include "kube/cel/cost.h"
#include "kube/cel/declared.h"
#include "kube/cel/field_path.h"
#include "kube/cel/rules.h"
#include "kube/schema_path.h"

namespace serin::kube::cel {
namespace {

constexpr std::string_view kValidations = "x-kubernetes-validations";

bool has_line_break(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

std::string too_dear(std::string_view what, uint64_t cost, uint64_t limit) {
  double factor = static_cast<double>(cost) / static_cast<double>(limit);
  char shown[64];
  if (factor > 100) std::snprintf(shown, sizeof(shown), "more than 100x");
  else std::snprintf(shown, sizeof(shown), factor < 1.5 ? "%fx" : "%.1fx", factor);
  return concat(
      what, " exceeds budget by factor of ", shown,
      " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)");
}

uint64_t times(uint64_t cost, uint64_t count) {
  if (cost == 0) return 0;
  return kUnbounded / cost < count ? kUnbounded : cost * count;
}

/// Walks a schema beside its JSON.
class Compiler {
 public:
  Compiler(const Schema& root, const RuleChecks& checks, std::vector<Cause>& causes)
      : declarations_(root), checks_(checks), causes_(causes), path_("openAPIV3Schema") {}

  /// Where an element of the schema stands: how many values of it there may be, and which list or map above it (if any)
  /// gives them no identity from one version of the object to the next.
  struct Place {
    std::optional<uint64_t> count = 1;
    std::string uncorrelated;
    bool resource = false;
  };

  RuleNodePtr node(const json::value& in, const Schema& schema, const Place& place) {
    auto made = std::make_shared<RuleNode>();
    made->schema = &schema;
    made->resource = place.resource || schema.embedded_resource;
    made->type = json::get_string(in, "type");
    bool empty = true;
    if (const json::object* fields = json::find_object(in, "properties")) {
      auto scope = path_.member("properties");
      for (const auto& [name, inner] : *fields) {
        const Field* field = schema.field(name);
        if (!field || (place.resource && name == "metadata")) continue;
        auto key = path_.key(name);
        if (RuleNodePtr below = node(inner, *field->schema, {place.count, place.uncorrelated, false})) {
          made->properties[std::string(name)] = std::move(below);
          empty = false;
        }
      }
    }
    if (const json::value* values = json::find(in, "additionalProperties"); values && values->is_object() && schema.values) {
      auto count = product(place.count, json::as_int(json::find(in, "maxProperties")));
      auto scope = path_.member("additionalProperties");
      made->values = node(*values, *schema.values, {count, place.uncorrelated, false});
      empty = empty && !made->values;
    }
    if (const json::value* items = json::find(in, "items"); items && schema.items) {
      auto count = product(place.count, json::as_int(json::find(in, "maxItems")));
      std::string uncorrelated = schema.list_type == ListType::kMap ? place.uncorrelated : path_.str();
      auto scope = path_.member("items");
      made->items = node(*items, *schema.items, {count, uncorrelated, false});
      empty = empty && !made->items;
    }
    const json::array& rules = json::items(in, kValidations);
    for (size_t i = 0; i < rules.size(); ++i) {
      auto scope = path_.member(kValidations);
      auto at = path_.index(i);
      made->rules.push_back(compile_rule(rules[i], schema, place));
    }
    if (empty && rules.empty()) return nullptr;
    if (!schema.default_value.is_null()) check_default(*made);
    return made;
  }

  void check_total() {
    if (total_ <= kSchemaCostLimit) return;
    std::sort(dearest_.begin(), dearest_.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    if (dearest_.size() > 4) dearest_.resize(4);
    for (const auto& [path, cost] : dearest_)
      causes_.push_back({"FieldValueForbidden",
                         "Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema", path});
    causes_.push_back({"FieldValueForbidden",
                       concat("Forbidden: ", too_dear("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema",
                                                      total_, kSchemaCostLimit)),
                       path_.str()});
  }

 private:
  static std::optional<uint64_t> product(std::optional<uint64_t> count, std::optional<int64_t> max) {
    if (!count || !max) return std::nullopt;
    return times(*count, static_cast<uint64_t>(std::max<int64_t>(*max, 0)));
  }

  void add(std::string_view member, std::string_view reason, std::string message) {
    auto scope = path_.member(member);
    causes_.push_back({std::string(reason), std::move(message), path_.str()});
  }
  void invalid(std::string_view member, const json::value& v, std::string_view why) {
    add(member, "FieldValueInvalid", concat("Invalid value: ", json::dump(v), ": ", why));
  }

  /// A default that breaks the rules of its place would make every object that needs it a bad one.
  void check_default(const RuleNode& node) {
    if (std::any_of(node.rules.begin(), node.rules.end(), [](const CompiledRule& rule) { return !rule.error.empty(); })) return;
    auto scope = path_.member("default");
    std::vector<Cause> broken = check_rules(node.schema->default_value, nullptr, node, path_.str());
    causes_.insert(causes_.end(), broken.begin(), broken.end());
  }

  /// What can be said of a rule without looking at its expression; false: there is nothing to compile.
  bool well_formed(const json::value& in, const Schema& schema) {
    size_t before = causes_.size();
    std::string_view rule = trim(json::get_string(in, "rule")), message = trim(json::get_string(in, "message"));
    const json::value* raw_message = json::find(in, "message");
    if (rule.empty()) add("rule", "FieldValueRequired", "Required value: rule is not specified");
    else if (raw_message && !json::as_string(raw_message).empty() && message.empty())
      invalid("message", *raw_message, "message must be non-empty if specified");
    else if (has_line_break(message)) invalid("message", *raw_message, "message must not contain line breaks");
    else if (has_line_break(rule) && message.empty())
      add("message", "FieldValueRequired", "Required value: message must be specified if rule contains line breaks");
    const json::value* expression = json::find(in, "messageExpression");
    if (expression && !json::as_string(expression).empty() && trim(json::as_string(expression)).empty())
      add("messageExpression", "FieldValueRequired", "Required value: messageExpression must be non-empty if specified");
    static constexpr std::array<std::string_view, 4> kReasons = {"FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid",
                                                                 "FieldValueRequired"};
    if (const json::value* reason = json::find(in, "reason");
        reason && std::find(kReasons.begin(), kReasons.end(), json::as_string(reason)) == kReasons.end())
      add("reason", "FieldValueNotSupported",
          concat("Unsupported value: ", json::dump(*reason),
                 ": supported values: \"FieldValueDuplicate\", \"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\""));
    if (const json::value* field = json::find(in, "fieldPath"); field && !json::as_string(field).empty()) {
      if (trim(json::as_string(field)).empty()) invalid("fieldPath", *field, "fieldPath must be non-empty if specified");
      if (has_line_break(json::as_string(field))) invalid("fieldPath", *field, "fieldPath must not contain line breaks");
      if (!resolve_field_path(json::as_string(field), schema)) invalid("fieldPath", *field, "fieldPath must be a valid path");
    }
    return causes_.size() == before;
  }

  void charge(std::string_view member, std::string_view what, uint64_t cost) {
    if (checks_.costs && cost > kRuleCostLimit)
      add(member, "FieldValueForbidden", concat("Forbidden: ", too_dear(what, cost, kRuleCostLimit)));
    total_ = cost > kUnbounded - total_ ? kUnbounded : total_ + cost;
    if (cost < kSchemaCostLimit / 100) return;
    auto scope = path_.member(member);
    dearest_.emplace_back(path_.str(), cost);
  }

  CompiledRule compile_rule(const json::value& in, const Schema& schema, const Place& place) {
    CompiledRule out;
    out.rule = trim(json::get_string(in, "rule"));
    out.message = trim(json::get_string(in, "message"));
    out.reason = json::get_string(in, "reason");
    if (out.reason.empty()) out.reason = "FieldValueInvalid";
    out.optional_old = json::get_bool(in, false, "optionalOldSelf");
    if (auto path = resolve_field_path(json::get_string(in, "fieldPath"), schema)) out.field_path = *path;
    size_t before = causes_.size();
    if (well_formed(in, schema)) compile_expressions(in, schema, place, out);
    if (causes_.size() > before) out.error = concat(causes_[before].field, ": ", causes_[before].message);
    return out;
  }

  void compile_expressions(const json::value& in, const Schema& schema, const Place& place, CompiledRule& out) {
    const Declared* declared = declarations_.declare(schema);
    if (!declared) {
      add("rule", "InternalError",
          "Internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema "
          "to CEL declarations");
      return;
    }
    TypePtr old_type = out.optional_old ? optional_type(declared->type) : declared->type;
    std::vector<Variable> variables{{"self", declared->type}, {"oldSelf", old_type}};
    std::map<std::string, SizesPtr, std::less<>> sizes{{"self", declared->sizes}, {"oldSelf", declared->sizes}};
    std::string source(json::get_string(in, "rule"));
    Compiled compiled = compile(source, variables);
    if (!compiled.issues.empty()) {
      invalid("rule", in, concat("compilation failed: ", format_issues(source, compiled.issues)));
      return;
    }
    if (compiled.program.type->kind != Type::Kind::kBool) {
      invalid("rule", in, "cel expression must evaluate to a bool");
      return;
    }
    out.program = std::move(compiled.program);
    out.uses_old = out.program.used.contains("oldSelf");
    uint64_t count = place.count.value_or(static_cast<uint64_t>(kMaxRequestBytes / (declared->min_bytes + 1)));
    charge("rule", "estimated rule cost", times(estimate_cost(out.program, sizes).max, count));
    if (std::string message(json::get_string(in, "messageExpression")); !message.empty())
      compile_message(in, message, variables, sizes, out);
    if (out.uses_old && !place.uncorrelated.empty())
      invalid("rule", *json::find(in, "rule"),
              concat("oldSelf cannot be used on the uncorrelatable portion of the schema within ", place.uncorrelated));
    if (const json::value* optional = json::find(in, "optionalOldSelf"); optional && !out.uses_old)
      invalid("optionalOldSelf", *optional, "may not be set if oldSelf is not used in rule");
  }

  void compile_message(const json::value& in, const std::string& source, const std::vector<Variable>& variables,
                       const std::map<std::string, SizesPtr, std::less<>>& sizes, CompiledRule& out) {
    Compiled compiled = compile(source, variables);
    if (!compiled.issues.empty()) {
      invalid("messageExpression", in, concat("messageExpression compilation failed: ", format_issues(source, compiled.issues)));
      return;
    }
    if (compiled.program.type->kind != Type::Kind::kString) {
      invalid("messageExpression", in, "messageExpression must evaluate to a string");
      return;
    }
    charge("messageExpression", "estimated messageExpression cost", estimate_cost(compiled.program, sizes).max);
    out.message_program = std::move(compiled.program);
  }

  Declarations declarations_;
  RuleChecks checks_;
  std::vector<Cause>& causes_;
  FieldPath path_;
  uint64_t total_ = 0;
  std::vector<std::pair<std::string, uint64_t>> dearest_;
};

/// A cheap look for rules, so that a schema without any costs nothing.
bool mentions_rules(const json::value& in) {
  if (const json::object* members = in.if_object()) {
    for (const auto& [name, member] : *members)
      if (name == kValidations || mentions_rules(member)) return true;
  } else if (const json::array* parts = in.if_array()) {
    for (const json::value& part : *parts)
      if (mentions_rules(part)) return true;
  }
  return false;
}

}  // namespace

RuleNodePtr compile_rules(const json::value& openapi, const Schema& root, const RuleChecks& checks, std::vector<Cause>& causes) {
  if (!mentions_rules(openapi)) return nullptr;
  Compiler compiler(root, checks, causes);
  RuleNodePtr rules = compiler.node(openapi, root, {1, {}, true});
  compiler.check_total();
  return rules;
}

}  // namespace serin::kube::cel
