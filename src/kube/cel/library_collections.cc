// Kubernetes' lists library, sets, optional values, and the insertion that two-variable comprehensions use.

#include "base/strings.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

using Kind = Value::Kind;

Value is_sorted(Args a) {
  for (size_t i = 1; i < a[0].list().size(); ++i) {
    Value order = compare(a[0].list().at(i - 1), a[0].list().at(i));
    if (order.is_error()) return order;
    if (order.integer() > 0) return Value::boolean(false);
  }
  return Value::boolean(true);
}

/// The sum by the overload of + that fits, from a zero of the elements' kind.
template <class Zero>
Value sum(Args a, Zero zero) {
  static const Function* kAdd = find_function("_+_");
  Value total = zero();
  for (size_t i = 0; i < a[0].list().size(); ++i) {
    const Value pair[] = {total, a[0].list().at(i)};
    bool added = false;
    for (const Overload& overload : kAdd->overloads) {
      if (!accepts(overload, Args(pair, 2))) continue;
      total = overload.run(Args(pair, 2));
      added = true;
      break;
    }
    if (!added) return no_such_overload();
    if (total.is_error()) return total;
  }
  return total;
}
Value sum_int(Args a) {
  return sum(a, [] { return Value::integer(0); });
}
Value sum_uint(Args a) {
  return sum(a, [] { return Value::uinteger(0); });
}
Value sum_double(Args a) {
  return sum(a, [] { return Value::real(0); });
}
Value sum_duration(Args a) {
  return sum(a, [] { return Value::duration(0); });
}

Value extreme(Args a, std::string_view name, int64_t wanted) {
  const List& list = a[0].list();
  if (list.size() == 0) return Value::error(concat(name, " called on empty list"));
  Value best = list.at(0);
  for (size_t i = 1; i < list.size(); ++i) {
    Value order = compare(list.at(i), best);
    if (order.is_error()) return order;
    if (order.integer() == wanted) best = list.at(i);
  }
  return best;
}
Value min_of(Args a) { return extreme(a, "min", -1); }
Value max_of(Args a) { return extreme(a, "max", 1); }

Value index_of(Args a) {
  for (size_t i = 0; i < a[0].list().size(); ++i)
    if (equals(a[0].list().at(i), a[1])) return Value::integer(static_cast<int64_t>(i));
  return Value::integer(-1);
}
Value last_index_of(Args a) {
  for (size_t i = a[0].list().size(); i-- > 0;)
    if (equals(a[0].list().at(i), a[1])) return Value::integer(static_cast<int64_t>(i));
  return Value::integer(-1);
}

bool has(const List& list, const Value& v) {
  for (size_t i = 0; i < list.size(); ++i)
    if (equals(list.at(i), v)) return true;
  return false;
}
bool includes(const List& list, const List& part) {
  for (size_t i = 0; i < part.size(); ++i)
    if (!has(list, part.at(i))) return false;
  return true;
}
Value sets_contains(Args a) { return Value::boolean(includes(a[0].list(), a[1].list())); }
Value sets_equivalent(Args a) {
  return Value::boolean(includes(a[0].list(), a[1].list()) && includes(a[1].list(), a[0].list()));
}
Value sets_intersects(Args a) {
  for (size_t i = 0; i < a[0].list().size(); ++i)
    if (has(a[1].list(), a[0].list().at(i))) return Value::boolean(true);
  return Value::boolean(false);
}

Value optional_of(Args a) { return Value::optional_of(a[0]); }
Value optional_none(Args) { return Value::optional_none(); }
bool is_zero(const Value& v) {
  switch (v.kind()) {
    case Kind::kNull: return true;
    case Kind::kBool: return !v.boolean();
    case Kind::kInt: return v.integer() == 0;
    case Kind::kUint: return v.uinteger() == 0;
    case Kind::kDouble: return v.real() == 0;
    case Kind::kString:
    case Kind::kBytes: return v.text().empty();
    case Kind::kDuration: return v.duration() == 0;
    case Kind::kTimestamp: return v.seconds() == -62135596800 && v.nanos() == 0;
    case Kind::kList: return v.list().size() == 0;
    case Kind::kMap: return v.map().size() == 0;
    case Kind::kOptional: return !v.optional();
    default: return false;
  }
}
Value optional_of_non_zero(Args a) { return is_zero(a[0]) ? Value::optional_none() : Value::optional_of(a[0]); }
Value optional_value(Args a) { return a[0].optional() ? *a[0].optional() : Value::error("optional.none() dereference"); }
Value optional_has_value(Args a) { return Value::boolean(a[0].optional() != nullptr); }
Value first(Args a) { return a[0].list().size() == 0 ? Value::optional_none() : Value::optional_of(a[0].list().at(0)); }
Value last(Args a) {
  size_t size = a[0].list().size();
  return size == 0 ? Value::optional_none() : Value::optional_of(a[0].list().at(size - 1));
}
Value unwrap(Args a) {
  if (a[0].list().size() > kMaxText) return Value::error("list is too long");
  std::vector<Value> all;
  for (size_t i = 0; i < a[0].list().size(); ++i) {
    Value v = a[0].list().at(i);
    if (!v.is(Kind::kOptional)) return Value::error("value is not optional");
    if (v.optional()) all.push_back(*v.optional());
  }
  return Value::list(std::move(all));
}

