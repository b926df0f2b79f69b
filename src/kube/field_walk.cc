#include <algorithm>

#include "base/strings.h"
#include "kube/field_set.h"
#include "kube/quantity.h"

namespace serin::kube {
namespace {

const json::value& nothing() {
  static const json::value kNull;
  return kNull;
}

bool same_leaf(const json::value& a, const json::value& b, const Schema& schema) {
  if (a == b) return true;
  if (schema.format != "quantity") return false;
  auto left = Quantity::from_json(a);
  auto right = Quantity::from_json(b);
  return left && right && *left == *right;
}

bool is_empty(const json::value& v) {
  return (v.is_object() && v.get_object().empty()) || (v.is_array() && v.get_array().empty());
}

/// The items of a list by their elements; of items that share one, the first.
std::map<std::string, size_t> positions(const json::array& list, const Schema& schema) {
  std::map<std::string, size_t> at;
  for (size_t i = 0; i < list.size(); ++i)
    if (auto element = item_element(list[i], schema)) at.emplace(*std::move(element), i);
  return at;
}

std::string field_element(std::string_view name) { return concat("f:", name); }

Result<void> gather(const json::value& v, const Schema& schema, bool item, FieldSet& out) {
  Shape shape = shape_of(v, schema);
  if (shape == Shape::kLeaf || is_empty(v)) {
    out.self = true;
    return {};
  }
  if (item) out.self = true;
  if (shape == Shape::kMap) {
    for (const auto& [name, member] : v.get_object())
      SERIN_TRY(gather(member, member_of(schema, name), !schema.field(name), out.children[field_element(name)]));
    return {};
  }
  for (const json::value& entry : v.get_array()) {
    std::string element = SERIN_TRY(item_element(entry, schema));
    auto [at, fresh] = out.children.try_emplace(element);
    if (!fresh) return fail(Code::kBadRequest, concat("duplicate entries for key [", element.substr(2), "]"));
    SERIN_TRY(gather(entry, item_of(schema), true, at->second));
  }
  return {};
}

/// Everything at and below `v` goes into `out`. Of declared objects only their members count on creation, as
/// Kubernetes' own types are never absent; a removed one counts itself too.
void mark(const json::value& v, const Schema& schema, bool item, bool containers, FieldSet& out) {
  Shape shape = shape_of(v, schema);
  bool leaf = shape == Shape::kLeaf || is_empty(v);
  bool map = shape == Shape::kMap && schema.fields.empty();
  if (leaf || item || map || containers) out.self = true;
  if (leaf) return;
  if (shape == Shape::kMap) {
    for (const auto& [name, member] : v.get_object())
      if (!member.is_null())
        mark(member, member_of(schema, name), !schema.field(name), containers, out.children[field_element(name)]);
    return;
  }
  for (const json::value& entry : v.get_array())
    if (auto element = item_element(entry, schema))
      mark(entry, item_of(schema), true, containers, out.children[*element]);
}

void differ(const json::value& before, const json::value& after, const Schema& schema, bool item,
            FieldSet& added, FieldSet& modified, FieldSet& removed);

void differ_below(const std::string& element, const json::value& before, const json::value& after,
                  const Schema& schema, bool item, FieldSet& added, FieldSet& modified, FieldSet& removed) {
  FieldSet a, m, r;
  differ(before, after, schema, item, a, m, r);
  if (!a.empty()) added.children.emplace(element, std::move(a));
  if (!m.empty()) modified.children.emplace(element, std::move(m));
  if (!r.empty()) removed.children.emplace(element, std::move(r));
}

void differ(const json::value& before, const json::value& after, const Schema& schema, bool item,
            FieldSet& added, FieldSet& modified, FieldSet& removed) {
  if (before == after) return;
  if (before.is_null()) return mark(after, schema, item, false, added);
  if (after.is_null()) return mark(before, schema, item, true, removed);
  Shape shape = shape_of(after, schema);
  if (shape != shape_of(before, schema)) {
    modified.self = true;
  } else if (shape == Shape::kLeaf) {
    if (!same_leaf(before, after, schema)) modified.self = true;
  } else if (shape == Shape::kMap) {
    const json::object& from = before.get_object();
    const json::object& to = after.get_object();
    for (const auto& [name, was] : from) {
      const json::value* now = to.if_contains(name);
      differ_below(field_element(name), was, now ? *now : nothing(), member_of(schema, name),
                   !schema.field(name), added, modified, removed);
    }
    for (const auto& [name, now] : to)
      if (!from.contains(name))
        differ_below(field_element(name), nothing(), now, member_of(schema, name), !schema.field(name), added,
                     modified, removed);
  } else {
    const json::array& from = before.get_array();
    const json::array& to = after.get_array();
    auto was = positions(from, schema), now = positions(to, schema);
    for (const auto& [element, i] : was) {
      auto at = now.find(element);
      differ_below(element, from[i], at == now.end() ? nothing() : to[at->second], item_of(schema), true, added,
                   modified, removed);
    }
    for (const auto& [element, i] : now)
      if (!was.contains(element))
        differ_below(element, nothing(), to[i], item_of(schema), true, added, modified, removed);
  }
}

json::value merge_list(const json::array& live, const json::array& config, const Schema& schema) {
  auto was = positions(live, schema);
  auto wanted = positions(config, schema);
  auto live_only = [&](size_t i) {
    auto element = item_element(live[i], schema);
    return !element || !wanted.contains(*element);
  };
  // The configuration's items in its order; what stood before one of them in the live list still does.
  json::array out;
  size_t next = 0;
  for (const json::value& item : config) {
    auto element = item_element(item, schema);
    auto at = element ? was.find(*element) : was.end();
    if (at == was.end()) {
      out.push_back(item);
      continue;
    }
    for (; next < at->second; ++next)
      if (live_only(next)) out.push_back(live[next]);
    out.push_back(merge_config(live[at->second], item, item_of(schema)));
  }
  for (; next < live.size(); ++next)
    if (live_only(next)) out.push_back(live[next]);
  return out;
}

}  // namespace

Shape shape_of(const json::value& v, const Schema& schema) {
  if (v.is_object()) return schema.atomic ? Shape::kLeaf : Shape::kMap;
  if (v.is_array() && schema.list_type != ListType::kAtomic) return Shape::kList;
  return Shape::kLeaf;
}

const Schema& member_of(const Schema& schema, std::string_view name) {
  static const Schema kAnything;
  if (const Field* field = schema.field(name)) return *field->schema;
  return schema.values ? *schema.values : kAnything;
}

const Schema& item_of(const Schema& list) {
  static const Schema kAnything;
  return list.items ? *list.items : kAnything;
}

Result<std::string> item_element(const json::value& item, const Schema& list) {
  if (list.list_type == ListType::kSet) return concat("v:", json::dump_canonical(item));
  json::object keys;
  for (const std::string& name : list.list_keys) {
    const json::value* part = json::find(item, name);
    if (!part || part->is_null()) part = &member_of(item_of(list), name).default_value;
    if (part->is_null())
      return fail(Code::kBadRequest,
                  concat("associative list with keys has an element that omits key field \"", name, "\""));
    keys[name] = *part;
  }
  return concat("k:", json::dump_canonical(keys));
}

Result<FieldSet> fields_of(const json::value& config, const Schema& schema) {
  FieldSet set;
  SERIN_TRY(gather(config, schema, false, set));
  set.self = false;
  return set;
}

Comparison compare(const json::value& before, const json::value& after, const Schema& schema) {
  static const json::value kEmpty = json::object();
  Comparison result;
  differ(before.is_null() ? kEmpty : before, after.is_null() ? kEmpty : after, schema, false, result.added,
         result.modified, result.removed);
  return result;
}

json::value merge_config(const json::value& live, const json::value& config, const Schema& schema) {
  Shape shape = shape_of(config, schema);
  if (shape == Shape::kLeaf) return same_leaf(live, config, schema) ? live : config;
  if (shape != shape_of(live, schema)) return config;
  if (shape == Shape::kList) return merge_list(live.get_array(), config.get_array(), schema);
  json::value merged = live;
  json::object& members = merged.get_object();
  for (const auto& [name, wanted] : config.get_object()) {
    json::value& member = members[name];
    member = merge_config(member, wanted, member_of(schema, name));
  }
  return merged;
}

void remove_dropped(json::value& v, const FieldSet& last, const FieldSet& kept, const Schema& schema) {
  Shape shape = shape_of(v, schema);
  if (shape == Shape::kLeaf) return;
  for (const auto& [element, below] : last.children) {
    const FieldSet* keep = kept.child(element);
    if (shape == Shape::kMap) {
      if (!element.starts_with("f:")) continue;
      std::string_view name = std::string_view(element).substr(2);
      json::value* member = v.get_object().if_contains(name);
      if (!member) continue;
      if (keep) remove_dropped(*member, below, *keep, member_of(schema, name));
      else v.get_object().stable_erase(name);
      continue;
    }
    json::array& list = v.get_array();
    auto at = std::find_if(list.begin(), list.end(), [&](const json::value& item) {
      auto of = item_element(item, schema);
      return of && *of == element;
    });
    if (at == list.end()) continue;
    if (keep) remove_dropped(*at, below, *keep, item_of(schema));
    else list.erase(at);
  }
}

}  // namespace serin::kube
