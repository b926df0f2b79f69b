#include "kube/cel/cost.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace serin::kube::cel {
namespace {

using Kind = Expr::Kind;
using TKind = Type::Kind;

constexpr double kTextFactor = 0.1, kPatternFactor = 0.25;
constexpr uint64_t kListCost = 10, kMapCost = 30, kNameFormatPattern = 128, kMaxFormatSize = 64;
constexpr size_t kLongList = 1'000'000;  ///< beyond the cost limit of any call, so not worth walking

uint64_t add(uint64_t a, uint64_t b) { return a > kUnbounded - b ? kUnbounded : a + b; }
uint64_t multiply(uint64_t a, uint64_t b) { return b != 0 && a > kUnbounded / b ? kUnbounded : a * b; }
uint64_t scaled(uint64_t n, double factor) {
  double product = std::ceil(static_cast<double>(n) * factor);
  return product >= 18446744073709551616.0 ? kUnbounded : static_cast<uint64_t>(product);
}
Range add(Range a, Range b) { return {add(a.min, b.min), add(a.max, b.max)}; }
Range multiply(Range a, Range b) { return {multiply(a.min, b.min), multiply(a.max, b.max)}; }
Range scaled(Range a, double factor) { return {scaled(a.min, factor), scaled(a.max, factor)}; }
Range either(Range a, Range b) { return {std::min(a.min, b.min), std::max(a.max, b.max)}; }
Range exactly(uint64_t n) { return {n, n}; }
constexpr Range kUnknownSize{0, kUnbounded};

uint64_t traversal(const Value& v, int depth = 0) {
  switch (v.kind()) {
    case Value::Kind::kString:
    case Value::Kind::kBytes: return static_cast<uint64_t>(static_cast<double>(v.text().size()) * kTextFactor);
    case Value::Kind::kList: {
      if (v.list().size() > kLongList || depth > 100) return v.list().size();
      uint64_t cost = 0;
      for (size_t i = 0; i < v.list().size(); ++i) cost = add(cost, traversal(v.list().at(i), depth + 1));
      return cost;
    }
    case Value::Kind::kMap: {
      if (depth > 100) return v.map().size();
      uint64_t cost = 0;
      for (const Value& key : v.map().keys()) {
        cost = add(cost, traversal(key));
        if (auto member = v.map().find(key)) cost = add(cost, traversal(*member, depth + 1));
      }
      return cost;
    }
    default: return 1;
  }
}

}  // namespace

bool by_overload(Cost cost) {
  switch (cost) {
    case Cost::kCompareText:
    case Cost::kAddText:
    case Cost::kAffix:
    case Cost::kContains:
    case Cost::kMatches:
    case Cost::kIn:
    case Cost::kToBytes:
    case Cost::kFromBytes:
    case Cost::kQuote: return true;
    default: return false;
  }
}

uint64_t call_cost(const Overload& overload, Args args, const Value& result) {
  auto size = [&](size_t i) { return cost_size(args[i]); };
  auto text = [&](size_t i) { return scaled(size(i), kTextFactor); };
  switch (overload.cost) {
    case Cost::kEqual:
      if (args[0].is(Value::Kind::kOpaque)) return 1;
      return scaled(std::min(size(0), size(1)), kTextFactor);
    case Cost::kCompareText: return scaled(std::min(size(0), size(1)), kTextFactor);
    case Cost::kAddText: return scaled(add(size(0), size(1)), kTextFactor);
    case Cost::kAffix:
    case Cost::kText:
    case Cost::kTextSized:
    case Cost::kToBytes:
    case Cost::kFromBytes:
    case Cost::kQuote: return text(0);
    case Cost::kContains: return multiply(text(0), text(1));
    case Cost::kMatches:
    case Cost::kFind: return multiply(scaled(add(size(0), 1), kTextFactor), scaled(size(1), kPatternFactor));
    case Cost::kValidate: return multiply(scaled(add(size(1), 1), kTextFactor), scaled(size(0), kPatternFactor));
    case Cost::kIn: return size(1);
    case Cost::kScan: return traversal(args[0]);
    case Cost::kReplace:
    case Cost::kSplit:
    case Cost::kTextTwice: return scaled(size(0), 2 * kTextFactor);
    case Cost::kJoin: return scaled(cost_size(result), 2 * kTextFactor);
    case Cost::kContainsIp: return scaled(2 * size(0), kTextFactor);
    case Cost::kContainsIpText: return scaled(2 * size(0), kTextFactor) + text(1);
    case Cost::kContainsCidr: return scaled(2 * size(0), kTextFactor) + text(0) + 1;
    case Cost::kContainsCidrText: return scaled(2 * size(0), kTextFactor) + text(0) + 1 + text(1);
    case Cost::kSets: return add(multiply(size(0), size(1)), 1);
    case Cost::kSetsTwice: return add(multiply(2, multiply(size(0), size(1))), 1);
    default: return 1;
  }
}