/// The evaluator inserts into the map that its fold grows; no expression can call this by name.
Value in_place(Args) { return no_such_overload(); }

constexpr Row kRows[] = {
#define SERIN_CEL_COMPARABLE(name, run)                                                      \
  {"list_int_" #run, "list(int):" name "() " SERIN_CEL_RESULT("int"), run, Cost::kScan},     \
      {"list_uint_" #run, "list(uint):" name "() " SERIN_CEL_RESULT("uint"), run, Cost::kScan},       \
      {"list_double_" #run, "list(double):" name "() " SERIN_CEL_RESULT("double"), run, Cost::kScan}, \
      {"list_bool_" #run, "list(bool):" name "() " SERIN_CEL_RESULT("bool"), run, Cost::kScan},       \
      {"list_duration_" #run, "list(duration):" name "() " SERIN_CEL_RESULT("duration"), run, Cost::kScan},    \
      {"list_timestamp_" #run, "list(timestamp):" name "() " SERIN_CEL_RESULT("timestamp"), run, Cost::kScan}, \
      {"list_string_" #run, "list(string):" name "() " SERIN_CEL_RESULT("string"), run, Cost::kScan},          \
      {"list_bytes_" #run, "list(bytes):" name "() " SERIN_CEL_RESULT("bytes"), run, Cost::kScan}
#define SERIN_CEL_RESULT(type) "bool"
    SERIN_CEL_COMPARABLE("isSorted", is_sorted),
#undef SERIN_CEL_RESULT
#define SERIN_CEL_RESULT(type) type
    SERIN_CEL_COMPARABLE("min", min_of),
    SERIN_CEL_COMPARABLE("max", max_of),
#undef SERIN_CEL_RESULT
#undef SERIN_CEL_COMPARABLE
    {"list_int_sum_int", "list(int):sum() int", sum_int, Cost::kScan},
    {"list_uint_sum_uint", "list(uint):sum() uint", sum_uint, Cost::kScan},
    {"list_double_sum_double", "list(double):sum() double", sum_double, Cost::kScan},
    {"list_duration_sum_duration", "list(duration):sum() duration", sum_duration, Cost::kScan},
    {"list_a_index_of_int", "list(A):indexOf(A) int", index_of, Cost::kScan},
    {"list_a_last_index_of_int", "list(A):lastIndexOf(A) int", last_index_of, Cost::kScan},
    {"list_sets_contains_list", "sets.contains(list(A), list(A)) bool", sets_contains, Cost::kSets},
    {"list_sets_equivalent_list", "sets.equivalent(list(A), list(A)) bool", sets_equivalent, Cost::kSetsTwice},
    {"list_sets_intersects_list", "sets.intersects(list(A), list(A)) bool", sets_intersects, Cost::kSets},
    {"optional_of", "optional.of(V) optional(V)", optional_of},
    {"optional_ofNonZeroValue", "optional.ofNonZeroValue(V) optional(V)", optional_of_non_zero},
    {"optional_none", "optional.none() optional(V)", optional_none},
    {"optional_value", "optional(V):value() V", optional_value},
    {"optional_hasValue", "optional(V):hasValue() bool", optional_has_value},
    {"optional_or_optional", "optional(V):or(optional(V)) optional(V)", nullptr},
    {"optional_orValue_value", "optional(V):orValue(V) V", nullptr},
    {"list_last", "list(V):last() optional(V)", last},
    {"list_first", "list(V):first() optional(V)", first},
    {"optional_unwrap", "optional.unwrap(list(optional(V))) list(V)", unwrap},
    {"optional_unwrapOpt", "list(optional(V)):unwrapOpt() list(V)", unwrap},
    {"@mapInsert_map_key_value", "cel.@mapInsert(map(K, V), K, V) map(K, V)", in_place},
    {"@mapInsert_map_map", "cel.@mapInsert(map(K, V), map(K, V)) map(K, V)", in_place},
};

}  // namespace

std::span<const Row> collection_rows() { return kRows; }

}  // namespace serin::kube::cel
