// CEL's standard library but for times: operators, conversions, strings, sizes.

#include <re2/re2.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/strings.h"
#include "base/time.h"
#include "base/utf8.h"
#include "kube/cel/lexer.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

using Kind = Value::Kind;
constexpr int64_t kMinInt = std::numeric_limits<int64_t>::min();
constexpr int64_t kMinSeconds = -62135596800, kMaxSeconds = 253402300799;

Value overflow() { return Value::error("integer overflow"); }
Value uint_overflow() { return Value::error("unsigned integer overflow"); }
Value checked_timestamp(int64_t seconds, int64_t nanos) {
  seconds += nanos / 1'000'000'000;
  nanos %= 1'000'000'000;
  if (nanos < 0) {
    nanos += 1'000'000'000;
    --seconds;
  }
  if (seconds < kMinSeconds || seconds > kMaxSeconds) return Value::error("timestamp overflow");
  return Value::timestamp(seconds, static_cast<int32_t>(nanos));
}
Value checked_duration(__int128 nanos) {
  if (nanos < kMinInt || nanos > std::numeric_limits<int64_t>::max()) return Value::error("duration overflow");
  return Value::duration(static_cast<int64_t>(nanos));
}

Value bad_conversion(std::string_view from, std::string_view to) {
  return Value::error(concat("type conversion error from '", from, "' to '", to, "'"));
}

// ---- operators ----

Value add_int(Args a) {
  int64_t r = 0;
  return __builtin_add_overflow(a[0].integer(), a[1].integer(), &r) ? overflow() : Value::integer(r);
}
Value add_uint(Args a) {
  uint64_t r = 0;
  return __builtin_add_overflow(a[0].uinteger(), a[1].uinteger(), &r) ? uint_overflow() : Value::uinteger(r);
}
Value add_double(Args a) { return Value::real(a[0].real() + a[1].real()); }
Value add_string(Args a) {
  std::string text(a[0].text());
  text += a[1].text();
  return Value::string(std::move(text));
}
Value add_bytes(Args a) {
  std::string text(a[0].text());
  text += a[1].text();
  return Value::bytes(std::move(text));
}
Value add_list(Args a) {
  if (auto special = a[0].list().plus(a[1])) return *std::move(special);
  return Value::list(std::shared_ptr<const List>(std::make_shared<const JoinedList>(a[0], a[1])));
}
Value add_durations(Args a) { return checked_duration(__int128(a[0].duration()) + a[1].duration()); }
Value add_to_timestamp(const Value& time, int64_t nanos) {
  return checked_timestamp(time.seconds() + nanos / 1'000'000'000, time.nanos() + nanos % 1'000'000'000);
}
Value add_timestamp_duration(Args a) { return add_to_timestamp(a[0], a[1].duration()); }
Value add_duration_timestamp(Args a) { return add_to_timestamp(a[1], a[0].duration()); }