namespace {

/// The estimate of cel-go's checker.Cost with Kubernetes' rules (k8s.io/apiserver/pkg/cel/library/cost.go). It decides
/// which rules a CRD may have, so it follows its model even where a closer bound is known.
class Estimator {
 public:
  explicit Estimator(const std::map<std::string, SizesPtr, std::less<>>& variables) : variables_(variables) {
    if (auto self = variables.find("self"); self != variables.end()) root_ = self->second.get();
  }

  Range cost(const Expr& e) {
    if (auto known = costs_.find(&e); known != costs_.end()) return known->second;
    Range found = fresh_cost(e);
    costs_[&e] = found;
    return found;
  }

 private:
  /// Where in the declared data a node comes from.
  struct Path {
    bool known = false;
    const Sizes* at = nullptr;  ///< null: declared, but nothing bounds it
  };
  struct Entry {
    bool list = true;
    Range key, value;
  };
  struct Local {
    Path path;
    std::optional<Range> size;
    std::optional<Entry> entry;
  };

  Path below(const Path& path, std::string_view field) const {
    if (!path.known) return {true, root_};
    if (!path.at) return path;
    if (field.empty()) return {true, path.at->element.get()};
    auto found = path.at->fields.find(field);
    return {true, found == path.at->fields.end() ? nullptr : found->second.get()};
  }
  /// Keys of maps count as nothing, as Kubernetes has it; nothing is known of an index.
  Path key_of(const Path& path, bool list) const {
    static const Sizes kNothing{0, nullptr, {}};
    if (!path.known) return {true, root_};
    return {true, !list && path.at && path.at->element ? &kNothing : nullptr};
  }

  const Local* local(std::string_view name) const {
    auto found = locals_.find(name);
    return found == locals_.end() || found->second.empty() ? nullptr : &found->second.back();
  }

  Path path_of(const Expr& e) const {
    if (e.kind == Kind::kIdent)
      if (const Local* known = local(e.name)) return known->path;
    auto found = paths_.find(&e);
    return found == paths_.end() ? Path{} : found->second;
  }

  static bool scalar(const Type& type) {
    switch (type.kind) {
      case TKind::kBool:
      case TKind::kDouble:
      case TKind::kDuration:
      case TKind::kInt:
      case TKind::kTimestamp:
      case TKind::kUint: return true;
      case TKind::kOptional: return scalar(*type.params[0]);
      default: return false;
    }
  }

  std::optional<Range> size_of(const Expr& e) {
    if (auto known = sizes_.find(&e); known != sizes_.end()) return known->second;
    if (e.kind == Kind::kLiteral && !e.literal.is(Value::Kind::kType)) return exactly(cost_size(e.literal));
    if (e.kind == Kind::kList) return exactly(e.args.size());
    if (e.kind == Kind::kMap) return exactly(e.args.size() / 2);
    if (Path path = path_of(e); path.known && path.at) return sizes_[&e] = Range{0, path.at->max};
    if (scalar(*e.type)) return exactly(1);
    if (e.kind == Kind::kIdent)
      if (const Local* known = local(e.name); known && known->size) return known->size;
    return std::nullopt;
  }
  Range size_or_unknown(const Expr& e) { return size_of(e).value_or(kUnknownSize); }

  std::optional<Entry> entry_of(const Expr& e) const {
    if (auto known = entries_.find(&e); known != entries_.end()) return known->second;
    if (e.kind == Kind::kIdent)
      if (const Local* known = local(e.name)) return known->entry;
    return std::nullopt;
  }

  Range fresh_cost(const Expr& e) {
    switch (e.kind) {
      case Kind::kIdent: {
        const Local* known = local(e.name);
        if (known) {
          paths_[&e] = known->path;
        } else if (auto variable = variables_.find(e.name); variable != variables_.end()) {
          paths_[&e] = {true, variable->second.get()};
        }
        return exactly(1);
      }
      case Kind::kLiteral:
        if (!e.literal.is(Value::Kind::kType)) return {};
        paths_[&e] = {true, root_};  // a type's name counts as a variable, and its size as that of the root
        return exactly(1);
      case Kind::kSelect: return select(e);
      case Kind::kCall: return call(e);
      case Kind::kList: return list(e);
      case Kind::kMap: return map(e);
      case Kind::kComprehension: return e.fold->bind ? bind(e) : fold(e);
      default: return {};
    }
  }

