#include "kube/cel/evaluator.h"

#include <re2/re2.h>

#include <cmath>
#include <map>

#include "base/strings.h"
#include "kube/cel/cost.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

using Kind = Expr::Kind;
constexpr uint64_t kListCost = 10, kMapCost = 30;

std::string shown(const Value& v) {
  Value text = to_string(v);
  return text.is_error() ? std::string() : std::string(text.text());
}

Value too_dear() { return Value::error("operation cancelled: actual cost limit exceeded"); }

Value no_such_key(const Value& key) { return Value::error(concat("no such key: ", shown(key))); }

/// A whole number as an index; nullopt for anything else.
std::optional<int64_t> index_value(const Value& v) {
  if (v.is(Value::Kind::kInt)) return v.integer();
  if (v.is(Value::Kind::kUint) && v.uinteger() <= uint64_t{std::numeric_limits<int64_t>::max()}) return static_cast<int64_t>(v.uinteger());
  if (v.is(Value::Kind::kDouble) && v.real() == std::floor(v.real()) && std::abs(v.real()) < 9e15) return static_cast<int64_t>(v.real());
  return std::nullopt;
}

/// What stands at `key` of a list or map: nothing where it is not there, an error where it cannot be.
std::optional<Value> entry(const Value& container, const Value& key) {
  if (container.is_error()) return container;
  if (key.is_error()) return key;
  if (container.is(Value::Kind::kMap)) return container.map().find(key);
  if (!container.is(Value::Kind::kList)) return no_such_overload();
  auto at = index_value(key);
  if (!at) return Value::error(concat("unsupported index type '", runtime_type(key)->str(), "' in list"));
  if (*at < 0 || static_cast<uint64_t>(*at) >= container.list().size()) return std::nullopt;
  return container.list().at(static_cast<size_t>(*at));
}

Value missing(const Value& container, const Value& key) {
  if (container.is(Value::Kind::kList)) return Value::error(concat("index out of bounds: ", shown(key)));
  return no_such_key(key);
}

class Evaluator {
 public:
  Evaluator(std::vector<Value> variables, uint64_t limit) : frame_(std::move(variables)), limit_(limit) {}

  Value run(const Expr& e) {
    if (over_) return too_dear();
    switch (e.kind) {
      case Kind::kLiteral: return e.literal;
      case Kind::kIdent: charge(1); return variable(e);
      case Kind::kSelect:
        if (e.test_only) return has(e);
        [[fallthrough]];
      case Kind::kCall: {
        if (e.kind == Kind::kCall && (e.constant || !is_attribute(e))) return call(e);
        Value v = resolve(e);
        if (!is_conditional(e)) charge(1);
        return v;
      }
      case Kind::kList: return list(e);
      case Kind::kMap: return map(e);
      case Kind::kComprehension: return e.fold->bind ? bind(*e.fold) : fold(*e.fold);
      case Kind::kStruct: break;
    }
    return no_such_overload();
  }

  uint64_t cost() const { return cost_; }
  bool over() const { return over_; }

 private:
  void charge(uint64_t cost) {
    cost_ = cost > kUnbounded - cost_ ? kUnbounded : cost_ + cost;
    if (cost_ > limit_) over_ = true;
  }

  static bool is_conditional(const Expr& e) { return e.kind == Kind::kCall && e.overloads[0]->cost == Cost::kConditional; }
  static bool is_index(const Expr& e) { return e.name == "_[_]" || e.name == "_[?_]" || e.name == "_?._"; }

  /// What cel-go calls an attribute: a variable, or a choice, with selections and indexes. Each of these costs 1, and so
  /// does the whole, but not the variable, nor a variable that is an index.
  static bool is_attribute(const Expr& e) {
    if (e.kind == Kind::kIdent) return true;
    if (e.kind == Kind::kSelect) return !e.test_only;
    return e.kind == Kind::kCall && !e.constant && (is_index(e) || is_conditional(e));
  }

  /// An attribute without the cost of the whole; anything else as it is.
  Value resolve(const Expr& e) {
    if (!is_attribute(e)) return run(e);
    if (over_) return too_dear();
    if (e.kind == Kind::kIdent) return variable(e);
    if (e.kind == Kind::kSelect) return qualify(resolve(*e.target), [&] { return Value::borrowed(e.name); }, false);
    if (is_conditional(e)) return conditional(e);
    return qualify(resolve(*e.args[0]), [&] { return resolve(*e.args[1]); }, e.name != "_[_]");
  }

  /// What stands at a key. `key` is not looked at where there is nothing to look into.
  template <class Key>
  Value qualify(Value target, Key key, bool optional) {
    if (target.is_error()) return target;
    if (target.is(Value::Kind::kOptional)) {
      if (!target.optional()) return target;
      Value inner = *target.optional();
      target = std::move(inner);
      optional = true;
    }
    Value at = key();
    bool container = target.is(Value::Kind::kMap) || target.is(Value::Kind::kList);
    auto found = optional && !container && !at.is_error() ? std::nullopt : entry(target, at);
    if (!optional) charge(1);
    if (found && found->is_error()) return *found;
    if (!optional) return found ? *std::move(found) : missing(target, at);
    if (!found) return Value::optional_none();
    charge(1);
    return Value::optional_of(*std::move(found));
  }

