#include "kube/schema_structure.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"
#include "kube/schema_path.h"

namespace serin::kube {
namespace {

constexpr std::array<std::string_view, 4> kJunctors = {"allOf", "anyOf", "oneOf", "not"};

class StructureChecker {
 public:
  std::vector<Cause> causes;

  void check_root(const json::value& in) {
    auto scope = path_.member("openAPIV3Schema");
    if (json::get_string(in, "type").empty()) add("type", "FieldValueRequired", "Required value: must not be empty at the root");
    if (json::find(in, "additionalProperties")) forbidden("additionalProperties", "must not be used at the root");
    if (json::get_bool(in, false, "nullable")) forbidden("nullable", "nullable cannot be true at the root");
    check(in, true);
  }

 private:
  void add(std::string_view member, std::string_view reason, std::string message) {
    auto scope = path_.member(member);
    causes.push_back({std::string(reason), std::move(message), path_.str()});
  }
  void forbidden(std::string_view member, std::string_view why) { add(member, "FieldValueForbidden", concat("Forbidden: ", why)); }
  void required(std::string_view member, std::string_view why) { add(member, "FieldValueRequired", concat("Required value: ", why)); }
  void invalid(std::string_view member, const json::value& v, std::string_view why) {
    add(member, "FieldValueInvalid", concat("Invalid value: ", json::dump(v), ": ", why));
  }

  static std::string_view type_of(const json::value& in) { return json::get_string(in, "type"); }

  void wants_type(const json::value& in, std::string_view type, std::string_view why) {
    if (type_of(in) == type) return;
    if (type_of(in).empty()) required("type", why);
    else invalid("type", json::value(type_of(in)), why);
  }

  void check(const json::value& in, bool root) {
    if (!in.is_object()) return;
    bool embedded = json::get_bool(in, false, "x-kubernetes-embedded-resource");
    check_extensions(in, embedded);
    check_list(in);
    if (root || embedded) check_type_meta(in, root);
    if (const json::object* fields = json::find_object(in, "properties")) {
      auto scope = path_.member("properties");
      for (const auto& [name, inner] : *fields) {
        if ((root || embedded) && name == "metadata") continue;
        auto key = path_.key(name);
        check(inner, false);
      }
    }
    if (const json::value* values = json::find(in, "additionalProperties"); values && values->is_object()) {
      auto scope = path_.member("additionalProperties");
      check(*values, false);
    }
    if (const json::value* items = json::find(in, "items"); items && items->is_object()) {
      auto scope = path_.member("items");
      check(*items, false);
    }
    std::string structural = path_.str();
    each_junctor(in, [&](const json::value& nested) { check_nested(nested, in, structural); });
  }

  template <class Visit>
  void each_junctor(const json::value& in, Visit visit) {
    for (std::string_view name : kJunctors) {
      const json::value* part = json::find(in, name);
      if (!part) continue;
      auto scope = path_.member(name);
      if (const json::array* parts = part->if_array()) {
        for (size_t i = 0; i < parts->size(); ++i) {
          auto at = path_.index(i);
          visit((*parts)[i]);
        }
      } else {
        visit(*part);
      }
    }
  }

  void check_extensions(const json::value& in, bool embedded) {
    const json::value* preserve = json::find(in, "x-kubernetes-preserve-unknown-fields");
    if (preserve && !json::as_bool(preserve)) invalid("x-kubernetes-preserve-unknown-fields", *preserve, "must be true or undefined");
    bool either = json::get_bool(in, false, "x-kubernetes-int-or-string");
    if (either && json::as_bool(preserve))
      invalid("x-kubernetes-preserve-unknown-fields", true, "must be false if x-kubernetes-int-or-string is true");
    if (either && embedded) invalid("x-kubernetes-embedded-resource", true, "must be false if x-kubernetes-int-or-string is true");
    if (embedded) {
      wants_type(in, "object", "must be object if x-kubernetes-embedded-resource is true");
      if (json::find(in, "additionalProperties"))
        forbidden("additionalProperties", "must not be used if x-kubernetes-embedded-resource is set");
    }
    if (const json::value* map = json::find(in, "x-kubernetes-map-type")) {
      wants_type(in, "object", "must be object if x-kubernetes-map-type is specified");
      if (json::as_string(map) != "atomic" && json::as_string(map) != "granular")
        add("x-kubernetes-map-type", "FieldValueNotSupported",
            concat("Unsupported value: ", json::dump(*map), ": supported values: \"atomic\", \"granular\""));
    }
  }

  void check_list(const json::value& in) {
    std::string_view list = json::get_string(in, "x-kubernetes-list-type");
    const json::array& keys = json::items(in, "x-kubernetes-list-map-keys");
    if (!keys.empty() && list != "map") {
      if (list.empty()) required("x-kubernetes-list-type", "must be map if x-kubernetes-list-map-keys is non-empty");
      else invalid("x-kubernetes-list-type", json::value(list), "must be map if x-kubernetes-list-map-keys is non-empty");
    }
    const json::value* items = json::find(in, "items");
    if ((list != "set" && list != "map") || !items || !items->is_object()) return;
    auto scope = path_.member("items");
    if (json::get_bool(*items, false, "nullable"))
      forbidden("nullable", concat("cannot be nullable when x-kubernetes-list-type is ", list));
    if (list == "set") check_set_items(*items);
    else check_map_items(*items, keys);
  }

