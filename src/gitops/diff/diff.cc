#include "gitops/diff/diff.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "kube/quantity.h"

namespace serin::gitops::diff {
namespace {

using json::array;
using json::object;
using json::value;
using kube::Object;

/// Members whose values, at any depth below, are quantities.
constexpr std::array<std::string_view, 9> kQuantityFields{"limits", "requests", "capacity", "hard", "allocatable",
                                                          "overhead", "sizeLimit", "divisor", "averageValue"};
/// Maps that belong to their writer as a whole.
constexpr std::array<std::string_view, 3> kAtomicMaps{"selector", "matchLabels", "nodeSelector"};

bool listed(const auto& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

/// Groups whose objects the API server writes out without fields that have their zero value.
bool builtin_group(std::string_view group) {
  return group.empty() || group.find('.') == std::string_view::npos || group.ends_with(".k8s.io");
}

/// Members of managedFields are "f:name"; elements of lists with keys "k:{...}" and of sets "v:...".
const value* field_of(const value* fields, std::string_view name) {
  return fields ? json::find(*fields, concat("f:", name)) : nullptr;
}

bool has_elements(const value* fields) {
  const object* members = fields ? fields->if_object() : nullptr;
  if (!members) return false;
  return std::any_of(members->begin(), members->end(), [](const auto& member) {
    std::string_view key = member.key();
    return key.starts_with("k:") || key.starts_with("v:");
  });
}

bool has_fields(const value& fields) {
  const object* members = fields.if_object();
  return members && std::any_of(members->begin(), members->end(),
                                [](const auto& member) { return std::string_view(member.key()).starts_with("f:"); });
}

/// What our manager's last applies own in `live`; null where it never applied.
const value* owned_fields(const Object& live) {
  for (const value& entry : json::items(live.doc(), "metadata", "managedFields"))
    if (json::get_string(entry, "manager") == kManager && json::get_string(entry, "operation") == "Apply" &&
        json::get_string(entry, "subresource").empty())
      return json::find(entry, "fieldsV1");
  return nullptr;
}

class Comparison {
 public:
  explicit Comparison(const Object& live) {
    kube::GroupVersionKind gvk = live.gvk();
    builtin_ = builtin_group(gvk.group);
    exact_lists_ = gvk.group.ends_with("istio.io");
  }

  /// `have` is null where the live object lacks the field. `fields` is what our manager owns there.
  void contained(const std::string& path, const value& want, const value* have, const value* fields, bool exact, bool quantities) {
    if (want.is_null()) return;  // a field without a value isn't set
    if (!have || have->is_null()) {
      if (!amounts_to_nothing(want)) add(path, want, nullptr);
      return;
    }
    if (const object* members = want.if_object(); members && have->is_object()) {
      object_contained(path, *members, have->get_object(), fields, exact, quantities);
    } else if (const array* list = want.if_array(); list && have->is_array()) {
      list_contained(path, *list, have->get_array(), fields, exact, quantities);
    } else if (!same(want, *have, quantities) && !(amounts_to_nothing(want) && amounts_to_nothing(*have))) {
      add(path, want, have);
    }
  }

  /// What our manager owns in `have` and Git does not set.
  void left_over(const std::string& path, const value* want, const value& have, const value& fields) {
    const object* owned = fields.if_object();
    if (!owned) return;
    for (const auto& [key_text, inner] : *owned) {
      std::string_view key = key_text;
      if (key.starts_with("f:")) {
        std::string_view name = key.substr(2);
        const value* live = json::find(have, name);
        if (!live) continue;
        const value* wanted = want ? json::find(*want, name) : nullptr;
        std::string at = join_path(path, name);
        // Others may own their part of a map that Git has dropped.
        if (!wanted && live->is_object() && has_fields(inner)) left_over(at, nullptr, *live, inner);
        else step(at, wanted, *live, inner);
      } else if (key.starts_with("k:")) {
        Result<value> keys = json::parse(key.substr(2));
        if (!keys || !keys->is_object()) continue;
        const value* live = element(have, keys->get_object(), false);
        if (!live) continue;
        const value* wanted = want ? element(*want, keys->get_object(), true) : nullptr;
        step(concat(path, "[", key_label(keys->get_object()), "]"), wanted, *live, inner);
      } else if (key.starts_with("v:")) {
        Result<value> item = json::parse(key.substr(2));
        auto holds = [&](const value* list) {
          return list && list->is_array() && std::find(list->get_array().begin(), list->get_array().end(), *item) != list->get_array().end();
        };
        if (item && holds(&have) && !holds(want)) add(concat(path, "[", json::dump(*item), "]"), nullptr, &*item);
      }
    }
  }

  std::vector<Change> take() { return std::move(changes_); }

 private:
  void step(const std::string& path, const value* want, const value& have, const value& fields) {
    if (!want) {
      if (!amounts_to_nothing(have)) add(path, nullptr, &have);
      return;
    }
    left_over(path, want, have, fields);
  }

  void object_contained(const std::string& path, const object& want, const object& have, const value* fields, bool exact, bool quantities) {
    for (const auto& [name, item] : want) {
      bool atomic = builtin_ && listed(kAtomicMaps, name);
      contained(join_path(path, name), item, have.if_contains(name), field_of(fields, name), exact || atomic,
                quantities || listed(kQuantityFields, name));
    }
    if (!exact) return;
    for (const auto& [name, item] : have)
      if (!want.contains(name) && !amounts_to_nothing(item)) add(join_path(path, name), nullptr, &item);
  }

  void list_contained(const std::string& path, const array& want, const array& have, const value* fields, bool exact, bool quantities) {
    bool keyed = has_elements(fields) || (!fields && builtin_ && all_named(want) && all_named(have));
    if (keyed) {
      for (size_t i = 0; i < want.size(); ++i) {
        if (!want[i].is_object()) {
          if (std::find(have.begin(), have.end(), want[i]) == have.end()) add(concat(path, "[", json::dump(want[i]), "]"), want[i], nullptr);
          continue;
        }
        auto [live, inner] = matching(want[i], have, fields);
        contained(concat(path, "[", label(want[i], i), "]"), want[i], live, inner, exact, quantities);
      }
      return;
    }
    bool exact_elements = exact || exact_lists_;
    if (want.size() != have.size()) {
      add(path, value(want), nullptr, value(have));
      return;
    }
    for (size_t i = 0; i < want.size(); ++i)
      contained(concat(path, "[", label(want[i], i), "]"), want[i], &have[i], nullptr, exact_elements, quantities);
  }

  /// The live element that `want` is, with what our manager owns in it.
  static std::pair<const value*, const value*> matching(const value& want, const array& have, const value* fields) {
    if (const object* owned = fields ? fields->if_object() : nullptr) {
      for (const auto& [key, inner] : *owned) {
        if (!key.starts_with("k:")) continue;
        Result<value> keys = json::parse(std::string_view(key).substr(2));
        if (!keys || !keys->is_object() || !has_keys(want, keys->get_object(), true)) continue;
        for (const value& item : have)
          if (has_keys(item, keys->get_object(), false)) return {&item, &inner};
      }
    }
    for (std::string_view key : {"name", "mountPath", "containerPort", "port", "key", "uid", "type", "ip"}) {
      const value* wanted = json::find(want, key);
      if (!wanted) continue;
      for (const value& item : have)
        if (const value* live = json::find(item, key); live && *live == *wanted) return {&item, nullptr};
      return {nullptr, nullptr};
    }
    return {nullptr, nullptr};
  }

  static const value* element(const value& list, const object& keys, bool may_lack) {
    if (!list.is_array()) return nullptr;
    for (const value& item : list.get_array())
      if (has_keys(item, keys, may_lack)) return &item;
    return nullptr;
  }

  /// Whether `item` has these key values. What Git wrote may lack one that the server fills in, such as a port's
  /// protocol, but not all.
  static bool has_keys(const value& item, const object& keys, bool may_lack) {
    size_t found = 0;
    for (const auto& [name, wanted] : keys) {
      const value* member = json::find(item, name);
      if (!member && may_lack) continue;
      if (!member || *member != wanted) return false;
      ++found;
    }
    return found > 0;
  }

  static bool all_named(const array& list) {
    return !list.empty() && std::all_of(list.begin(), list.end(), [](const value& item) { return !json::get_string(item, "name").empty(); });
  }

  static std::string label(const value& item, size_t index) {
    std::string_view name = json::get_string(item, "name");
    return name.empty() ? std::to_string(index) : std::string(name);
  }

  static std::string key_label(const object& keys) {
    std::vector<std::string> parts;
    for (const auto& [name, item] : keys) parts.push_back(item.is_string() ? std::string(json::as_string(&item)) : json::dump(item));
    return join(parts, ",");
  }

  static std::string join_path(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : concat(path, ".", name);
  }

  /// What a server may leave out: null, and empty lists, maps and texts; of built-in kinds all zero values.
  bool amounts_to_nothing(const value& v) const {
    if (v.is_null()) return true;
    if (const object* members = v.if_object())
      return std::all_of(members->begin(), members->end(), [&](const auto& member) { return amounts_to_nothing(member.value()); });
    if (const array* list = v.if_array()) return list->empty();
    if (!builtin_) return false;
    return json::dump(v) == "\"\"" || json::dump(v) == "0" || json::dump(v) == "false";
  }

  static bool same(const value& a, const value& b, bool quantities) {
    if (a == b) return true;
    if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
    if (!quantities) return false;
    Result<kube::Quantity> x = kube::Quantity::from_json(a), y = kube::Quantity::from_json(b);
    return x && y && *x == *y;
  }

  void add(const std::string& path, const value& want, const value* have) {
    changes_.push_back({path, want, have ? *have : value(nullptr)});
  }
  void add(const std::string& path, const value& want, const value*, value have) { changes_.push_back({path, want, std::move(have)}); }
  void add(const std::string& path, std::nullptr_t, const value* have) { changes_.push_back({path, nullptr, *have}); }

  bool builtin_ = false, exact_lists_ = false;
  std::vector<Change> changes_;
};

}  // namespace

Object normalize(const Object& original) {
  return original.edit([&](value& doc) {
    json::erase(doc, {"status"});
    if (object* meta = json::find(doc, "metadata") ? json::find(doc, "metadata")->if_object() : nullptr) {
      object kept;
      for (std::string_view name : {"name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences"})
        if (const value* member = meta->if_contains(name)) kept[name] = *member;
      *meta = std::move(kept);
    }
    if (original.kind() != "Secret" || original.api_version() != "v1") return;
    if (const object* found = json::find_object(doc, "stringData")) {
      object texts = *found;  // making "data" may move what it points to
      object data = json::ensure_object(doc, {"data"});
      for (const auto& [name, text] : texts) data[name] = base64_encode(json::as_string(&text));
      json::set(doc, {"data"}, std::move(data));
      json::erase(doc, {"stringData"});
    }
  });
}

std::vector<Change> compare(const Object& desired, const Object& live) {
  Object want = normalize(desired), have = normalize(live);
  const value* fields = owned_fields(live);
  Comparison comparison(live);
  for (const auto& [name, item] : want.doc().get_object()) {
    if (name == "apiVersion" || name == "kind") continue;
    comparison.contained(std::string(name), item, json::find(have.doc(), name), field_of(fields, name), false, false);
  }
  if (fields) comparison.left_over("", &want.doc(), have.doc(), *fields);
  return comparison.take();
}

}  // namespace serin::gitops::diff
