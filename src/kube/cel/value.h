#pragma once

/// The values of CEL expressions.
///
/// A value is cheap to copy. Strings, lists and maps that stand in a JSON document or in an expression are borrowed
/// from it: a value must not outlive what it was made from. Not changed once made; no locks of its own.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/json.h"
#include "kube/cel/type.h"

namespace serin::kube {
struct Schema;
}

namespace serin::kube::cel {

class Value;

/// A list as expressions see it.
class List {
 public:
  virtual ~List() = default;
  virtual size_t size() const = 0;
  virtual Value at(size_t i) const = 0;
  /// Kubernetes compares sets and keyed lists without regard to order; nullopt: compare as any list.
  virtual std::optional<Value> equals(const Value& other) const;
  /// And adds to them as to sets; nullopt: concatenate as any list.
  virtual std::optional<Value> plus(const Value& other) const;
  /// Whether a schema gives its type: compared with anything but a list, it is an error in Kubernetes.
  virtual bool declared() const;
};

/// A map, or an object (whose keys are the names of its members, as expressions write them).
class Map {
 public:
  virtual ~Map() = default;
  virtual size_t size() const = 0;
  virtual std::vector<Value> keys() const = 0;
  virtual std::optional<Value> find(const Value& key) const = 0;
  virtual std::optional<Value> equals(const Value& other) const;
  virtual bool declared() const;  ///< as with lists
};

/// A value of a library's type: quantity, IP, CIDR, URL, format, semantic version.
class Opaque {
 public:
  virtual ~Opaque() = default;
  virtual std::string_view type_name() const = 0;
  virtual bool equals(const Opaque& other) const = 0;
  /// What counts as its size for cost; 1 unless said otherwise.
  virtual size_t cost_size() const { return 1; }
};

class Value {
 public:
  enum class Kind : uint8_t {
    kError, kNull, kBool, kInt, kUint, kDouble, kString, kBytes, kTimestamp, kDuration, kList, kMap, kType, kOptional,
    kOpaque, kUnknown,  ///< data that no schema describes: only comparable
  };

  Value() : kind_(Kind::kNull) {}
  static Value error(std::string message);
  static Value null() { return Value(); }
  static Value boolean(bool v) { Value r(Kind::kBool); r.b_ = v; return r; }
  static Value integer(int64_t v) { Value r(Kind::kInt); r.i_ = v; return r; }
  static Value uinteger(uint64_t v) { Value r(Kind::kUint); r.u_ = v; return r; }
  static Value real(double v) { Value r(Kind::kDouble); r.d_ = v; return r; }
  static Value string(std::string v) { return owned(Kind::kString, std::move(v)); }
  static Value bytes(std::string v) { return owned(Kind::kBytes, std::move(v)); }
  /// Of text that outlives the value.
  static Value borrowed(std::string_view v) { Value r(Kind::kString); r.text_ = v; return r; }
  /// Seconds since 1970 and 0..999,999,999 nanoseconds.
  static Value timestamp(int64_t seconds, int32_t nanos) { Value r(Kind::kTimestamp); r.i_ = seconds; r.nanos_ = nanos; return r; }
  static Value duration(int64_t nanos) { Value r(Kind::kDuration); r.i_ = nanos; return r; }
  static Value list(std::shared_ptr<const List> v) { Value r(Kind::kList); r.shared_ = std::move(v); return r; }
  static Value list(std::vector<Value> v);
  static Value map(std::shared_ptr<const Map> v) { Value r(Kind::kMap); r.shared_ = std::move(v); return r; }
  /// Keys are unlike each other. Keeps their order.
  static Value map(std::vector<std::pair<Value, Value>> entries);
  static Value type(TypePtr v) { Value r(Kind::kType); r.shared_ = std::move(v); return r; }
  static Value optional_of(Value v) { Value r(Kind::kOptional); r.shared_ = std::make_shared<const Value>(std::move(v)); return r; }
  static Value optional_none() { return Value(Kind::kOptional); }
  static Value opaque(std::shared_ptr<const Opaque> v) { Value r(Kind::kOpaque); r.shared_ = std::move(v); return r; }
  static Value unknown(const json::value& v) { Value r(Kind::kUnknown); r.json_ = &v; return r; }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_error() const { return kind_ == Kind::kError; }
  bool is_true() const { return kind_ == Kind::kBool && b_; }
  bool is_false() const { return kind_ == Kind::kBool && !b_; }
  bool is_number() const { return kind_ == Kind::kInt || kind_ == Kind::kUint || kind_ == Kind::kDouble; }