Value subtract_int(Args a) {
  int64_t r = 0;
  return __builtin_sub_overflow(a[0].integer(), a[1].integer(), &r) ? overflow() : Value::integer(r);
}
Value subtract_uint(Args a) {
  uint64_t r = 0;
  return __builtin_sub_overflow(a[0].uinteger(), a[1].uinteger(), &r) ? uint_overflow() : Value::uinteger(r);
}
Value subtract_double(Args a) { return Value::real(a[0].real() - a[1].real()); }
Value subtract_durations(Args a) { return checked_duration(__int128(a[0].duration()) - a[1].duration()); }
Value subtract_timestamps(Args a) {
  return checked_duration(__int128(a[0].seconds() - a[1].seconds()) * 1'000'000'000 + a[0].nanos() - a[1].nanos());
}
Value subtract_from_timestamp(Args a) {
  if (a[1].duration() == kMinInt) return Value::error("timestamp overflow");
  return add_to_timestamp(a[0], -a[1].duration());
}

Value multiply_int(Args a) {
  int64_t r = 0;
  return __builtin_mul_overflow(a[0].integer(), a[1].integer(), &r) ? overflow() : Value::integer(r);
}
Value multiply_uint(Args a) {
  uint64_t r = 0;
  return __builtin_mul_overflow(a[0].uinteger(), a[1].uinteger(), &r) ? uint_overflow() : Value::uinteger(r);
}
Value multiply_double(Args a) { return Value::real(a[0].real() * a[1].real()); }
Value divide_int(Args a) {
  if (a[1].integer() == 0) return Value::error("division by zero");
  if (a[0].integer() == kMinInt && a[1].integer() == -1) return overflow();
  return Value::integer(a[0].integer() / a[1].integer());
}
Value divide_uint(Args a) {
  if (a[1].uinteger() == 0) return Value::error("division by zero");
  return Value::uinteger(a[0].uinteger() / a[1].uinteger());
}
Value divide_double(Args a) {
  double x = a[0].real(), y = a[1].real();
  if (y != 0) return Value::real(x / y);
  if (x == 0 || std::isnan(x) || std::isnan(y)) return Value::real(std::numeric_limits<double>::quiet_NaN());
  double infinite = std::numeric_limits<double>::infinity();
  return Value::real(std::signbit(x) == std::signbit(y) ? infinite : -infinite);
}
Value modulo_int(Args a) {
  if (a[1].integer() == 0) return Value::error("modulus by zero");
  if (a[0].integer() == kMinInt && a[1].integer() == -1) return overflow();
  return Value::integer(a[0].integer() % a[1].integer());
}
Value modulo_uint(Args a) {
  if (a[1].uinteger() == 0) return Value::error("modulus by zero");
  return Value::uinteger(a[0].uinteger() % a[1].uinteger());
}
Value negate_int(Args a) { return a[0].integer() == kMinInt ? overflow() : Value::integer(-a[0].integer()); }
Value negate_double(Args a) { return Value::real(-a[0].real()); }
Value negate_bool(Args a) { return Value::boolean(!a[0].boolean()); }

Value equal_values(Args a) { return equal(a[0], a[1]); }
Value unequal_values(Args a) {
  Value same = equal(a[0], a[1]);
  return same.is_error() ? same : Value::boolean(!same.is_true());
}
template <class Test>
Value order(Args a, Test test) {
  Value result = compare(a[0], a[1]);
  return result.is_error() ? result : Value::boolean(test(result.integer()));
}
Value less(Args a) { return order(a, [](int64_t n) { return n < 0; }); }
Value less_equal(Args a) { return order(a, [](int64_t n) { return n <= 0; }); }
Value greater(Args a) { return order(a, [](int64_t n) { return n > 0; }); }
Value greater_equal(Args a) { return order(a, [](int64_t n) { return n >= 0; }); }

Value in_list(Args a) {
  for (size_t i = 0; i < a[1].list().size(); ++i)
    if (equals(a[0], a[1].list().at(i))) return Value::boolean(true);
  return Value::boolean(false);
}
Value in_map(Args a) {
  auto found = a[1].map().find(a[0]);
  return Value::boolean(found.has_value());
}

Value size_of(Args a) { return Value::integer(static_cast<int64_t>(cost_size(a[0]))); }

// ---- conversions ----

Value identity(Args a) { return a[0]; }
Value type_of_value(Args a) { return Value::type(runtime_type(a[0])); }

Value string_to_bool(Args a) {
  std::string_view text = a[0].text();
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == yes) return Value::boolean(true);
  for (std::string_view no : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == no) return Value::boolean(false);
  return bad_conversion("string", "bool");
}
Value string_to_bytes(Args a) { return Value::bytes(std::string(a[0].text())); }
Value bytes_to_string(Args a) {
  if (!is_utf8(a[0].text())) return Value::error("invalid UTF-8 in bytes, cannot convert to string");
  return Value::string(std::string(a[0].text()));
}
Value string_to_double(Args a) {
  std::string text(a[0].text());
  char* end = nullptr;
  double v = std::strtod(text.c_str(), &end);
  bool spaced = !text.empty() && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'));
  bool infinite = std::isinf(v) && lower(text).find("inf") == std::string::npos;
  if (text.empty() || spaced || infinite || end != text.c_str() + text.size()) return bad_conversion("string", "double");
  return Value::real(v);
}
Value string_to_int(Args a) {
  std::string_view text = a[0].text();
  bool plus = text.starts_with('+') && text.size() > 1 && text[1] >= '0' && text[1] <= '9';
  auto v = parse_int<int64_t>(plus ? text.substr(1) : text);
  return v ? Value::integer(*v) : bad_conversion("string", "int");
}
Value string_to_uint(Args a) {
  auto v = parse_int<uint64_t>(a[0].text());
  return v ? Value::uinteger(*v) : bad_conversion("string", "uint");
}
Value int_to_double(Args a) { return Value::real(static_cast<double>(a[0].integer())); }
Value uint_to_double(Args a) { return Value::real(static_cast<double>(a[0].uinteger())); }
Value double_to_int(Args a) {
  double v = a[0].real();
  if (std::isnan(v) || v <= -9223372036854775808.0 || v >= 9223372036854775808.0) return overflow();
  return Value::integer(static_cast<int64_t>(v));
}
Value double_to_uint(Args a) {
  double v = a[0].real();
  if (std::isnan(v) || v < 0 || v >= 18446744073709551616.0) return uint_overflow();
  return Value::uinteger(static_cast<uint64_t>(v));
}
Value uint_to_int(Args a) {
  if (a[0].uinteger() > uint64_t{std::numeric_limits<int64_t>::max()}) return overflow();
  return Value::integer(static_cast<int64_t>(a[0].uinteger()));
}
Value int_to_uint(Args a) { return a[0].integer() < 0 ? uint_overflow() : Value::uinteger(static_cast<uint64_t>(a[0].integer())); }
Value duration_to_int(Args a) { return Value::integer(a[0].duration()); }
Value timestamp_to_int(Args a) { return Value::integer(a[0].seconds()); }
Value string_to_duration(Args a) {
  auto span = parse_duration(a[0].text());
  return span ? Value::duration(span->count()) : bad_conversion("string", "google.protobuf.Duration");
}
Value int_to_duration(Args a) { return Value::duration(a[0].integer()); }
Value int_to_timestamp(Args a) { return checked_timestamp(a[0].integer(), 0); }
Value any_to_string(Args a) { return to_string(a[0]); }

