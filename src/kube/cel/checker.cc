#include "kube/cel/checker.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/strings.h"
#include "kube/cel/constants.h"
#include "kube/cel/escape.h"
#include "kube/cel/library.h"
#include "kube/cel/type_mapping.h"

namespace serin::kube::cel {
namespace {

using Kind = Expr::Kind;
using TKind = Type::Kind;

TypePtr dyn() { return type_of(TKind::kDyn); }
TypePtr error_type() { return type_of(TKind::kError); }

/// The type that a type's name denotes, as in type(x) == int.
TypePtr named_type(std::string_view name) {
  for (auto [word, kind] : {std::pair{"bool", TKind::kBool}, {"int", TKind::kInt}, {"uint", TKind::kUint}, {"double", TKind::kDouble},
                            {"string", TKind::kString}, {"bytes", TKind::kBytes}, {"null_type", TKind::kNull},
                            {"google.protobuf.Timestamp", TKind::kTimestamp}, {"google.protobuf.Duration", TKind::kDuration}})
    if (name == word) return type_of(kind);
  if (name == "list") return list_type(dyn());
  if (name == "map") return map_type(dyn(), dyn());
  if (name == "type") return type_type(dyn());
  if (name == "optional_type") return optional_type(dyn());
  return nullptr;
}

/// "a.b.c" of a chain of selects on an identifier.
std::optional<std::string> qualified_name(const Expr& e) {
  if (e.kind == Kind::kIdent) return e.name;
  if (e.kind != Kind::kSelect || e.test_only) return std::nullopt;
  auto target = qualified_name(*e.target);
  return target ? std::optional(concat(*target, '.', e.name)) : std::nullopt;
}

class Checker {
 public:
  explicit Checker(const std::vector<Variable>& variables) : scope_(variables) {}

  void check(Expr& e) {
    if (e.type) return;  // shared by two parents
    switch (e.kind) {
      case Kind::kLiteral: e.type = runtime_type(e.literal); break;
      case Kind::kIdent: check_ident(e); break;
      case Kind::kSelect: check_select(e); break;
      case Kind::kCall: check_call(e); break;
      case Kind::kList: check_list(e); break;
      case Kind::kMap: check_map(e); break;
      case Kind::kStruct:
        undeclared(e, e.name);
        e.type = error_type();
        break;
      case Kind::kComprehension: check_fold(e); break;
    }
  }

  TypeMapping types;
  std::vector<Issue> issues;
  std::set<std::string, std::less<>> used;

 private:
  void report(const Expr& e, std::string message) { issues.push_back({e.offset, std::move(message)}); }
  void undeclared(const Expr& e, std::string_view name) {
    report(e, concat("undeclared reference to '", name, "' (in container '')"));
  }
  void mismatch(const Expr& e, const TypePtr& expected, const TypePtr& actual) {
    report(e, concat("expected type '", types.substitute(expected, false)->str(), "' but found '",
                     types.substitute(actual, false)->str(), "'"));
  }

  /// Makes `e` a variable or a type's name; false where `name` is neither.
  bool resolve(Expr& e, std::string_view name) {
    for (size_t i = scope_.size(); i-- > 0;) {
      if (scope_[i].name != name) continue;
      e.kind = Kind::kIdent;
      e.name = name;
      e.slot = static_cast<int>(i);
      e.type = scope_[i].type;
      used.emplace(name);
      return true;
    }
    TypePtr named = named_type(name);
    if (!named) return false;
    e.kind = Kind::kLiteral;
    e.literal = Value::type(named);
    e.type = type_type(named);
    return true;
  }

  void check_ident(Expr& e) {
    if (resolve(e, e.name)) return;
    undeclared(e, e.name);
    e.type = error_type();
  }

  void check_select(Expr& e) {
    if (auto name = qualified_name(e); name && resolve(e, *name)) {
      e.target = nullptr;
      return;
    }
    TypePtr result = field_type(e, *e.target, e.name, false);
    e.type = types.substitute(e.test_only ? type_of(TKind::kBool) : result, false);
  }

  TypePtr field_type(Expr& e, Expr& operand, std::string_view field, bool optional) {
    check(operand);
    TypePtr target = types.substitute(operand.type, false);
    bool unwrapped = target->kind == TKind::kOptional;
    if (unwrapped) target = target->params[0];
    TypePtr result = error_type();
    switch (target->kind) {
      case TKind::kMap: result = target->params[1]; break;
      case TKind::kObject:
        if (auto found = field_of(*target->fields, field); found != target->fields->end()) result = found->second;
        else report(e, concat("undefined field '", field, "'"));
        break;
      case TKind::kParam:
        types.assignable(dyn(), target);
        result = dyn();
        break;
      default:
        if (!target->is_dyn() && !target->is_error()) report(e, concat("type '", target->str(), "' does not support field selection"));
        result = dyn();
    }
    return unwrapped || optional ? optional_type(result) : result;
  }

  /// A reserved word may be written as it is where a member of that name is meant.
  static FieldTypes::const_iterator field_of(const FieldTypes& fields, std::string_view name) {
    auto found = fields.find(name);
    return found != fields.end() ? found : fields.find(concat("__", name, "__"));
  }