  Range select(const Expr& e) {
    Range sum = cost(*e.target);
    if (e.test_only) return sum;
    TKind kind = e.target->type->kind;
    if (kind == TKind::kMap || kind == TKind::kObject || kind == TKind::kParam) sum = add(sum, exactly(1));
    Path target = path_of(*e.target);
    paths_[&e] = below(target, kind == TKind::kMap ? std::string_view() : std::string_view(e.name));
    if (kind == TKind::kMap && target.known) paths_[&e] = Path{true, nullptr};  // a map has no field of that name
    return sum;
  }

  Range list(const Expr& e) {
    Range sum = exactly(kListCost), item{e.args.empty() ? 0 : kUnbounded, 0};
    for (const ExprPtr& arg : e.args) {
      sum = add(sum, cost(*arg));
      item = either(item, size_or_unknown(*arg));
    }
    entries_[&e] = Entry{true, exactly(1), item};
    return sum;
  }

  Range map(const Expr& e) {
    Range sum = exactly(kMapCost), key{e.args.empty() ? 0 : kUnbounded, 0}, value = key;
    for (size_t i = 0; i < e.args.size(); ++i) {
      sum = add(sum, cost(*e.args[i]));
      Range& to = i % 2 == 0 ? key : value;
      to = either(to, size_or_unknown(*e.args[i]));
    }
    entries_[&e] = Entry{false, key, value};
    return sum;
  }

  Range bind(const Expr& e) {
    const Expr::Fold& fold = *e.fold;
    Range sum = add(cost(*fold.range), cost(*fold.init));
    locals_[fold.accu].push_back({path_of(*fold.init), size_of(*fold.init), entry_of(*fold.init)});
    sum = add(sum, cost(*fold.result));
    locals_[fold.accu].pop_back();
    if (auto size = size_of(*fold.result)) sizes_[&e] = *size;
    if (auto entry = entry_of(*fold.result)) entries_[&e] = *entry;
    return sum;
  }

  void push_variables(const Expr::Fold& fold) {
    auto entry = entry_of(*fold.range);
    Path path = path_of(*fold.range);
    bool list = entry ? entry->list : fold.range->type->kind == TKind::kList;
    Path value = below(path, {}), key = key_of(path, list);
    auto key_size = entry ? std::optional(entry->key) : std::nullopt, value_size = entry ? std::optional(entry->value) : std::nullopt;
    if (fold.var2.empty()) {
      locals_[fold.var].push_back(list ? Local{value, value_size, {}} : Local{key, key_size, {}});
    } else {
      locals_[fold.var].push_back({key, key_size, {}});
      locals_[fold.var2].push_back({value, value_size, {}});
    }
  }

  Range fold(const Expr& e) {
    const Expr::Fold& fold = *e.fold;
    Range sum = add(cost(*fold.range), cost(*fold.init));
    locals_[fold.accu].push_back({path_of(*fold.init), size_of(*fold.init), entry_of(*fold.init)});
    push_variables(fold);
    Range step = add(cost(*fold.condition), cost(*fold.step));
    locals_[fold.var].pop_back();
    if (!fold.var2.empty()) locals_[fold.var2].pop_back();
    sum = add(sum, cost(*fold.result));
    locals_[fold.accu].pop_back();
    Range count = size_or_unknown(*fold.range);
    sum = add(sum, multiply(count, step));
    if (fold.init->kind == Kind::kLiteral) {
      if (auto size = size_of(*fold.init)) sizes_[&e] = *size;
    } else if (fold.init->kind == Kind::kList || fold.init->kind == Kind::kMap) {
      sizes_[&e] = count;
      if (auto entry = entry_of(*fold.step)) entries_[&e] = *entry;
    }
    return sum;
  }

  /// A call's operands: the target first, where there is one.
  static std::vector<const Expr*> operands(const Expr& e) {
    std::vector<const Expr*> all;
    if (e.member) all.push_back(e.target.get());
    for (const ExprPtr& arg : e.args) all.push_back(arg.get());
    return all;
  }

  struct Estimate {
    Range cost;
    std::optional<Range> size;
  };