  void check_set_items(const json::value& items) {
    std::string_view inner_list = json::get_string(items, "x-kubernetes-list-type");
    if (type_of(items) == "array" && !inner_list.empty() && inner_list != "atomic")
      invalid("x-kubernetes-list-type", json::value(inner_list), "must be atomic as item of a list with x-kubernetes-list-type=set");
    const json::value* inner_map = json::find(items, "x-kubernetes-map-type");
    if (type_of(items) == "object" && json::as_string(inner_map) != "atomic")
      invalid("x-kubernetes-map-type", inner_map ? *inner_map : json::value(),
              "must be atomic as item of a list with x-kubernetes-list-type=set");
  }

  void check_map_items(const json::value& items, const json::array& keys) {
    // Our own CRDs may name a built-in type in place of a schema; its keys are there.
    if (json::find(items, "x-serin-type")) return;
    if (type_of(items) != "object") {
      invalid("type", json::value(type_of(items)), "must be object if parent array's x-kubernetes-list-type is map");
      return;
    }
    std::set<std::string_view> seen, named;
    for (const json::value& name : json::items(items, "required")) named.insert(json::as_string(&name));
    for (const json::value& key : keys) {
      std::string_view name = json::as_string(&key);
      if (!seen.insert(name).second) {
        causes.push_back({"FieldValueInvalid",
                          concat("Invalid value: ", json::dump(json::value(keys)), ": must not contain duplicate entries"),
                          path_.str().substr(0, path_.str().rfind('.')) + ".x-kubernetes-list-map-keys"});
        continue;
      }
      const json::value* field = json::find(items, "properties", name);
      if (!field) continue;  // reported where the schema is read
      auto properties = path_.member("properties");
      auto at = path_.key(name);
      if (type_of(*field) == "array" || type_of(*field) == "object")
        invalid("type", json::value(type_of(*field)), "must be a scalar type if parent array's x-kubernetes-list-type is map");
      if (!named.contains(name) && !json::find(*field, "default"))
        required("default", "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
      if (json::get_bool(*field, false, "nullable"))
        forbidden("nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
    }
  }

  /// apiVersion, kind and metadata of a resource: implied, so that a schema may restrict names only.
  void check_type_meta(const json::value& in, bool root) {
    auto scope = path_.member("properties");
    for (std::string_view name : {"kind", "apiVersion"}) {
      const json::value* field = json::find(in, "properties", name);
      if (!field || type_of(*field) == "string") continue;
      auto key = path_.key(name);
      invalid("type", json::value(type_of(*field)), "must be string");
    }
    const json::value* metadata = json::find(in, "properties", "metadata");
    if (!metadata) return;
    auto key = path_.key("metadata");
    if (json::find(*metadata, "x-serin-type")) return;
    if (type_of(*metadata) != "object") invalid("type", json::value(type_of(*metadata)), "must be object");
    if (root && !restricts_names_only(*metadata))
      causes.push_back({"FieldValueForbidden",
                        "Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
                        path_.str()});
    if (root && json::find(*metadata, "default")) forbidden("default", "must not be set in top-level metadata");
  }

  static bool restricts_names_only(const json::value& metadata) {
    for (const auto& [member, value] : metadata.as_object()) {
      if (member == "type" || member == "description" || member == "default") continue;
      if (member != "properties" || !value.is_object()) return false;
      for (const auto& [name, schema] : value.get_object())
        if (name != "name" && name != "generateName") return false;
    }
    return true;
  }

  /// A schema inside a junctor validates values only: what it speaks of is declared outside, at `structural`.
  void check_nested(const json::value& in, const json::value& around, const std::string& structural) {
    if (!in.is_object()) return;
    for (std::string_view name : {"x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"})
      if (json::get_bool(in, false, name)) forbidden(name, "must be false to be structural");
    for (std::string_view name : {"x-kubernetes-list-map-keys", "x-kubernetes-validations"})
      if (!json::items(in, name).empty()) forbidden(name, "must be empty to be structural");
    for (std::string_view name : {"x-kubernetes-list-type", "x-kubernetes-map-type"})
      if (json::find(in, name)) forbidden(name, "must be undefined to be structural");
    static const json::value kNothing{json::object()};
    if (const json::object* fields = json::find_object(in, "properties")) {
      auto scope = path_.member("properties");
      for (const auto& [name, inner] : *fields) {
        auto key = path_.key(name);
        if (name == "metadata")
          causes.push_back({"FieldValueForbidden", "Forbidden: must not be specified in a nested context", path_.str()});
        const json::value* outer = json::find(around, "properties", std::string_view(name));
        std::string declared = concat(structural, ".properties[", std::string_view(name), "]");
        if (!outer) causes.push_back({"FieldValueRequired", concat("Required value: because it is defined in ", path_.str()), declared});
        check_nested(inner, outer ? *outer : kNothing, declared);
      }
    }
    if (const json::value* items = json::find(in, "items"); items && items->is_object()) {
      auto scope = path_.member("items");
      const json::value* outer = json::find(around, "items");
      std::string declared = structural + ".items";
      if (!outer) causes.push_back({"FieldValueRequired", concat("Required value: because it is defined in ", path_.str()), declared});
      check_nested(*items, outer ? *outer : kNothing, declared);
    }
    each_junctor(in, [&](const json::value& nested) { check_nested(nested, around, structural); });
  }

  FieldPath path_;
};

}  // namespace

std::vector<Cause> check_structure(const json::value& openapi) {
  StructureChecker checker;
  if (openapi.is_object()) checker.check_root(openapi);
  return std::move(checker.causes);
}

}  // namespace serin::kube