  Value has(const Expr& e) {
    Value target = resolve(*e.target);
    if (target.is_error()) return target;
    if (target.is(Value::Kind::kOptional)) {
      if (!target.optional()) return Value::boolean(false);
      Value inner = *target.optional();
      target = std::move(inner);
    }
    charge(1);
    if (!target.is(Value::Kind::kMap)) return Value::boolean(false);
    auto found = target.map().find(Value::borrowed(e.name));
    return found && found->is_error() ? *found : Value::boolean(found.has_value());
  }

  /// A variable's value. That of optMap's is worked out at its first use.
  Value variable(const Expr& e) {
    auto slot = static_cast<size_t>(e.slot);
    auto waiting = waiting_.find(slot);
    if (waiting == waiting_.end()) return frame_[slot];
    const Expr* init = waiting->second;
    waiting_.erase(waiting);
    auto first = frame_.begin() + static_cast<std::ptrdiff_t>(slot);
    std::vector<Value> above(first, frame_.end());
    frame_.erase(first, frame_.end());
    Value value = run(*init);
    frame_.insert(frame_.end(), above.begin(), above.end());
    frame_[slot] = value;
    return value;
  }

  Value call(const Expr& e) {
    if (e.constant) return *e.constant;
    if (e.overloads[0]->cost == Cost::kLogic) return logic(e);
    if (e.overloads[0]->run) return strict(e);
    if (e.name == "or" || e.name == "orValue") return otherwise(e);
    // @not_strictly_false
    Value v = run(*e.args[0]);
    charge(1);
    return v.is(Value::Kind::kBool) ? v : Value::boolean(true);
  }

  /// && and ||: the first operand that decides ends it; an error counts only where none does.
  Value logic(const Expr& e) {
    bool decides = e.name == "_||_";
    std::optional<Value> error;
    for (const ExprPtr& arg : e.args) {
      Value v = run(*arg);
      if (v.is(Value::Kind::kBool)) {
        if (v.boolean() == decides) return v;
      } else if (!error) {
        error = v.is_error() ? v : no_such_overload();
      }
    }
    return error ? *error : Value::boolean(!decides);
  }

  Value conditional(const Expr& e) {
    Value condition = run(*e.args[0]);
    if (condition.is_error()) return condition;
    if (!condition.is(Value::Kind::kBool)) return no_such_overload();
    return resolve(*e.args[condition.boolean() ? 1 : 2]);
  }

  Value otherwise(const Expr& e) {
    Value left = run(*e.target);
    if (!left.is(Value::Kind::kOptional)) return left;
    if (!left.optional()) return run(*e.args[0]);
    return e.name == "or" ? left : *left.optional();
  }

  /// Where the checker left more than one overload, the rules that are given by overload are not applied.
  static uint64_t dispatch_cost(const Expr& e, const Overload& overload, Args args) {
    return e.overloads.size() > 1 && by_overload(overload.cost) ? 1 : call_cost(overload, args, Value::null());
  }