  Range call(const Expr& e) {
    if (e.name == "dyn") {
      Range sum = add(exactly(1), cost(*e.args[0]));
      if (auto size = size_of(*e.args[0])) sizes_[&e] = *size;
      if (auto entry = entry_of(*e.args[0])) entries_[&e] = *entry;
      return sum;
    }
    std::vector<const Expr*> args = operands(e);
    std::vector<Range> costs;
    for (const Expr* arg : args) costs.push_back(cost(*arg));
    if (e.overloads.empty()) return {};
    Range total{kUnbounded, 0};
    std::optional<Range> size;
    for (const Overload* overload : e.overloads) {
      Estimate estimate = overload_cost(e, *overload, args, costs);
      total = either(total, estimate.cost);
      if (estimate.size) size = size ? either(*size, *estimate.size) : *estimate.size;
      if (overload->cost == Cost::kIndexList || overload->cost == Cost::kIndexMap) {
        size = entry_of(*args[0]) ? std::optional(entry_of(*args[0])->value) : std::nullopt;
        paths_[&e] = below(path_of(*args[0]), {});
      }
      if (!size) size = size_of(e);
    }
    if (size) sizes_[&e] = *size;
    return total;
  }

  Estimate overload_cost(const Expr& e, const Overload& overload, const std::vector<const Expr*>& args, const std::vector<Range>& costs) {
    Range sum;
    for (Range one : costs) sum = add(sum, one);
    if (overload.cost == Cost::kLogic) return {{costs[0].min, sum.max}, {}};
    if (overload.cost == Cost::kConditional) {
      auto yes = entry_of(*args[1]), no = entry_of(*args[2]);
      if (yes && no) entries_[&e] = Entry{yes->list, either(yes->key, no->key), either(yes->value, no->value)};
      return {add(costs[0], either(costs[1], costs[2])), either(size_or_unknown(*args[1]), size_or_unknown(*args[2]))};
    }
    Estimate own = own_cost(e, overload, args);
    own.cost = add(own.cost, sum);
    return own;
  }

  Estimate own_cost(const Expr& e, const Overload& overload, const std::vector<const Expr*>& args) {
    auto size = [&](size_t i) { return size_or_unknown(*args[i]); };
    auto text = [&](size_t i) { return scaled(size(i), kTextFactor); };
    switch (overload.cost) {
      case Cost::kEqual:
        if (args[0]->type->kind == TKind::kOpaque && same_type(*args[0]->type, *args[1]->type)) return {equal_opaque(*args[1]), {}};
        [[fallthrough]];
      case Cost::kCompareText: {
        uint64_t most = std::min(size(0).max, size(1).max);
        return {scaled(Range{most > 0 ? 1u : 0u, most}, kTextFactor), {}};
      }
      case Cost::kAddText:
      case Cost::kAddList: {
        Range total = add(size(0), size(1));
        auto left = entry_of(*args[0]), right = entry_of(*args[1]);
        if (left && right) entries_[&e] = Entry{left->list, either(left->key, right->key), either(left->value, right->value)};
        return {overload.cost == Cost::kAddList ? exactly(1) : scaled(total, kTextFactor), total};
      }
      case Cost::kAffix: return {text(1), {}};
      case Cost::kText: return {text(0), {}};
      case Cost::kTextSized: return {text(0), size(0)};
      case Cost::kContains: return {multiply(text(0), text(1)), {}};
      case Cost::kMatches: return {multiply(scaled(add(size(0), exactly(1)), kTextFactor), scaled(size(1), kPatternFactor)), {}};
      case Cost::kFind:
        return {multiply(scaled(add(size(0), exactly(1)), kTextFactor), scaled(size(1), kPatternFactor)), Range{0, size(0).max}};
      case Cost::kValidate: return {scaled(text(1), static_cast<double>(kNameFormatPattern) * kPatternFactor), {}};
      case Cost::kIn: return {size(1), {}};
      case Cost::kScan: return {scan(*args[0]), {}};
      case Cost::kReplace: return {scaled(size(0), 2 * kTextFactor), replaced_size(size(0), size(1), size(2))};
      case Cost::kSplit: return {scaled(size(0), 2 * kTextFactor), Range{0, split_limit(args, size(0).max)}};
      case Cost::kJoin: return join(args);
      case Cost::kTextTwice: return {scaled(size(0), 2 * kTextFactor), {}};
      case Cost::kContainsIp:
      case Cost::kContainsIpText:
      case Cost::kContainsCidr:
      case Cost::kContainsCidrText: return {contains_address(overload.cost, args), {}};
      case Cost::kSets: return {add(multiply(size(0), size(1)), exactly(1)), {}};
      case Cost::kSetsTwice: return {add(scaled(multiply(size(0), size(1)), 2), exactly(1)), {}};
      case Cost::kToBytes: return {text(0), Range{size(0).min, multiply(size(0).max, 4)}};
      case Cost::kFromBytes: return {text(0), Range{size(0).min / 4, size(0).max}};
      case Cost::kQuote: return {text(0), Range{add(size(0).min, 2), add(multiply(size(0).max, 2), 2)}};
      default: return {exactly(1), {}};
    }
  }

