#include "kube/cel/value.h"

#include <cmath>
#include <limits>

#include "base/strings.h"
#include "kube/quantity.h"

namespace serin::kube::cel {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0, kTwoTo64 = 18446744073709551616.0;

int sign(bool less, bool greater) { return less ? -1 : greater ? 1 : 0; }

int compare_int_double(int64_t a, double b) {
  if (b < -kTwoTo63) return 1;
  if (b > kTwoTo63) return -1;  // 2^63 itself is compared as a double, as cel-go does
  double x = static_cast<double>(a);
  return sign(x < b, x > b);
}

int compare_uint_double(uint64_t a, double b) {
  if (b < 0) return 1;
  if (b > kTwoTo64) return -1;
  double x = static_cast<double>(a);
  return sign(x < b, x > b);
}

int compare_int_uint(int64_t a, uint64_t b) {
  if (a < 0) return -1;
  return sign(static_cast<uint64_t>(a) < b, static_cast<uint64_t>(a) > b);
}

/// nullopt: one of them is NaN.
std::optional<int> compare_numbers(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  if (a.is(Kind::kDouble) && std::isnan(a.real())) return std::nullopt;
  if (b.is(Kind::kDouble) && std::isnan(b.real())) return std::nullopt;
  switch (a.kind()) {
    case Kind::kInt:
      if (b.is(Kind::kInt)) return sign(a.integer() < b.integer(), a.integer() > b.integer());
      if (b.is(Kind::kUint)) return compare_int_uint(a.integer(), b.uinteger());
      return compare_int_double(a.integer(), b.real());
    case Kind::kUint:
      if (b.is(Kind::kUint)) return sign(a.uinteger() < b.uinteger(), a.uinteger() > b.uinteger());
      if (b.is(Kind::kInt)) return -compare_int_uint(b.integer(), a.uinteger());
      return compare_uint_double(a.uinteger(), b.real());
    default:
      if (b.is(Kind::kInt)) return -compare_int_double(b.integer(), a.real());
      if (b.is(Kind::kUint)) return -compare_uint_double(b.uinteger(), a.real());
      return sign(a.real() < b.real(), a.real() > b.real());
  }
}

Value equal_lists(const Value& a, const Value& b) {
  if (auto special = a.list().equals(b)) return *std::move(special);
  size_t size = a.list().size();
  if (size != b.list().size()) return Value::boolean(false);
  for (size_t i = 0; i < size; ++i) {
    Value same = equal(a.list().at(i), b.list().at(i));
    if (!same.is_true()) return same;
  }
  return Value::boolean(true);
}

Value equal_maps(const Value& a, const Value& b) {
  if (auto special = a.map().equals(b)) return *std::move(special);
  if (a.map().size() != b.map().size()) return Value::boolean(false);
  for (const Value& key : a.map().keys()) {
    auto left = a.map().find(key), right = b.map().find(key);
    if (!left || !right) return Value::boolean(false);
    Value same = equal(*left, *right);
    if (!same.is_true()) return same;
  }
  return Value::boolean(true);
}

}  // namespace

std::optional<Value> List::equals(const Value&) const { return std::nullopt; }
bool List::declared() const { return false; }
bool Map::declared() const { return false; }
std::optional<Value> List::plus(const Value&) const { return std::nullopt; }
std::optional<Value> Map::equals(const Value&) const { return std::nullopt; }

Value Value::owned(Kind kind, std::string v) {
  Value r(kind);
  auto text = std::make_shared<const std::string>(std::move(v));
  r.text_ = *text;
  r.shared_ = std::move(text);
  return r;
}

Value Value::error(std::string message) { return owned(Kind::kError, std::move(message)); }

Value Value::list(std::vector<Value> v) { return list(std::make_shared<const ValueList>(std::move(v))); }

Value Value::map(std::vector<std::pair<Value, Value>> entries) {
  auto map = std::make_shared<ValueMap>();
  for (auto& [key, value] : entries) map->add(key, std::move(value));
  return Value::map(std::shared_ptr<const Map>(std::move(map)));
}

