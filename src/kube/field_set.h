#pragma once

/// Sets of field paths, as metadata.managedFields records who owns what (FieldsV1: "f:name", "k:{...}", "v:...",
/// "."), and the walks over documents that make and use them. Pure. Internal to server-side apply.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/json.h"
#include "kube/schema.h"

namespace serin::kube {

/// A tree of path elements; a node is in the set where `self` is true.
struct FieldSet {
  bool self = false;
  std::map<std::string, FieldSet, std::less<>> children;

  bool empty() const;
  bool operator==(const FieldSet&) const = default;

  /// The node below, or null.
  const FieldSet* child(std::string_view element) const;

  void unite(const FieldSet& other);
  /// Removes the paths of `other` (not what lies below them).
  void subtract(const FieldSet& other);
  FieldSet intersect(const FieldSet& other) const;
  /// Drops a path with everything below it.
  void drop(std::initializer_list<std::string_view> path);

  static FieldSet from_json(const json::value& fields_v1);
  json::value to_json() const;
  /// The paths as messages have them: ".spec.containers[name=\"a\"].image".
  std::vector<std::string> paths() const;
};

/// How a value is treated where two writers meet.
enum class Shape { kLeaf, kMap, kList };
/// By the schema; where it says nothing, objects are maps and lists are leaves.
Shape shape_of(const json::value& v, const Schema& schema);
/// The schema of a member or an item; one that accepts anything where `schema` says nothing.
const Schema& member_of(const Schema& schema, std::string_view name);
const Schema& item_of(const Schema& list);
/// "k:{...}" or "v:..." of an item; a missing key takes its default. kBadRequest where a key has neither.
Result<std::string> item_element(const json::value& item, const Schema& list);

/// The fields that a configuration sets. kBadRequest for list items without keys or with equal ones.
Result<FieldSet> fields_of(const json::value& config, const Schema& schema);

struct Comparison {
  FieldSet added, modified, removed;
  bool same() const { return added.empty() && modified.empty() && removed.empty(); }
};
/// What changed from `before` to `after`; null stands for nothing.
Comparison compare(const json::value& before, const json::value& after, const Schema& schema);

/// `live` with everything that `config` sets.
json::value merge_config(const json::value& live, const json::value& config, const Schema& schema);
/// Removes what is in `last` while nothing at or below it is in `kept`.
void remove_dropped(json::value& v, const FieldSet& last, const FieldSet& kept, const Schema& schema);

}  // namespace serin::kube
