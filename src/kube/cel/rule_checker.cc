#include "base/strings.h"
#include "kube/cel/evaluator.h"
#include "kube/cel/rules.h"
#include "kube/list_correlation.h"
#include "kube/schema_path.h"

namespace serin::kube::cel {
namespace {

constexpr size_t kMaxMessageBytes = 5 * 1024;
constexpr std::string_view kOutOfBudget = "validation failed due to running out of cost budget, no further validation rules will be run";

class RuleChecker {
 public:
  explicit RuleChecker(std::string_view at) : path_(at) {}

  std::vector<Cause> causes;

  /// `old` is the same value before the update; null where there was none or it cannot be told which it was. `same`: it,
  /// or something around it, is unchanged.
  void check(const RuleNode& node, const json::value& v, const json::value* old, bool same) {
    if (v.is_null() || budget_ < 0) return;
    same = same || (old && *old == v);
    if (!node.rules.empty()) evaluate_rules(node, v, old, same);
    if (budget_ < 0) return;
    if (const json::array* list = v.if_array(); list && node.items) check_items(node, *list, old, same);
    if (const json::object* members = v.if_object()) check_members(node, *members, old, same);
  }

 private:
  void add(std::string_view reason, std::string message, std::string_view below = {}) {
    std::string field = path_.str();
    if (!below.empty())
      field = field.empty() ? std::string(below) : below.starts_with('[') ? concat(field, below) : concat(field, '.', below);
    causes.push_back({std::string(reason), std::move(message), field.empty() ? "<nil>" : std::move(field)});
  }
  void invalid(const RuleNode& node, std::string_view why) {
    add("FieldValueInvalid", concat("Invalid value: \"", node.type, "\": ", why));
  }

  void check_items(const RuleNode& node, const json::array& list, const json::value* old, bool same) {
    ListCorrelation before(*node.schema, old);
    for (size_t i = 0; i < list.size() && budget_ >= 0; ++i) {
      auto scope = path_.index(i);
      check(*node.items, list[i], before.find(list[i]), same);
    }
  }

  void check_members(const RuleNode& node, const json::object& members, const json::value* old, bool same) {
    const json::object* before = old ? old->if_object() : nullptr;
    for (const auto& [name, member] : members) {
      if (budget_ < 0) return;
      const json::value* was = before ? before->if_contains(name) : nullptr;
      if (auto property = node.properties.find(std::string_view(name)); property != node.properties.end()) {
        auto scope = path_.member(name);
        check(*property->second, member, was, same);
      } else if (node.values && !node.schema->field(name)) {
        auto scope = path_.key(name);
        check(*node.values, member, was, same);
      }
    }
  }

  static Value wrap(const RuleNode& node, const json::value& v) {
    return node.resource ? from_resource(v, *node.schema) : from_json(v, node.schema);
  }

  void evaluate_rules(const RuleNode& node, const json::value& v, const json::value* old, bool same) {
    if (budget_ <= 0) {
      invalid(node, kOutOfBudget);
      budget_ = -1;
      return;
    }
    if (old && old->is_null()) old = nullptr;
    Value self = wrap(node, v), old_self = old ? wrap(node, *old) : Value::null();
    for (const CompiledRule& rule : node.rules) {
      if (!rule.error.empty()) {
        invalid(node, concat("rule compile error: ", rule.error));
        continue;
      }
      if (rule.uses_old ? !old && !rule.optional_old : same) continue;
      Value before = old_self;
      if (rule.optional_old) before = old ? Value::optional_of(old_self) : Value::optional_none();
      evaluate_rule(node, rule, {self, before});
      if (budget_ < 0) return;
    }
  }

  void evaluate_rule(const RuleNode& node, const CompiledRule& rule, const std::vector<Value>& variables) {
    std::string_view shown = rule.message.empty() ? rule.rule : rule.message;
    Evaluated result = evaluate(rule.program, variables);
    if (result.cost > static_cast<uint64_t>(budget_) && !result.over_limit) {
      invalid(node, kOutOfBudget);
      budget_ = -1;
      return;
    }
    if (result.over_limit) {
      invalid(node, concat("'", result.value.text(),
                           "': no further validation rules will be run due to call cost exceeds limit for rule: ", shown));
      budget_ = -1;
      return;
    }
    budget_ -= static_cast<int64_t>(result.cost);
    if (result.value.is_true()) return;
    if (result.value.is_error()) {
      std::string_view error = result.value.text();
      invalid(node, error.starts_with("no such overload")
                        ? concat("'", error,
                                 "': call arguments did not match a supported operator, function or macro signature for rule: ", shown)
                        : concat(error, " evaluating rule: ", shown));
      return;
    }
    std::string message = rule.message.empty() ? concat("failed rule: ", rule.rule) : rule.message;
    if (rule.message_program && !evaluate_message(node, rule, variables, message)) return;
    broken(node, rule, message);
  }

  /// Replaces `message` by what the expression says, where that is a message; false where the budget is gone.
  bool evaluate_message(const RuleNode& node, const CompiledRule& rule, const std::vector<Value>& variables, std::string& message) {
    Evaluated result = evaluate(*rule.message_program, variables);
    if (result.over_limit || result.cost > static_cast<uint64_t>(budget_)) {
      invalid(node, result.over_limit
                        ? "no further validation rules will be run due to call cost exceeds limit for messageExpression"
                        : "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run");
      budget_ = -1;
      return false;
    }
    budget_ -= static_cast<int64_t>(result.cost);
    if (!result.value.is(Value::Kind::kString)) return true;
    std::string_view text = trim(result.value.text());
    if (!text.empty() && text.size() <= kMaxMessageBytes && text.find('\n') == std::string_view::npos) message = text;
    return true;
  }

  void broken(const RuleNode& node, const CompiledRule& rule, std::string_view message) {
    if (rule.reason == "FieldValueForbidden") add(rule.reason, concat("Forbidden: ", message), rule.field_path);
    else if (rule.reason == "FieldValueRequired") add(rule.reason, concat("Required value: ", message), rule.field_path);
    else if (rule.reason == "FieldValueDuplicate") add(rule.reason, concat("Duplicate value: \"", node.type, '"'), rule.field_path);
    else add("FieldValueInvalid", concat("Invalid value: \"", node.type, "\": ", message), rule.field_path);
  }

  FieldPath path_;
  int64_t budget_ = kObjectCostBudget;
};

}  // namespace

std::vector<Cause> check_rules(const json::value& object, const json::value* old, const RuleNode& rules, std::string_view at) {
  RuleChecker checker(at);
  checker.check(rules, object, old, false);
  return std::move(checker.causes);
}

}  // namespace serin::kube::cel
