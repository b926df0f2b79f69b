#include "kube/cel/macros.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/cel/parser.h"

namespace serin::kube::cel {
namespace {

using Kind = Expr::Kind;
using Fold = Expr::Fold;

/// The nodes of one expansion; they all point at the macro's call in errors.
class Maker {
 public:
  explicit Maker(size_t offset) : offset_(offset) {}

  ExprPtr accu() const { return make_ident(kAccu, offset_); }
  ExprPtr literal(Value v) const { return make_literal(std::move(v), offset_); }
  ExprPtr boolean(bool v) const { return literal(Value::boolean(v)); }
  ExprPtr ident(std::string_view name) const { return make_ident(name, offset_); }
  ExprPtr call(std::string_view function, std::vector<ExprPtr> args) const {
    ExprPtr made = make_call(function, offset_, std::move(args));
    seal(*made);
    return made;
  }
  ExprPtr list(std::vector<ExprPtr> elements) const {
    auto made = std::make_shared<Expr>();
    made->kind = Kind::kList;
    made->offset = offset_;
    made->args = std::move(elements);
    seal(*made);
    return made;
  }
  ExprPtr empty_map() const {
    auto made = std::make_shared<Expr>();
    made->kind = Kind::kMap;
    made->offset = offset_;
    return made;
  }
  ExprPtr fold(Fold fold) const {
    auto made = std::make_shared<Expr>();
    made->kind = Kind::kComprehension;
    made->offset = offset_;
    made->fold = std::make_unique<Fold>(std::move(fold));
    seal(*made);
    return made;
  }
  /// accu + [x]
  ExprPtr append(ExprPtr x) const {
    ExprPtr made = call("_+_", {accu(), list({std::move(x)})});
    made->appends_to_accu = true;
    return made;
  }
  ExprPtr insert(std::vector<ExprPtr> what) const {
    what.insert(what.begin(), accu());
    ExprPtr made = call("cel.@mapInsert", std::move(what));
    made->appends_to_accu = true;
    return made;
  }
  ExprPtr where(const ExprPtr& filter, ExprPtr step) const {
    return filter ? call("_?_:_", {filter, std::move(step), accu()}) : step;
  }

