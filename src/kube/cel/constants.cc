#include "kube/cel/constants.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

using Kind = Expr::Kind;

bool is_conversion(std::string_view function) {
  static constexpr std::array<std::string_view, 10> kConversions = {"bool",   "bytes",     "double", "duration", "int",
                                                                    "string", "timestamp", "uint",   "dyn",      "type"};
  return std::find(kConversions.begin(), kConversions.end(), function) != kConversions.end();
}

const Value* constant_of(const Expr& e) {
  if (e.kind == Kind::kLiteral) return &e.literal;
  return e.constant ? &*e.constant : nullptr;
}

class Finisher {
 public:
  explicit Finisher(const TypeMapping& types) : types_(types) {}
  std::vector<Issue> issues;

  void visit(Expr& e, bool in_format) {
    if (!seen_.insert(&e).second) return;
    e.type = types_.substitute(e.type, true);
    bool format = in_format || (e.kind == Kind::kCall && e.name == "format");
    if (e.target) visit(*e.target, format);
    for (const ExprPtr& arg : e.args) visit(*arg, format);
    if (e.fold)
      for (const ExprPtr* part : {&e.fold->range, &e.fold->init, &e.fold->condition, &e.fold->step, &e.fold->result})
        visit(**part, format);
    if (e.kind == Kind::kCall) call(e);
    if (e.kind == Kind::kList) list(e, in_format);
    if (e.kind == Kind::kMap) map(e, in_format);
  }

 private:
  void report(const Expr& e, std::string message) { issues.push_back({e.offset, std::move(message)}); }

  /// The value of one overload on constants.
  static std::optional<Value> run(const Expr& e, std::vector<Value> args) {
    for (const Overload* overload : e.overloads)
      if (overload->run && accepts(*overload, args)) return overload->run(args);
    return std::nullopt;
  }

  void call(Expr& e) {
    if (is_conversion(e.name) && !e.member && e.args.size() == 1) {
      if (const Value* arg = constant_of(*e.args[0])) {
        auto value = run(e, {*arg});
        if (value && !value->is_error()) e.constant = *std::move(value);
        else if (e.name == "duration" || e.name == "timestamp") report(*e.args[0], concat("invalid ", e.name, " argument"));
        else report(e, std::string(value ? value->text() : no_such_overload().text()));
      }
    }
    if (e.name == "@in" && e.overloads.size() == 1 && e.args[1]->type->kind == Type::Kind::kList) membership(e);
    bool pattern = e.name == "matches" || e.name == "find" || e.name == "findAll";
    if (const Expr* last = pattern ? pattern_of(e) : nullptr; last && last->literal.is(Value::Kind::kString)) {
      std::string_view text = last->literal.text();
      auto compiled = std::make_shared<re2::RE2>(re2::StringPiece(text.data(), text.size()), re2::RE2::Quiet);
      if (!compiled->ok()) report(*last, concat("invalid ", e.name, " argument"));
      else if (e.name == "matches") e.pattern = std::move(compiled);
    }
    if (e.name == "format" && e.member && e.target->kind == Kind::kLiteral && e.args[0]->kind == Kind::kList) {
      std::vector<TypePtr> args;
      for (const ExprPtr& arg : e.args[0]->args) args.push_back(types_.substitute(arg->type, true));
      if (std::string error = check_format(e.target->literal.text(), args); !error.empty()) report(e, std::move(error));
    }
    if (e.member && e.name.starts_with("get") && e.args.size() == 1 && e.args[0]->kind == Kind::kLiteral) {
      auto value = run(e, {Value::timestamp(0, 0), e.args[0]->literal});
      if (value && value->is_error()) report(*e.args[0], concat(value->text(), ": zones are UTC or an offset such as -08:00"));
    }
  }

  static void membership(Expr& e) {
    const Value* list = constant_of(*e.args[1]);
    if (!list || !list->is(Value::Kind::kList)) return;
    if (list->list().size() == 0) e.constant = Value::boolean(false);
    for (size_t i = 0; i < list->list().size(); ++i) {
      Value v = list->list().at(i);
      if (!v.is_number() && !v.is(Value::Kind::kBool) && !v.is(Value::Kind::kString)) return;
    }
    e.in_constant_set = true;
  }

  static const Expr* pattern_of(const Expr& e) {
    const Expr* at = e.member ? e.args[0].get() : e.args.size() > 1 ? e.args[1].get() : nullptr;
    return at && at->kind == Kind::kLiteral ? at : nullptr;
  }

  TypePtr entry_type(const Expr& e, bool optional) const {
    TypePtr type = types_.substitute(e.type, true);
    return optional && !type->params.empty() ? type->params[0] : type;
  }

  void same_types(const Expr& e, size_t from, size_t step, bool in_format, bool values) {
    if (in_format) return;
    TypePtr first;
    for (size_t i = from; i < e.args.size(); i += step) {
      size_t entry = i / step;
      bool optional = values && entry < e.optional_entries.size() && e.optional_entries[entry];
      TypePtr type = entry_type(*e.args[i], optional);
      if (!first) first = type;
      else if (!same_type(*first, *type)) {
        report(*e.args[i], concat("expected type '", first->str(), "' but found '", type->str(), "'"));
        return;
      }
    }
  }

  static bool plain(const Expr& e) {
    return std::find(e.optional_entries.begin(), e.optional_entries.end(), true) == e.optional_entries.end() &&
           std::all_of(e.args.begin(), e.args.end(), [](const ExprPtr& arg) { return constant_of(*arg) != nullptr; });
  }

  void list(Expr& e, bool in_format) {
    same_types(e, 0, 1, in_format, true);
    if (!plain(e)) return;
    std::vector<Value> values;
    for (const ExprPtr& arg : e.args) values.push_back(*constant_of(*arg));
    e.constant = Value::list(std::move(values));
  }

  void map(Expr& e, bool in_format) {
    same_types(e, 0, 2, in_format, false);
    same_types(e, 1, 2, in_format, true);
    if (!plain(e)) return;
    auto entries = std::make_shared<ValueMap>();
    for (size_t i = 0; i + 1 < e.args.size(); i += 2) entries->set(*constant_of(*e.args[i]), *constant_of(*e.args[i + 1]));
    e.constant = Value::map(std::shared_ptr<const Map>(std::move(entries)));
  }

  const TypeMapping& types_;
  std::set<const Expr*> seen_;
};

}  // namespace

std::vector<Issue> finish(Expr& root, const TypeMapping& types) {
  Finisher finisher(types);
  finisher.visit(root, false);
  return std::move(finisher.issues);
}

}  // namespace serin::kube::cel