  Value strict(const Expr& e) {
    if (e.appends_to_accu) return append(e);
    std::vector<Value> args;
    size_t count = e.args.size() + (e.member ? 1 : 0);
    args.reserve(count);
    if (e.member) args.push_back(run(*e.target));
    for (const ExprPtr& arg : e.args) {
      if (count > 2 && !args.empty() && args.back().is_error()) return args.back();
      args.push_back(run(*arg));
    }
    for (const Value& arg : args) {
      if (!arg.is_error()) continue;
      if (count <= 2) charge(dispatch_cost(e, *e.overloads[0], args));
      return arg;
    }
    const Overload* chosen = nullptr;
    for (const Overload* overload : e.overloads) {
      if (!accepts(*overload, args)) continue;
      chosen = overload;
      break;
    }
    if (!chosen) {
      charge(dispatch_cost(e, *e.overloads[0], args));
      return no_such_overload();
    }
    if (e.pattern) {
      std::string_view text = args[0].text();
      Value hit = Value::boolean(re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *e.pattern));
      charge(call_cost(*chosen, args, hit));
      return hit;
    }
    // Charged before it runs where the result does not matter, so that what is too dear is never done.
    bool by_result = chosen->cost == Cost::kJoin;
    if (by_result && cost_size(args[0]) > limit_) charge(cost_size(args[0]));
    if (!by_result) {
      if (!e.in_constant_set) charge(dispatch_cost(e, *chosen, args));
    }
    if (over_) return too_dear();
    Value result = chosen->run(args);
    if (by_result) charge(call_cost(*chosen, args, result));
    return result;
  }

  /// accu + [x], or an entry put into accu: where nobody else holds the accumulator, it grows in place.
  Value append(const Expr& e) {
    std::vector<Value> rest;
    bool list = e.name == "_+_";
    charge(1);
    if (list) {
      charge(kListCost);
      rest.push_back(run(*e.args[1]->args[0]));
    } else {
      for (size_t i = 1; i < e.args.size(); ++i) rest.push_back(run(*e.args[i]));
    }
    charge(1);
    for (const Value& v : rest)
      if (v.is_error()) return v;
    Value& accu = frame_[static_cast<size_t>(e.args[0]->slot)];
    if (accu.is_error()) return accu;
    if (!list) return insert(rest);
    auto& grown = growing_.back().list;
    if (!grown) grown = std::make_shared<ValueList>();
    grown->values.push_back(std::move(rest[0]));
    return Value::list(std::shared_ptr<const List>(grown));
  }

  /// A key and its value, or all entries of one map.
  Value insert(const std::vector<Value>& what) {
    auto& grown = growing_.back().map;
    if (!grown) grown = std::make_shared<ValueMap>();
    bool entry = what.size() == 2;
    if (!entry && !what[0].is(Value::Kind::kMap)) return no_such_overload();
    for (const Value& key : entry ? std::vector<Value>{what[0]} : what[0].map().keys()) {
      Value value = entry ? what[1] : what[0].map().find(key).value_or(Value::null());
      if (!grown->add(key, std::move(value))) return Value::error(concat("insert failed: key ", shown(key), " already exists"));
    }
    return Value::map(std::shared_ptr<const Map>(grown));
  }

  Value list(const Expr& e) {
    if (e.constant) return *e.constant;
    charge(kListCost);
    std::vector<Value> values;
    for (size_t i = 0; i < e.args.size(); ++i) {
      Value v = run(*e.args[i]);
      if (v.is_error()) return v;
      if (i < e.optional_entries.size() && e.optional_entries[i]) {
        if (!v.is(Value::Kind::kOptional)) return Value::error("cannot initialize optional list element from non-optional value");
        if (v.optional()) values.push_back(*v.optional());
        continue;
      }
      values.push_back(std::move(v));
    }
    return Value::list(std::move(values));
  }

  Value map(const Expr& e) {
    if (e.constant) return *e.constant;
    charge(kMapCost);
    auto entries = std::make_shared<ValueMap>();
    for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
      Value key = run(*e.args[i]), value = run(*e.args[i + 1]);
      if (key.is_error()) return key;
      if (value.is_error()) return value;
      if (i / 2 < e.optional_entries.size() && e.optional_entries[i / 2]) {
        if (!value.is(Value::Kind::kOptional)) return Value::error("cannot initialize optional entry from non-optional value");
        if (!value.optional()) continue;
        Value inner = *value.optional();
        value = std::move(inner);
      }
      entries->set(key, std::move(value));
    }
    return Value::map(std::shared_ptr<const Map>(std::move(entries)));
  }

  Value bind(const Expr::Fold& fold) {
    size_t slot = frame_.size();
    waiting_[slot] = fold.init.get();
    frame_.emplace_back();
    Value result = run(*fold.result);
    waiting_.erase(slot);
    frame_.pop_back();
    return result;
  }

  Value fold(const Expr::Fold& fold) {
    Value range = run(*fold.range);
    if (range.is_error()) return range;
    if (!range.is(Value::Kind::kList) && !range.is(Value::Kind::kMap)) return no_such_overload();
    size_t at = frame_.size();
    frame_.push_back(run(*fold.init));
    growing_.push_back({});
    iterate(fold, range, at);
    growing_.pop_back();
    Value result = run(*fold.result);
    frame_.pop_back();
    return result;
  }

  void iterate(const Expr::Fold& fold, const Value& range, size_t at) {
    bool map = range.is(Value::Kind::kMap), two = !fold.var2.empty();
    std::vector<Value> keys = map ? range.map().keys() : std::vector<Value>();
    size_t size = map ? keys.size() : range.list().size();
    for (size_t i = 0; i < size && !over_; ++i) {
      if (map) frame_.push_back(keys[i]);
      else frame_.push_back(two ? Value::integer(static_cast<int64_t>(i)) : range.list().at(i));
      if (two) frame_.push_back(map ? range.map().find(keys[i]).value_or(Value::null()) : range.list().at(i));
      Value go = run(*fold.condition);
      bool stop = go.is_false();
      if (!stop) {
        Value next = run(*fold.step);
        frame_[at] = std::move(next);
      }
      frame_.resize(at + 1);
      if (stop) return;
    }
  }

  std::vector<Value> frame_;
  struct Growing {
    std::shared_ptr<ValueList> list;
    std::shared_ptr<ValueMap> map;
  };
  std::map<size_t, const Expr*> waiting_;  ///< what variables of optMap stand for, by slot, until they are used
  std::vector<Growing> growing_;  ///< per fold that runs: what its accumulator grows in; empty until it does
  uint64_t cost_ = 0, limit_;
  bool over_ = false;
};

}  // namespace

Evaluated evaluate(const Program& program, std::vector<Value> variables, uint64_t limit) {
  Evaluator evaluator(std::move(variables), limit);
  Value value = evaluator.run(*program.root);
  if (evaluator.over()) value = too_dear();
  return {std::move(value), evaluator.cost(), evaluator.over()};
}

}  // namespace serin::kube::cel
