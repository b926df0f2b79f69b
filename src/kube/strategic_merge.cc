#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/strings.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

constexpr std::string_view kPatch = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList/";
constexpr std::string_view kOrderPrefix = "$setElementOrder/";

const Schema& anything() {
  static const Schema kAnything;
  return kAnything;
}

tl::unexpected<Error> malformed(std::string message) {
  return fail(Code::kBadRequest, concat("invalid strategic merge patch: ", message));
}

/// Schema of a member; "anything" where the schema says nothing.
const Schema& member_schema(const Schema& schema, std::string_view name) {
  if (const Field* field = schema.field(name)) return *field->schema;
  return schema.values ? *schema.values : anything();
}

const Schema& item_schema(const Schema& list) { return list.items ? *list.items : anything(); }

/// Items are the same where their merge key is, or, without one, where they are equal.
bool same_item(const json::value& a, const json::value& b, const std::string& key) {
  if (key.empty()) return a == b;
  const json::value* left = json::find(a, key);
  const json::value* right = json::find(b, key);
  return left && right && *left == *right;
}

/// What tells an item from others, as text: its merge key, or, without one, all of it. Nothing where the key is missing.
std::optional<std::string> identity(const json::value& item, const std::string& key) {
  const json::value* part = key.empty() ? &item : json::find(item, key);
  return part ? std::optional<std::string>(json::dump_canonical(*part)) : std::nullopt;
}

/// Where the items of a list stand, by identity; the first of those that are the same.
class Positions {
 public:
  Positions(const json::array& list, const std::string& key) : key_(key) {
    places_.reserve(list.size());
    for (const json::value& item : list) add(item);
  }
  void add(const json::value& item) {
    if (auto id = identity(item, key_)) places_.emplace(*std::move(id), next_);
    ++next_;
  }
  std::optional<size_t> of(const json::value& item) const {
    auto id = identity(item, key_);
    auto found = id ? places_.find(*id) : places_.end();
    return found == places_.end() ? std::nullopt : std::optional<size_t>(found->second);
  }

 private:
  const std::string& key_;
  std::unordered_map<std::string, size_t> places_;
  size_t next_ = 0;
};

/// Brings `merged` into the order that Kubernetes gives it: the items named in `order` stand in that order, all
/// others keep their place among each other, and between the two groups the order of `before` decides.
json::array ordered(json::array merged, const json::array& order, const json::array& before,
                    const std::string& key) {
  struct Placed {
    json::value item;
    std::optional<size_t> before;
    size_t rank;
  };
  const Positions in_order(order, key), in_before(before, key);
  std::vector<Placed> named, others;
  for (json::value& item : merged) {
    auto was = in_before.of(item);
    if (auto rank = in_order.of(item)) named.push_back({std::move(item), was, *rank});
    else others.push_back({std::move(item), was, was.value_or(before.size())});
  }
  auto by_rank = [](const Placed& a, const Placed& b) { return a.rank < b.rank; };
  std::stable_sort(named.begin(), named.end(), by_rank);
  std::stable_sort(others.begin(), others.end(), by_rank);
  json::array out;
  out.reserve(named.size() + others.size());
  for (size_t i = 0, j = 0; i < others.size() || j < named.size();) {
    bool take_other = j >= named.size();
    if (i < others.size() && j < named.size())
      take_other = others[i].before && named[j].before && *others[i].before < *named[j].before;
    out.push_back(std::move(take_other ? others[i++].item : named[j++].item));
  }
  return out;
}

class Merger {
 public:
  Result<json::value> merge_object(json::object original, const json::object& patch, const Schema& schema) {
    if (const json::value* directive = patch.if_contains(kPatch)) {
      std::string_view what = json::as_string(directive);
      if (what == "delete") return json::object();
      if (what == "replace") {
        json::object rest = patch;
        rest.stable_erase(kPatch);
        return merge_object({}, rest, schema);
      }
      if (what != "merge") return malformed(concat("unknown patch type: ", what));
    }
    if (const json::value* keys = patch.if_contains(kRetainKeys))
      SERIN_TRY(retain(original, patch, *keys));
    for (const auto& [name, value] : patch) {
      std::string_view list = name;
      if (list.starts_with(kDeletePrefix)) {
        list.remove_prefix(kDeletePrefix.size());
        SERIN_TRY(delete_items(original, list, value));
      }
    }
    for (const auto& [name, value] : patch) {
      if (name.starts_with('$') && is_directive(name)) continue;
      if (value.is_null()) {
        original.stable_erase(name);
        continue;
      }
      json::value& member = original[name];
      const json::value* order = patch.if_contains(concat(kOrderPrefix, std::string_view(name)));
      member = SERIN_TRY(merge(std::move(member), value, member_schema(schema, name), order));
    }
    for (const auto& [name, value] : patch) {
      std::string_view list = name;
      if (!list.starts_with(kOrderPrefix)) continue;
      list.remove_prefix(kOrderPrefix.size());
      if (!value.is_array()) return malformed(concat(name, " must be a list"));
      json::value* member = original.if_contains(list);
      if (patch.contains(list) || !member || !member->is_array()) continue;
      const Schema& of = member_schema(schema, list);
      json::array before = member->get_array();
      *member = ordered(before, value.get_array(), before, of.merge_key);
    }
    return original;
  }

