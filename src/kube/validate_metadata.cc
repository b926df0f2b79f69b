#include "kube/builtin_validation.h"
#include "kube/causes.h"
#include "kube/names.h"

namespace serin::kube {
namespace {

constexpr size_t kMaxAnnotationBytes = 256 << 10;

std::optional<std::string> path_segment_error(std::string_view name) {
  if (name == "." || name == "..") return concat("may not be '", name, "'");
  for (std::string_view banned : {"/", "%"})
    if (name.find(banned) != name.npos) return concat("may not contain '", banned, "'");
  return std::nullopt;
}

std::optional<std::string> name_error(std::string_view name, NameRule rule) {
  switch (rule) {
    case NameRule::kLabel: return names::dns1123_label_error(name);
    case NameRule::kLabel1035: return names::dns1035_label_error(name);
    case NameRule::kPathSegment: return path_segment_error(name);
    case NameRule::kSubdomain: break;
  }
  return names::dns1123_subdomain_error(name);
}

void check_owners(const json::value& object, Causes& causes) {
  const json::array& owners = json::items(object, "metadata", "ownerReferences");
  std::string_view controller;
  for (size_t i = 0; i < owners.size(); ++i) {
    std::string path = concat("metadata.ownerReferences[", i, "]");
    for (std::string_view field : {"apiVersion", "kind", "name", "uid"})
      if (json::get_string(owners[i], field).empty())
        causes.invalid(concat(path, ".", field), json::value(""), "must not be empty");
    if (!json::get_bool(owners[i], false, "controller")) continue;
    std::string_view name = json::get_string(owners[i], "name");
    if (!controller.empty())
      causes.invalid("metadata.ownerReferences", json::value(owners),
                     concat("Only one reference can have Controller set to true. Found \"true\" in references for ", controller, " and ", name));
    controller = name;
  }
}

}  // namespace

std::vector<Cause> validate_metadata(const json::value& object, NameRule rule) {
  Causes causes;
  std::string name(json::get_string(object, "metadata", "name"));
  std::string prefix(json::get_string(object, "metadata", "generateName"));
  if (!prefix.empty()) {
    std::string probe = prefix;
    while (!probe.empty() && probe.back() == '-') probe.pop_back();
    if (auto wrong = name_error(probe.empty() ? "a" : probe, rule))
      causes.invalid("metadata.generateName", json::value(prefix), *wrong);
  }
  if (name.empty()) {
    if (prefix.empty()) causes.required("metadata.name", "name or generateName is required");
  } else if (auto wrong = name_error(name, rule)) {
    causes.invalid("metadata.name", json::value(name), *wrong);
  }
  std::string ns(json::get_string(object, "metadata", "namespace"));
  if (auto wrong = names::dns1123_label_error(ns); !ns.empty() && wrong)
    causes.invalid("metadata.namespace", json::value(ns), *wrong);
  if (const json::object* labels = json::find_object(object, "metadata", "labels")) {
    for (const auto& [key, value] : *labels) {
      if (auto wrong = names::qualified_name_error(key))
        causes.invalid("metadata.labels", json::value(key), *wrong);
      if (auto wrong = names::label_value_error(json::as_string(&value)))
        causes.invalid("metadata.labels", value, *wrong);
    }
  }
  size_t bytes = 0;
  if (const json::object* annotations = json::find_object(object, "metadata", "annotations")) {
    for (const auto& [key, value] : *annotations) {
      if (auto wrong = names::qualified_name_error(lower(key)))
        causes.invalid("metadata.annotations", json::value(key), *wrong);
      bytes += key.size() + json::as_string(&value).size();
    }
  }
  if (bytes > kMaxAnnotationBytes) causes.too_long("metadata.annotations", kMaxAnnotationBytes);
  const json::array& finalizers = json::items(object, "metadata", "finalizers");
  for (size_t i = 0; i < finalizers.size(); ++i)
    if (auto wrong = names::qualified_name_error(json::as_string(&finalizers[i])))
      causes.invalid(concat("metadata.finalizers[", i, "]"), finalizers[i], *wrong);
  check_owners(object, causes);
  return causes.take();
}

}  // namespace serin::kube