// ---- strings ----

Value contains(Args a) { return Value::boolean(a[0].text().find(a[1].text()) != std::string_view::npos); }
Value starts_with(Args a) { return Value::boolean(a[0].text().starts_with(a[1].text())); }
Value ends_with(Args a) { return Value::boolean(a[0].text().ends_with(a[1].text())); }
Value matches(Args a) {
  re2::RE2 pattern(re2::StringPiece(a[1].text().data(), a[1].text().size()), re2::RE2::Quiet);
  if (!pattern.ok()) return Value::error(concat("error parsing regexp: ", pattern.error()));
  return Value::boolean(re2::RE2::PartialMatch(re2::StringPiece(a[0].text().data(), a[0].text().size()), pattern));
}

constexpr Row kRows[] = {
    {"conditional", "_?_:_(bool, A, A) A", nullptr, Cost::kConditional},
    {"logical_and", "_&&_(bool, bool) bool", nullptr, Cost::kLogic},
    {"logical_or", "_||_(bool, bool) bool", nullptr, Cost::kLogic},
    {"logical_not", "!_(bool) bool", negate_bool},
    {"not_strictly_false", "@not_strictly_false(bool) bool", nullptr},
    {"equals", "_==_(A, A) bool", equal_values, Cost::kEqual},
    {"not_equals", "_!=_(A, A) bool", unequal_values, Cost::kEqual},
    {"add_bytes", "_+_(bytes, bytes) bytes", add_bytes, Cost::kAddText},
    {"add_double", "_+_(double, double) double", add_double},
    {"add_duration_duration", "_+_(duration, duration) duration", add_durations},
    {"add_duration_timestamp", "_+_(duration, timestamp) timestamp", add_duration_timestamp},
    {"add_timestamp_duration", "_+_(timestamp, duration) timestamp", add_timestamp_duration},
    {"add_int64", "_+_(int, int) int", add_int},
    {"add_list", "_+_(list(A), list(A)) list(A)", add_list, Cost::kAddList},
    {"add_string", "_+_(string, string) string", add_string, Cost::kAddText},
    {"add_uint64", "_+_(uint, uint) uint", add_uint},
    {"subtract_double", "_-_(double, double) double", subtract_double},
    {"subtract_duration_duration", "_-_(duration, duration) duration", subtract_durations},
    {"subtract_int64", "_-_(int, int) int", subtract_int},
    {"subtract_timestamp_duration", "_-_(timestamp, duration) timestamp", subtract_from_timestamp},
    {"subtract_timestamp_timestamp", "_-_(timestamp, timestamp) duration", subtract_timestamps},
    {"subtract_uint64", "_-_(uint, uint) uint", subtract_uint},
    {"multiply_double", "_*_(double, double) double", multiply_double},
    {"multiply_int64", "_*_(int, int) int", multiply_int},
    {"multiply_uint64", "_*_(uint, uint) uint", multiply_uint},
    {"divide_double", "_/_(double, double) double", divide_double},
    {"divide_int64", "_/_(int, int) int", divide_int},
    {"divide_uint64", "_/_(uint, uint) uint", divide_uint},
    {"modulo_int64", "_%_(int, int) int", modulo_int},
    {"modulo_uint64", "_%_(uint, uint) uint", modulo_uint},
    {"negate_double", "-_(double) double", negate_double},
    {"negate_int64", "-_(int) int", negate_int},
#define SERIN_CEL_ORDER(name, op, run)                                \
  {name "_bool", op "(bool, bool) bool", run},                        \
      {name "_int64", op "(int, int) bool", run},                     \
      {name "_int64_double", op "(int, double) bool", run},           \
      {name "_int64_uint64", op "(int, uint) bool", run},             \
      {name "_uint64", op "(uint, uint) bool", run},                  \
      {name "_uint64_double", op "(uint, double) bool", run},         \
      {name "_uint64_int64", op "(uint, int) bool", run},             \
      {name "_double", op "(double, double) bool", run},              \
      {name "_double_int64", op "(double, int) bool", run},           \
      {name "_double_uint64", op "(double, uint) bool", run},         \
      {name "_string", op "(string, string) bool", run, Cost::kCompareText}, \
      {name "_bytes", op "(bytes, bytes) bool", run, Cost::kCompareText},    \
      {name "_timestamp", op "(timestamp, timestamp) bool", run}, {       \
    name "_duration", op "(duration, duration) bool", run                 \
  }
    SERIN_CEL_ORDER("less", "_<_", less),
    SERIN_CEL_ORDER("less_equals", "_<=_", less_equal),
    SERIN_CEL_ORDER("greater", "_>_", greater),
    SERIN_CEL_ORDER("greater_equals", "_>=_", greater_equal),
#undef SERIN_CEL_ORDER
    {"index_list", "_[_](list(A), int) A", nullptr, Cost::kIndexList},
    {"index_map", "_[_](map(A, B), A) B", nullptr, Cost::kIndexMap},
    {"optional_list_index_int", "_[_](optional(list(V)), int) optional(V)", nullptr},
    {"optional_map_index_value", "_[_](optional(map(K, V)), K) optional(V)", nullptr},
    {"list_optindex_optional_int", "_[?_](list(V), int) optional(V)", nullptr},
    {"optional_list_optindex_optional_int", "_[?_](optional(list(V)), int) optional(V)", nullptr},
    {"map_optindex_optional_value", "_[?_](map(K, V), K) optional(V)", nullptr},
    {"optional_map_optindex_optional_value", "_[?_](optional(map(K, V)), K) optional(V)", nullptr},
    {"select_optional_field", "_?._(dyn, string) optional(V)", nullptr},
    {"in_list", "@in(A, list(A)) bool", in_list, Cost::kIn},
    {"in_map", "@in(A, map(A, B)) bool", in_map},
    {"size_bytes", "size(bytes) int", size_of},
    {"bytes_size", "bytes:size() int", size_of},
    {"size_list", "size(list(A)) int", size_of},
    {"list_size", "list(A):size() int", size_of},
    {"size_map", "size(map(A, B)) int", size_of},
    {"map_size", "map(A, B):size() int", size_of},
    {"size_string", "size(string) int", size_of},
    {"string_size", "string:size() int", size_of},
    {"type", "type(A) type(A)", type_of_value},
    {"bool_to_bool", "bool(bool) bool", identity},
    {"string_to_bool", "bool(string) bool", string_to_bool},
    {"bytes_to_bytes", "bytes(bytes) bytes", identity},
    {"string_to_bytes", "bytes(string) bytes", string_to_bytes, Cost::kToBytes},
    {"double_to_double", "double(double) double", identity},
    {"int64_to_double", "double(int) double", int_to_double},
    {"string_to_double", "double(string) double", string_to_double},
    {"uint64_to_double", "double(uint) double", uint_to_double},
    {"duration_to_duration", "duration(duration) duration", identity},
    {"int64_to_duration", "duration(int) duration", int_to_duration},
    {"string_to_duration", "duration(string) duration", string_to_duration},
    {"to_dyn", "dyn(A) dyn", identity},
    {"int64_to_int64", "int(int) int", identity},
    {"double_to_int64", "int(double) int", double_to_int},
    {"duration_to_int64", "int(duration) int", duration_to_int},
    {"string_to_int64", "int(string) int", string_to_int},
    {"timestamp_to_int64", "int(timestamp) int", timestamp_to_int},
    {"uint64_to_int64", "int(uint) int", uint_to_int},
    {"string_to_string", "string(string) string", identity},
    {"bool_to_string", "string(bool) string", any_to_string},
    {"bytes_to_string", "string(bytes) string", bytes_to_string, Cost::kFromBytes},
    {"double_to_string", "string(double) string", any_to_string},
    {"duration_to_string", "string(duration) string", any_to_string},
    {"int64_to_string", "string(int) string", any_to_string},
    {"timestamp_to_string", "string(timestamp) string", any_to_string},
    {"uint64_to_string", "string(uint) string", any_to_string},
    {"timestamp_to_timestamp", "timestamp(timestamp) timestamp", identity},
    {"int64_to_timestamp", "timestamp(int) timestamp", int_to_timestamp},
    {"uint64_to_uint64", "uint(uint) uint", identity},
    {"double_to_uint64", "uint(double) uint", double_to_uint},
    {"int64_to_uint64", "uint(int) uint", int_to_uint},
    {"string_to_uint64", "uint(string) uint", string_to_uint},
    {"contains_string", "string:contains(string) bool", contains, Cost::kContains},
    {"ends_with_string", "string:endsWith(string) bool", ends_with, Cost::kAffix},
    {"starts_with_string", "string:startsWith(string) bool", starts_with, Cost::kAffix},
    {"matches", "matches(string, string) bool", matches, Cost::kMatches},
    {"matches_string", "string:matches(string) bool", matches, Cost::kMatches},
};

}  // namespace