JoinedList::JoinedList(Value left, Value right) : left_(std::move(left)), right_(std::move(right)) {
  size_t a = left_.list().size(), b = right_.list().size();
  size_ = a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

bool JoinedList::declared() const { return left_.list().declared(); }

Value JoinedList::at(size_t i) const {
  size_t split = left_.list().size();
  return i < split ? left_.list().at(i) : right_.list().at(i - split);
}

std::vector<Value> ValueMap::keys() const {
  std::vector<Value> all;
  all.reserve(entries_.size());
  for (const auto& [key, value] : entries_) all.push_back(key);
  return all;
}

std::optional<Value> ValueMap::find(const Value& key) const {
  auto found = index_.find(identity(key));
  return found == index_.end() ? std::nullopt : std::optional(entries_[found->second].second);
}

bool ValueMap::add(const Value& key, Value value) {
  if (!index_.emplace(identity(key), entries_.size()).second) return false;
  entries_.emplace_back(key, std::move(value));
  return true;
}

void ValueMap::set(const Value& key, Value value) {
  auto [slot, added] = index_.emplace(identity(key), entries_.size());
  if (added) entries_.emplace_back(key, std::move(value));
  else entries_[slot->second].second = std::move(value);
}

std::string identity(const Value& v) {
  using Kind = Value::Kind;
  switch (v.kind()) {
    case Kind::kInt: return concat('n', v.integer());
    case Kind::kUint: return concat('n', v.uinteger());
    case Kind::kDouble:
      if (v.real() == std::floor(v.real()) && std::abs(v.real()) < kTwoTo63) return concat('n', static_cast<int64_t>(v.real()));
      return concat('d', std::to_string(v.real()));
    case Kind::kBool: return v.boolean() ? "t" : "f";
    case Kind::kString: return concat('s', v.text().size(), ':', v.text());
    case Kind::kBytes: return concat('b', v.text().size(), ':', v.text());
    case Kind::kTimestamp: return concat('T', v.seconds(), '.', v.nanos());
    case Kind::kDuration: return concat('D', v.duration());
    case Kind::kList: {
      std::string out = "[";
      for (size_t i = 0; i < v.list().size(); ++i) out += identity(v.list().at(i));
      return out + ']';
    }
    case Kind::kMap: {
      std::map<std::string, std::string> sorted;
      for (const Value& key : v.map().keys())
        if (auto member = v.map().find(key)) sorted[identity(key)] = identity(*member);
      std::string out = "{";
      for (const auto& [key, member] : sorted) out += concat(key, member);
      return out + '}';
    }
    case Kind::kUnknown: return json::dump_canonical(v.unknown());
    default: return "0";
  }
}

Value no_such_overload() { return Value::error("no such overload"); }

Value equal(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  if (a.is_error()) return a;
  if (b.is_error()) return b;
  if (a.is_number() && b.is_number()) return Value::boolean(compare_numbers(a, b) == 0);
  if (a.kind() != b.kind()) {
    bool null = a.is(Kind::kNull) || b.is(Kind::kNull);
    bool particular = a.is(Kind::kOpaque) || (a.is(Kind::kList) && a.list().declared()) || (a.is(Kind::kMap) && a.map().declared());
    return particular && !null ? no_such_overload() : Value::boolean(false);
  }
  switch (a.kind()) {
    case Kind::kNull: return Value::boolean(true);
    case Kind::kBool: return Value::boolean(a.boolean() == b.boolean());
    case Kind::kString:
    case Kind::kBytes: return Value::boolean(a.text() == b.text());
    case Kind::kTimestamp: return Value::boolean(a.seconds() == b.seconds() && a.nanos() == b.nanos());
    case Kind::kDuration: return Value::boolean(a.duration() == b.duration());
    case Kind::kList: return equal_lists(a, b);
    case Kind::kMap: return equal_maps(a, b);
    case Kind::kType: return Value::boolean(a.type()->kind == b.type()->kind && a.type()->name == b.type()->name);
    case Kind::kOptional:
      if (!a.optional() || !b.optional()) return Value::boolean(!a.optional() && !b.optional());
      return equal(*a.optional(), *b.optional());
    case Kind::kOpaque: return Value::boolean(a.opaque().type_name() == b.opaque().type_name() && a.opaque().equals(b.opaque()));
    case Kind::kUnknown: return Value::boolean(a.unknown() == b.unknown());
    default: return Value::boolean(false);
  }
}

bool equals(const Value& a, const Value& b) { return equal(a, b).is_true(); }

Value compare(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  if (a.is_number() && b.is_number()) {
    auto order = compare_numbers(a, b);
    return order ? Value::integer(*order) : Value::error("NaN values cannot be ordered");
  }
  if (a.kind() != b.kind()) return no_such_overload();
  switch (a.kind()) {
    case Kind::kBool: return Value::integer(sign(!a.boolean() && b.boolean(), a.boolean() && !b.boolean()));
    case Kind::kString:
    case Kind::kBytes: {
      int order = a.text().compare(b.text());
      return Value::integer(sign(order < 0, order > 0));
    }
    case Kind::kDuration: return Value::integer(sign(a.duration() < b.duration(), a.duration() > b.duration()));
    case Kind::kTimestamp: {
      auto left = std::pair(a.seconds(), a.nanos()), right = std::pair(b.seconds(), b.nanos());
      return Value::integer(sign(left < right, left > right));
    }
    default: return no_such_overload();
  }
}

TypePtr runtime_type(const Value& v) {
  using Kind = Value::Kind;
  static const TypePtr kDyn = type_of(Type::Kind::kDyn), kList = list_type(kDyn), kMap = map_type(kDyn, kDyn),
                       kOptional = optional_type(kDyn), kType = type_type(kDyn);
  switch (v.kind()) {
    case Kind::kError: return type_of(Type::Kind::kError);
    case Kind::kNull: return type_of(Type::Kind::kNull);
    case Kind::kBool: return type_of(Type::Kind::kBool);
    case Kind::kInt: return type_of(Type::Kind::kInt);
    case Kind::kUint: return type_of(Type::Kind::kUint);
    case Kind::kDouble: return type_of(Type::Kind::kDouble);
    case Kind::kString: return type_of(Type::Kind::kString);
    case Kind::kBytes: return type_of(Type::Kind::kBytes);
    case Kind::kTimestamp: return type_of(Type::Kind::kTimestamp);
    case Kind::kDuration: return type_of(Type::Kind::kDuration);
    case Kind::kList: return kList;
    case Kind::kMap: return kMap;
    case Kind::kType: return kType;
    case Kind::kOptional: return kOptional;
    case Kind::kOpaque: return opaque_type(v.opaque().type_name());
    case Kind::kUnknown: return kDyn;
  }
  return kDyn;
}

size_t code_points(std::string_view text) {
  size_t n = 0;
  for (unsigned char c : text) n += (c & 0xC0) != 0x80;
  return n;
}

uint64_t cost_size(const Value& v) {
  using Kind = Value::Kind;
  switch (v.kind()) {
    case Kind::kString: return code_points(v.text());
    case Kind::kBytes: return v.text().size();
    case Kind::kList: return v.list().size();
    case Kind::kMap: return v.map().size();
    case Kind::kOptional: return v.optional() ? cost_size(*v.optional()) : 1;
    case Kind::kOpaque: return v.opaque().cost_size();
    default: return 1;
  }
}

}  // namespace serin::kube::cel