  // Each is for its own kind.
  bool boolean() const { return b_; }
  int64_t integer() const { return i_; }
  uint64_t uinteger() const { return u_; }
  double real() const { return d_; }
  std::string_view text() const { return text_; }  ///< strings, bytes, and the message of an error
  int64_t seconds() const { return i_; }
  int32_t nanos() const { return nanos_; }
  int64_t duration() const { return i_; }
  const List& list() const { return *static_cast<const List*>(shared_.get()); }
  const Map& map() const { return *static_cast<const Map*>(shared_.get()); }
  const Opaque& opaque() const { return *static_cast<const Opaque*>(shared_.get()); }
  TypePtr type() const { return std::static_pointer_cast<const Type>(shared_); }
  const Value* optional() const { return static_cast<const Value*>(shared_.get()); }  ///< null: none
  const json::value& unknown() const { return *json_; }

 private:
  explicit Value(Kind kind) : kind_(kind) {}
  static Value owned(Kind kind, std::string v);

  Kind kind_;
  int32_t nanos_ = 0;
  union {
    bool b_;
    int64_t i_ = 0;
    uint64_t u_;
    double d_;
    const json::value* json_;
  };
  std::string_view text_;
  std::shared_ptr<const void> shared_;
};

/// A list that grows at its end while nothing else holds it.
class ValueList final : public List {
 public:
  ValueList() = default;
  explicit ValueList(std::vector<Value> values) : values(std::move(values)) {}
  size_t size() const override { return values.size(); }
  Value at(size_t i) const override { return values[i]; }
  std::vector<Value> values;
};

/// Two lists one behind the other, without copying them: a chain of additions costs no memory.
class JoinedList final : public List {
 public:
  JoinedList(Value left, Value right);
  size_t size() const override { return size_; }
  bool declared() const override;
  Value at(size_t i) const override;

 private:
  Value left_, right_;
  size_t size_;
};

/// A map of values made by an expression. Keys keep their order.
class ValueMap final : public Map {
 public:
  size_t size() const override { return entries_.size(); }
  std::vector<Value> keys() const override;
  std::optional<Value> find(const Value& key) const override;
  /// False where the key is there already.
  bool add(const Value& key, Value value);
  void set(const Value& key, Value value);

 private:
  std::vector<std::pair<Value, Value>> entries_;
  std::map<std::string, size_t, std::less<>> index_;  ///< by identity
};

/// Text that is the same for equal scalars (numbers by value) and lists and maps of them, and unlike for others.
std::string identity(const Value& v);

/// No text that an expression makes is longer: longer ones are an error.
inline constexpr size_t kMaxText = 16 << 20;

/// A JSON document as expressions see it under `schema`: strings with a format as timestamps, durations and bytes, numbers
/// as the schema types them, unknown members hidden. An error value where the document does not fit.
/// Without a schema: JSON as it is, integers as int.
Value from_json(const json::value& v, const Schema* schema);

/// The root of a resource, or an embedded one: as `from_json`, with metadata reduced to name and generateName.
Value from_resource(const json::value& v, const Schema& schema);

/// CEL's equality: numbers by value over all types, NaN unlike everything, unlike types unequal. Never nullopt inside;
/// an error value where a comparison is not possible.
Value equal(const Value& a, const Value& b);
bool equals(const Value& a, const Value& b);

/// -1, 0, 1; an error value where there is no order between the two.
Value compare(const Value& a, const Value& b);

/// The run-time type of a value, such as `int` or `list`.
TypePtr runtime_type(const Value& v);

/// The number of code points of valid UTF-8.
size_t code_points(std::string_view text);

/// The number of elements, entries, code points or bytes; 1 for all else. What cost is counted by.
uint64_t cost_size(const Value& v);

Value no_such_overload();

}  // namespace serin::kube::cel