std::span<const Row> standard_rows() { return kRows; }

std::string to_utf8(std::u32string_view code_points) {
  std::string out;
  for (char32_t c : code_points) append_utf8(out, c);
  return out;
}

std::string shortest_double(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), v, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  size_t e = text.find('e');
  int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if (exponent < -4 || exponent >= 6) return std::string(text);
  auto [stop, failed] = std::to_chars(buffer, buffer + sizeof(buffer), v, std::chars_format::fixed);
  return std::string(buffer, stop);
}

Value to_string(const Value& v) {
  switch (v.kind()) {
    case Kind::kBool: return Value::string(v.boolean() ? "true" : "false");
    case Kind::kInt: return Value::string(std::to_string(v.integer()));
    case Kind::kUint: return Value::string(std::to_string(v.uinteger()));
    case Kind::kDouble: return Value::string(shortest_double(v.real()));
    case Kind::kString: return v;
    case Kind::kBytes: return bytes_to_string(Args(&v, 1));
    case Kind::kType: return Value::string(v.type()->name.empty() ? v.type()->str().substr(0, v.type()->str().find('(')) : v.type()->name);
    case Kind::kDuration: {
      int64_t nanos = v.duration();
      uint64_t size = nanos < 0 ? ~static_cast<uint64_t>(nanos) + 1 : static_cast<uint64_t>(nanos);
      std::string text = concat(nanos < 0 ? "-" : "", size / 1'000'000'000);
      if (uint64_t rest = size % 1'000'000'000; rest != 0) {
        std::string digits = std::to_string(1'000'000'000 + rest).substr(1);
        digits.erase(digits.find_last_not_of('0') + 1);
        text += concat(".", digits);
      }
      return Value::string(text + "s");
    }
    case Kind::kTimestamp: {
      auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(v.seconds())));
      std::chrono::year_month_day date(days);
      auto second = std::chrono::sys_seconds(std::chrono::seconds(v.seconds())) - days;
      char buffer[48];
      int64_t s = second.count();
      std::snprintf(buffer, sizeof(buffer), "%04d-%02u-%02uT%02d:%02d:%02d", int(date.year()), unsigned(date.month()),
                    unsigned(date.day()), int(s / 3600), int(s / 60 % 60), int(s % 60));
      std::string text = buffer;
      if (v.nanos() != 0) {
        std::string digits = std::to_string(1'000'000'000 + v.nanos()).substr(1);
        digits.erase(digits.find_last_not_of('0') + 1);
        text += concat(".", digits);
      }
      return Value::string(text + "Z");
    }
    default: return no_such_overload();
  }
}

}  // namespace serin::kube::cel