  void check_call(Expr& e) {
    if (e.name == "_?._") {
      TypePtr result = field_type(e, *e.args[0], e.args[1]->literal.text(), true);
      check(*e.args[1]);
      e.type = types.substitute(result, false);
      e.overloads = {&find_function("_?._")->overloads[0]};
      return;
    }
    for (const ExprPtr& arg : e.args) check(*arg);
    if (e.member) {
      // a.b.c() is the function a.b.c, where there is one of that name.
      if (auto prefix = qualified_name(*e.target)) {
        std::string name = concat(*prefix, '.', e.name);
        if (find_function(name)) {
          e.name = name;
          e.member = false;
          e.target = nullptr;
        }
      }
      if (e.member) check(*e.target);
    }
    const Function* function = e.name.starts_with('.') ? nullptr : find_function(e.name);
    if (!function) {
      undeclared(e, e.name);
      e.type = error_type();
      return;
    }
    resolve_overload(e, *function);
  }

  void resolve_overload(Expr& e, const Function& function) {
    if (e.name == "_&&_" || e.name == "_||_") {
      for (const ExprPtr& arg : e.args)
        if (!types.assignable(arg->type, type_of(TKind::kBool))) mismatch(*arg, type_of(TKind::kBool), arg->type);
      e.overloads = {&function.overloads[0]};
      e.type = type_of(TKind::kBool);
      return;
    }
    std::vector<TypePtr> args;
    if (e.member) args.push_back(e.target->type);
    for (const ExprPtr& arg : e.args) args.push_back(arg->type);
    TypePtr result;
    for (const Overload& overload : function.overloads) {
      if (overload.member != e.member || overload.params.size() != args.size()) continue;
      auto [params, returned] = types.instantiate(overload);
      if (!types.assignable_all(args, params)) continue;
      e.overloads.push_back(&overload);
      TypePtr type = types.substitute(returned, false);
      if (!result) result = type;
      else if (!result->is_dyn() && !same_type(*result, *type)) result = dyn();
    }
    if (result) {
      e.type = result;
      return;
    }
    std::string shown;
    for (size_t i = 0; i < args.size(); ++i) {
      if (i > (e.member ? 1u : 0u)) shown += ", ";
      shown += types.substitute(args[i], true)->str();
      if (e.member && i == 0) shown += ".(";
    }
    report(e, concat("found no matching overload for '", e.name, "' applied to '", e.member ? "" : "(", shown, ")'"));
    e.type = error_type();
  }

  /// The type of all elements so far and one more; that literals do not mix types is checked afterwards (constants.h).
  TypePtr joined(const TypePtr& before, const TypePtr& type) {
    if (!before) return type;
    return types.assignable(before, type) ? types.most_general(before, type) : dyn();
  }

  TypePtr unwrapped(const Expr& e, bool optional) {
    TypePtr type = types.substitute(e.type, false);
    if (!optional) return e.type;
    if (type->kind == TKind::kOptional) return type->params[0];
    if (!type->is_dyn()) mismatch(e, optional_type(type), type);
    return type;
  }

  void check_list(Expr& e) {
    TypePtr element;
    for (size_t i = 0; i < e.args.size(); ++i) {
      check(*e.args[i]);
      bool optional = i < e.optional_entries.size() && e.optional_entries[i];
      element = joined(element, unwrapped(*e.args[i], optional));
    }
    e.type = list_type(element ? element : types.fresh());
  }

  void check_map(Expr& e) {
    TypePtr key, value;
    for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
      check(*e.args[i]);
      key = joined(key, e.args[i]->type);
      check(*e.args[i + 1]);
      bool optional = i / 2 < e.optional_entries.size() && e.optional_entries[i / 2];
      value = joined(value, unwrapped(*e.args[i + 1], optional));
    }
    e.type = map_type(key ? key : types.fresh(), value ? value : types.fresh());
  }

  void check_fold(Expr& e) {
    Expr::Fold& fold = *e.fold;
    check(*fold.range);
    check(*fold.init);
    TypePtr range = types.substitute(fold.range->type, false), accu = fold.init->type, first, second;
    switch (range->kind) {
      case TKind::kList:
        first = fold.var2.empty() ? range->params[0] : type_of(TKind::kInt);
        second = range->params[0];
        break;
      case TKind::kMap:
        first = range->params[0];
        second = range->params[1];
        break;
      case TKind::kDyn:
      case TKind::kError:
      case TKind::kParam:
        types.assignable(dyn(), range);
        first = second = dyn();
        break;
      default:
        report(*fold.range,
               concat("expression of type '", range->str(), "' cannot be range of a comprehension (must be list, map, or dynamic)"));
        first = second = error_type();
    }
    scope_.push_back({fold.accu, accu});
    scope_.push_back({fold.var, first});
    if (!fold.var2.empty()) scope_.push_back({fold.var2, second});
    check(*fold.condition);
    if (!types.assignable(type_of(TKind::kBool), fold.condition->type))
      mismatch(*fold.condition, type_of(TKind::kBool), fold.condition->type);
    check(*fold.step);
    if (!types.assignable(accu, fold.step->type)) mismatch(*fold.step, accu, fold.step->type);
    scope_.resize(scope_.size() - (fold.var2.empty() ? 1 : 2));
    check(*fold.result);
    scope_.pop_back();
    e.type = types.substitute(fold.result->type, false);
  }

  std::vector<Variable> scope_;
};

}  // namespace

Compiled compile(std::string_view source, const std::vector<Variable>& variables) {
  Parsed parsed = parse(source);
  Compiled out;
  if (!parsed.expr) {
    out.issues = std::move(parsed.issues);
    return out;
  }
  Checker checker(variables);
  checker.check(*parsed.expr);
  out.issues = std::move(checker.issues);
  if (out.issues.empty()) out.issues = finish(*parsed.expr, checker.types);
  out.program = {parsed.expr, checker.types.substitute(parsed.expr->type, true), std::move(checker.used)};
  return out;
}

}  // namespace serin::kube::cel