 private:
  size_t offset_;
};

/// The variables of a comprehension.
struct Vars {
  std::string first, second;
};

Expansion quantifier(const Maker& make, std::string_view name, const ExprPtr& range, Vars vars, const ExprPtr& predicate) {
  Fold fold{std::move(vars.first), std::move(vars.second), std::string(kAccu), range, nullptr, nullptr, nullptr, make.accu(), false};
  if (name == "all") {
    fold.init = make.boolean(true);
    fold.condition = make.call("@not_strictly_false", {make.accu()});
    fold.step = make.call("_&&_", {make.accu(), predicate});
  } else if (name == "exists") {
    fold.init = make.boolean(false);
    fold.condition = make.call("@not_strictly_false", {make.call("!_", {make.accu()})});
    fold.step = make.call("_||_", {make.accu(), predicate});
  } else {
    ExprPtr one = make.literal(Value::integer(1));
    fold.init = make.literal(Value::integer(0));
    fold.condition = make.boolean(true);
    fold.step = make.call("_?_:_", {predicate, make.call("_+_", {make.accu(), one}), make.accu()});
    fold.result = make.call("_==_", {make.accu(), make.literal(Value::integer(1))});
  }
  return {make.fold(std::move(fold)), {}, 0};
}

Expansion collect(const Maker& make, const ExprPtr& range, Vars vars, ExprPtr init, ExprPtr step) {
  return {make.fold({std::move(vars.first), std::move(vars.second), std::string(kAccu), range, std::move(init), make.boolean(true),
                     std::move(step), make.accu(), false}),
          {}, 0};
}

/// target.optMap(v, e): target.hasValue() ? optional.of(e with v bound to target.value()) : optional.none()
Expansion optional_map(const Maker& make, bool flat, size_t offset, const ExprPtr& target, const std::vector<ExprPtr>& args) {
  if (args[0]->kind != Kind::kIdent)
    return {nullptr, concat(flat ? "optFlatMap" : "optMap", "() variable name must be a simple identifier"), args[0]->offset};
  auto member = [&](std::string_view name) {
    ExprPtr made = make_member_call(name, offset, target, {});
    seal(*made);
    return made;
  };
  ExprPtr bound = make.fold({"#unused", {}, args[0]->name, make.list({}), member("value"), make.boolean(false),
                             make.ident(args[0]->name), args[1], true});
  if (!flat) bound = make.call("optional.of", {std::move(bound)});
  return {make.call("_?_:_", {member("hasValue"), std::move(bound), make.call("optional.none", {})}), {}, 0};
}

bool is_quantifier(std::string_view name) {
  return name == "all" || name == "exists" || name == "exists_one" || name == "existsOne";
}

Expansion one_variable(const Maker& make, std::string_view name, const ExprPtr& target, const std::vector<ExprPtr>& args) {
  if (args[0]->kind != Kind::kIdent)
    return {nullptr, is_quantifier(name) ? "argument must be a simple name" : "argument is not an identifier", args[0]->offset};
  Vars vars{args[0]->name, {}};
  if (vars.first == "__result__") return {nullptr, "iteration variable overwrites accumulator variable", args[0]->offset};
  if (is_quantifier(name)) return quantifier(make, name, target, std::move(vars), args[1]);
  if (name == "filter") {
    ExprPtr step = make.where(args[1], make.append(make.ident(vars.first)));
    return collect(make, target, std::move(vars), make.list({}), std::move(step));
  }
  ExprPtr filter = args.size() == 3 ? args[1] : nullptr;
  return collect(make, target, std::move(vars), make.list({}), make.where(filter, make.append(args.back())));
}

Expansion two_variables(const Maker& make, std::string_view name, const ExprPtr& target, const std::vector<ExprPtr>& args) {
  for (size_t i : {0, 1})
    if (args[i]->kind != Kind::kIdent) return {nullptr, "argument must be a simple name", args[i]->offset};
  Vars vars{args[0]->name, args[1]->name};
  if (vars.first == vars.second) return {nullptr, concat("duplicate variable name: ", vars.first), args[1]->offset};
  for (size_t i : {0, 1})
    if (args[i]->name == "__result__")
      return {nullptr, "iteration variable overwrites accumulator variable", args[i]->offset};
  if (is_quantifier(name)) return quantifier(make, name, target, std::move(vars), args[2]);
  ExprPtr filter = args.size() == 4 ? args[2] : nullptr;
  if (name == "transformList")
    return collect(make, target, std::move(vars), make.list({}), make.where(filter, make.append(args.back())));
  std::vector<ExprPtr> entry{args.back()};
  if (name == "transformMap") entry.insert(entry.begin(), make.ident(vars.first));
  return collect(make, target, std::move(vars), make.empty_map(), make.where(filter, make.insert(std::move(entry))));
}

}  // namespace

ExprPtr make_literal(Value value, size_t offset) {
  auto made = std::make_shared<Expr>();
  made->offset = offset;
  made->literal = std::move(value);
  return made;
}

ExprPtr make_ident(std::string_view name, size_t offset) {
  auto made = std::make_shared<Expr>();
  made->kind = Kind::kIdent;
  made->offset = offset;
  made->name = name;
  return made;
}

ExprPtr make_call(std::string_view function, size_t offset, std::vector<ExprPtr> args) {
  auto made = std::make_shared<Expr>();
  made->kind = Kind::kCall;
  made->offset = offset;
  made->name = function;
  made->args = std::move(args);
  return made;
}

ExprPtr make_member_call(std::string_view function, size_t offset, ExprPtr target, std::vector<ExprPtr> args) {
  ExprPtr made = make_call(function, offset, std::move(args));
  made->member = true;
  made->target = std::move(target);
  return made;
}

bool seal(Expr& expr) {
  int deepest = expr.target ? expr.target->depth : 0;
  for (const ExprPtr& arg : expr.args) deepest = std::max(deepest, arg->depth);
  if (expr.fold)
    for (const ExprPtr* part : {&expr.fold->range, &expr.fold->init, &expr.fold->condition, &expr.fold->step, &expr.fold->result})
      deepest = std::max(deepest, (*part)->depth);
  expr.depth = deepest + 1;
  return expr.depth <= kMaxDepth;
}

Expansion expand_macro(std::string_view name, size_t offset, const ExprPtr& target, const std::vector<ExprPtr>& args) {
  Maker make(offset);
  size_t n = args.size();
  if (!target) {
    if (name != "has" || n != 1) return {};
    const Expr& of = *args[0];
    if (of.kind != Kind::kSelect || of.test_only) return {nullptr, "invalid argument to has() macro", of.offset};
    auto test = std::make_shared<Expr>();
    test->kind = Kind::kSelect;
    test->offset = of.offset;
    test->name = of.name;
    test->target = of.target;
    test->test_only = true;
    return {std::move(test), {}, 0};
  }
  if (n == 2 && (name == "optMap" || name == "optFlatMap")) return optional_map(make, name == "optFlatMap", offset, target, args);
  if ((n == 2 && ((is_quantifier(name) && name != "existsOne") || name == "filter" || name == "map")) || (n == 3 && name == "map"))
    return one_variable(make, name, target, args);
  bool transforms = name == "transformList" || name == "transformMap" || name == "transformMapEntry";
  if ((n == 3 && is_quantifier(name)) || ((n == 3 || n == 4) && transforms)) return two_variables(make, name, target, args);
  return {};
}

}  // namespace serin::kube::cel