  Range equal_opaque(const Expr& right) const {
    if (right.type->name == "kubernetes.NamedFormat") return scaled(Range{1, kMaxFormatSize}, kTextFactor);
    if (right.type->name != "kubernetes.URL") return exactly(1);
    auto size = sizes_.find(&right);
    return scaled(Range{1, size == sizes_.end() ? 1 : size->second.max}, kTextFactor);
  }

  /// The size that the schema bounds an element of this list by, or what its type says.
  std::optional<Range> element_size(const Expr& list) const {
    Path path = path_of(list);
    if (!path.known) return std::nullopt;
    Path element = below(path, {});
    return element.at ? std::optional(Range{0, element.at->max}) : std::nullopt;
  }

  Range scan(const Expr& e) {
    Range size = size_or_unknown(e);
    if (e.type->kind != TKind::kList) return scaled(size, kTextFactor);
    Range each = exactly(1);
    TKind kind = e.type->params[0]->kind;
    if (kind == TKind::kString || kind == TKind::kBytes)
      each = add(each, scaled(element_size(e).value_or(kUnknownSize), kTextFactor));
    return multiply(size, each);
  }

  static Range replaced_size(Range text, Range from, Range to) {
    Range count, kept;
    if (from.min == 0) {
      count.max = add(text.max, 1);
      kept.max = text.max;
    } else if (to.max <= from.min) {
      kept.max = text.max;
    } else {
      count.max = static_cast<uint64_t>(std::min(std::ceil(static_cast<double>(text.max) / static_cast<double>(from.min)), 1.8e19));
    }
    if (from.max == 0) {
      count.min = add(text.min, 1);
      kept.min = text.min;
    } else if (from.max <= to.min) {
      kept.min = text.min;
    } else {
      count.min = static_cast<uint64_t>(std::ceil(static_cast<double>(text.min) / static_cast<double>(from.max)));
    }
    return add(multiply(count, to), kept);
  }

  static uint64_t split_limit(const std::vector<const Expr*>& args, uint64_t otherwise) {
    bool literal = args.size() > 2 && args[2]->kind == Kind::kLiteral && args[2]->literal.is(Value::Kind::kInt);
    return literal ? static_cast<uint64_t>(args[2]->literal.integer()) : otherwise;
  }

  Estimate join(const std::vector<const Expr*>& args) {
    Range count = size_or_unknown(*args[0]);
    Range size = multiply(count, element_size(*args[0]).value_or(kUnknownSize));
    if (args.size() > 1) {
      Range separators{count.min > 0 ? count.min - 1 : 0, count.max > 0 ? count.max - 1 : 0};
      size = add(size, multiply(size_or_unknown(*args[1]), separators));
    }
    return {scaled(size, kTextFactor), size};
  }

  Range contains_address(Cost cost, const std::vector<const Expr*>& args) {
    Range bytes{4, 16};
    Range sum = scaled(add(bytes, bytes), kTextFactor);
    if (cost == Cost::kContainsCidr || cost == Cost::kContainsCidrText)
      sum = add(add(sum, scaled(bytes, kTextFactor)), exactly(1));
    bool text = cost == Cost::kContainsIpText || cost == Cost::kContainsCidrText;
    return text ? add(sum, scaled(size_or_unknown(*args[1]), kTextFactor)) : sum;
  }

  const std::map<std::string, SizesPtr, std::less<>>& variables_;
  const Sizes* root_ = nullptr;
  std::map<std::string, std::vector<Local>, std::less<>> locals_;
  std::map<const Expr*, Range> costs_, sizes_;
  std::map<const Expr*, Path> paths_;
  std::map<const Expr*, Entry> entries_;
};

}  // namespace

Range estimate_cost(const Program& program, const std::map<std::string, SizesPtr, std::less<>>& sizes) {
  return Estimator(sizes).cost(*program.root);
}

}  // namespace serin::kube::cel
