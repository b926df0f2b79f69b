#pragma once

/// JSON values: Boost.JSON's DOM, and the few accessors that make reading API objects short.
///
/// Accessors never throw and never create what is missing: a wrong type reads as absent. Paths are member
/// names, one argument each: `get_int(doc, 1, "spec", "replicas")`.

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace serin::json {

using boost::json::array;
using boost::json::kind;
using boost::json::object;
using boost::json::value;

/// Deeper documents are refused: nothing in Kubernetes nests so far, and depth costs stack.
inline constexpr size_t kMaxDepth = 256;

/// Parses one JSON document. Numbers are int64 where they fit, else uint64, else double; beyond that an error.
Result<value> parse(std::string_view text);
/// Compact text, members in the order they stand. Doubles are written as Go writes them (0.5, 1e-7) and read back
/// to the same value; here and in all forms below.
std::string dump(const value& v);
/// Indented by two spaces, for people.
std::string dump_pretty(const value& v);
/// Compact text with members sorted by name at every level: equal documents give equal bytes.
std::string dump_canonical(const value& v);
/// As Go's encoding/json writes it: members sorted by name, and <, >, & and U+2028/9 escaped.
std::string dump_go(const value& v);

using Path = std::initializer_list<std::string_view>;

/// The value at `path`, or null where any step is missing or not an object.
const value* find_at(const value& v, Path path);
value* find_at(value& v, Path path);

template <class... Names>
const value* find(const value& v, const Names&... names) {
  return find_at(v, {std::string_view(names)...});
}
template <class... Names>
value* find(value& v, const Names&... names) {
  return find_at(v, {std::string_view(names)...});
}

/// As `find`, where the value has the type; else null.
template <class... Names>
const object* find_object(const value& v, const Names&... names) {
  const value* found = find(v, names...);
  return found ? found->if_object() : nullptr;
}
template <class... Names>
const array* find_array(const value& v, const Names&... names) {
  const value* found = find(v, names...);
  return found ? found->if_array() : nullptr;
}

std::optional<int64_t> as_int(const value* v);  ///< any number without a fraction
std::string_view as_string(const value* v, std::string_view otherwise = {});
bool as_bool(const value* v, bool otherwise = false);

template <class... Names>
std::string_view get_string(const value& v, const Names&... names) {
  return as_string(find(v, names...));
}
template <class... Names>
int64_t get_int(const value& v, int64_t otherwise, const Names&... names) {
  return as_int(find(v, names...)).value_or(otherwise);
}
template <class... Names>
bool get_bool(const value& v, bool otherwise, const Names&... names) {
  return as_bool(find(v, names...), otherwise);
}

/// The elements of the array at the path; nothing where there is none:
/// `for (const value& port : items(doc, "spec", "ports"))`.
template <class... Names>
const array& items(const value& v, const Names&... names) {
  static const array kNone;
  const array* found = find_array(v, names...);
  return found ? *found : kNone;
}

/// The object at `path`, made where it is missing or has another type.
object& ensure_object(value& v, Path path);
/// Sets the value at `path`, making the objects on the way.
void set(value& v, Path path, value to);
/// Removes the member at `path`; empty parents stay. Returns whether it was there.
bool erase(value& v, Path path);

}  // namespace serin::json