 private:
  static bool is_directive(std::string_view name) {
    return name == kPatch || name == kRetainKeys || name.starts_with(kDeletePrefix) ||
           name.starts_with(kOrderPrefix);
  }

  static Result<void> retain(json::object& original, const json::object& patch, const json::value& keys) {
    if (!keys.is_array()) return malformed("$retainKeys must be a list");
    std::set<std::string_view> listed;
    for (const json::value& key : keys.get_array()) listed.insert(json::as_string(&key));
    auto kept = [&](std::string_view name) { return listed.contains(name); };
    for (const auto& [name, value] : patch)
      if (!is_directive(name) && !value.is_null() && !kept(name))
        return malformed(concat("$retainKeys does not list ", std::string_view(name), ", which the patch sets"));
    for (auto at = original.begin(); at != original.end();)
      at = kept(at->key()) ? at + 1 : original.stable_erase(at);
    return {};
  }

  static Result<void> delete_items(json::object& original, std::string_view name, const json::value& gone) {
    if (!gone.is_array()) return malformed(concat(kDeletePrefix, name, " must be a list"));
    json::value* member = original.if_contains(name);
    if (!member || !member->is_array()) return {};
    static const std::string kWhole;
    const Positions going(gone.get_array(), kWhole);
    json::array rest;
    for (json::value& item : member->get_array())
      if (!going.of(item)) rest.push_back(std::move(item));
    *member = std::move(rest);
    return {};
  }

  Result<json::value> merge(json::value original, const json::value& patch, const Schema& schema,
                            const json::value* order = nullptr) {
    if (const json::object* members = patch.if_object())
      return merge_object(original.is_object() ? std::move(original.get_object()) : json::object(), *members,
                          schema);
    if (const json::array* list = patch.if_array()) {
      json::array before = original.is_array() ? std::move(original.get_array()) : json::array();
      return merge_list(std::move(before), *list, schema, order);
    }
    return patch;
  }

  /// A value of the patch on its own: directives and nulls take no part.
  Result<json::value> plain(const json::value& patch, const Schema& schema) {
    return merge({}, patch, schema);
  }

  Result<json::value> merge_list(json::array original, const json::array& patch, const Schema& schema,
                                 const json::value* order) {
    const std::string& key = schema.merge_key;
    bool replace = !schema.merge;
    json::array wanted, deleted;
    json::array before = original;
    for (const json::value& item : patch) {
      const json::object* members = item.if_object();
      const json::value* directive = members ? members->if_contains(kPatch) : nullptr;
      std::string_view what = json::as_string(directive);
      if (directive && what == "replace") {
        replace = true;
        if (members->size() == 1) continue;
      } else if (directive && what == "delete") {
        if (!schema.merge) continue;
        if (!members->contains(key)) return missing_key(item, key);
        deleted.push_back(item);
        continue;
      } else if (directive && what != "merge") {
        return malformed(concat("unknown patch type: ", what));
      }
      if (schema.merge && !key.empty() && !(members && members->contains(key))) return missing_key(item, key);
      wanted.push_back(item);
    }
    if (order) SERIN_TRY(check_order(wanted, *order, key));
    json::array merged;
    const Positions going(deleted, key);
    if (!replace)
      for (json::value& item : original)
        if (!going.of(item)) merged.push_back(std::move(item));
    const Schema& inner = item_schema(schema);
    Positions places(merged, key);
    for (const json::value& item : wanted) {
      auto at = schema.merge && !replace ? places.of(item) : std::nullopt;
      if (at) {
        if (!key.empty()) merged[*at] = SERIN_TRY(merge(std::move(merged[*at]), item, inner));
        continue;
      }
      merged.push_back(SERIN_TRY(plain(item, inner)));
      places.add(merged.back());
    }
    if (!schema.merge || replace) return merged;
    return ordered(std::move(merged), order ? order->get_array() : wanted, before, key);
  }

  static tl::unexpected<Error> missing_key(const json::value& item, const std::string& key) {
    return malformed(concat("map: ", json::dump(item), " does not contain declared merge key: ", key));
  }

  /// The items of the patch must stand in the order that $setElementOrder gives.
  static Result<void> check_order(const json::array& wanted, const json::value& order, const std::string& key) {
    if (!order.is_array()) return malformed("$setElementOrder must be a list");
    size_t next = 0;
    for (const json::value& item : wanted) {
      while (next < order.get_array().size() && !same_item(order.get_array()[next], item, key)) ++next;
      if (next == order.get_array().size())
        return malformed(concat("the order in the patch list doesn't match $setElementOrder list: ",
                                json::dump(order)));
    }
    return {};
  }
};

}  // namespace

Result<json::value> strategic_merge(const json::value& object, const json::value& patch, const Schema& schema) {
  if (!patch.is_object()) return malformed("it must be an object");
  return Merger().merge_object(object.is_object() ? object.get_object() : json::object(), patch.get_object(),
                               schema);
}

}  // namespace serin::kube
