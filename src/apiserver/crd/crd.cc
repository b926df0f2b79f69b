#include "apiserver/crd/crd.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"
#include "kube/names.h"

namespace serin::apiserver {
namespace {

Cause required(std::string field) { return {"FieldValueRequired", "Required value", std::move(field)}; }
Cause wrong(std::string field, const json::value& value, std::string_view why) {
  return {"FieldValueInvalid", concat("Invalid value: ", json::dump(value), ": ", why), std::move(field)};
}

void fill_names(json::value& crd) {
  json::value& names = *json::find(crd, "spec", "names");
  json::object& members = names.get_object();
  std::string kind(json::get_string(names, "kind"));
  if (json::get_string(names, "singular").empty()) members["singular"] = lower(kind);
  if (json::get_string(names, "listKind").empty()) members["listKind"] = kind + "List";
}

std::vector<Cause> check_spec(const json::value& crd, const kube::Object& old) {
  std::vector<Cause> causes;
  const json::value& spec = *json::find(crd, "spec");
  std::string group(json::get_string(spec, "group")), plural(json::get_string(spec, "names", "plural"));
  if (group.empty()) causes.push_back(required("spec.group"));
  else if (auto error = kube::names::dns1123_subdomain_error(group))
    causes.push_back(wrong("spec.group", json::value(group), *error));
  if (plural.empty()) causes.push_back(required("spec.names.plural"));
  if (json::get_string(spec, "names", "kind").empty()) causes.push_back(required("spec.names.kind"));
  std::string expected = concat(plural, '.', group), name(json::get_string(crd, "metadata", "name"));
  if (name != expected)
    causes.push_back(wrong("metadata.name", json::value(name), concat("must be spec.names.plural+\".\"+spec.group")));
  std::string_view scope = json::get_string(spec, "scope");
  if (scope != "Namespaced" && scope != "Cluster")
    causes.push_back({"FieldValueNotSupported",
                      concat("Unsupported value: \"", scope, "\": supported values: \"Cluster\", \"Namespaced\""), "spec.scope"});
  if (!old.empty())
    for (auto path : {std::pair{"spec", "group"}, {"spec", "scope"}})
      if (json::get_string(old.doc(), path.first, path.second) != json::get_string(crd, path.first, path.second))
        causes.push_back(wrong(concat(path.first, '.', path.second), *json::find(crd, path.first, path.second), "field is immutable"));
  if (json::get_bool(spec, false, "preserveUnknownFields"))
    causes.push_back(wrong("spec.preserveUnknownFields", true, "must be false"));
  if (std::string_view strategy = json::get_string(spec, "conversion", "strategy"); !strategy.empty() && strategy != "None")
    causes.push_back({"FieldValueNotSupported",
                      concat("Unsupported value: \"", strategy, "\": supported values: \"None\""), "spec.conversion.strategy"});
  int storage = 0, index = 0;
  std::vector<std::string> seen;
  for (const json::value& version : json::items(spec, "versions")) {
    std::string at = concat("spec.versions[", index++, "]");
    std::string text(json::get_string(version, "name"));
    if (auto error = kube::names::dns1035_label_error(text))
      causes.push_back(wrong(at + ".name", json::value(text), *error));
    if (std::find(seen.begin(), seen.end(), text) != seen.end())
      causes.push_back({"FieldValueDuplicate", concat("Duplicate value: \"", text, '"'), at + ".name"});
    seen.push_back(text);
    if (json::get_bool(version, false, "storage")) ++storage;
    const json::value* schema = json::find(version, "schema", "openAPIV3Schema");
    if (!schema) {
      causes.push_back({"FieldValueRequired", "Required value: schemas are required", at + ".schema.openAPIV3Schema"});
      continue;
    }
    if (auto parsed = kube::schema_from_openapi(*schema); !parsed)
      for (const Cause& cause : parsed.error().causes)
        causes.push_back({cause.reason, cause.message,
                          concat(at, ".schema.", cause.field.starts_with("openAPIV3Schema") ? cause.field : "openAPIV3Schema." + cause.field)});
  }
  if (storage != 1)
    causes.push_back(wrong("spec.versions", json::value(storage), "must have exactly one version marked as storage version"));
  return causes;
}

/// Whether another resource of the group has one of these names; the sentence that says so, or nullopt.
std::optional<std::string> name_conflict(const json::value& crd, const Catalog& catalog) {
  std::string name(json::get_string(crd, "metadata", "name"));
  const json::value& names = *json::find(crd, "spec", "names");
  std::string_view group = json::get_string(crd, "spec", "group");
  for (const ServedPtr& other : catalog.all()) {
    if (other->resource().group != group || other->crd == name) continue;
    std::vector<std::string> taken{other->resource().plural, other->info.singular};
    taken.insert(taken.end(), other->info.short_names.begin(), other->info.short_names.end());
    auto is_taken = [&](std::string_view text) { return !text.empty() && std::find(taken.begin(), taken.end(), text) != taken.end(); };
    for (auto member : {"plural", "singular"})
      if (is_taken(json::get_string(names, member)))
        return concat('"', json::get_string(names, member), "\" is already in use");
    for (const json::value& text : json::items(names, "shortNames"))
      if (is_taken(json::as_string(&text))) return concat('"', json::as_string(&text), "\" is already in use");
    if (json::get_string(names, "kind") == other->resource().kind || json::get_string(names, "kind") == other->info.list_kind)
      return concat('"', json::get_string(names, "kind"), "\" is already in use");
  }
  return std::nullopt;
}

std::vector<std::string> strings(const json::value& from, std::string_view member) {
  std::vector<std::string> out;
  for (const json::value& text : json::items(from, member)) out.emplace_back(json::as_string(&text));
  return out;
}

std::vector<kube::PrinterColumn> columns_of(const json::value& version) {
  std::vector<kube::PrinterColumn> columns;
  for (const json::value& column : json::items(version, "additionalPrinterColumns"))
    columns.push_back({std::string(json::get_string(column, "name")), std::string(json::get_string(column, "type")),
                       std::string(json::get_string(column, "format")), std::string(json::get_string(column, "jsonPath")),
                       std::string(json::get_string(column, "description")), int(json::get_int(column, 0, "priority"))});
  return columns;
}

}  // namespace

std::vector<Cause> complete_crd(json::value& crd, const kube::Object& old, const Catalog& catalog, TimePoint now) {
  if (!json::find_object(crd, "spec", "names")) return {required("spec.names")};
  fill_names(crd);
  std::vector<Cause> causes = check_spec(crd, old);
  if (!causes.empty()) return causes;
  json::value status{json::object()};
  if (const json::value* kept = json::find(crd, "status"); kept && kept->is_object()) status = *kept;
  if (auto taken = name_conflict(crd, catalog)) {
    kube::set_condition(status, "NamesAccepted", "False", "NamesConflict", *taken, now);
    kube::set_condition(status, "Established", "False", "NotAccepted", "not all names are accepted", now);
    if (!json::find(status, "acceptedNames")) status.get_object()["acceptedNames"] = json::object{{"plural", ""}, {"kind", ""}};
  } else {
    kube::set_condition(status, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now);
    kube::set_condition(status, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted", now);
    status.get_object()["acceptedNames"] = *json::find(crd, "spec", "names");
  }
  std::vector<std::string> stored = strings(status, "storedVersions");
  for (const json::value& version : json::items(crd, "spec", "versions")) {
    std::string name(json::get_string(version, "name"));
    if (json::get_bool(version, false, "storage") && std::find(stored.begin(), stored.end(), name) == stored.end())
      stored.push_back(name);
  }
  json::array list;
  for (const std::string& version : stored) list.push_back(json::value(version));
  status.get_object()["storedVersions"] = std::move(list);
  crd.get_object()["status"] = std::move(status);
  return {};
}

Result<std::vector<ServedPtr>> served_by(const json::value& crd) {
  std::vector<ServedPtr> all;
  if (!kube::condition_true(kube::Object(crd), "Established")) return all;
  const json::value& spec = *json::find(crd, "spec");
  const json::value& names = *json::find(crd, "status", "acceptedNames");
  std::string group(json::get_string(spec, "group")), storage;
  for (const json::value& version : json::items(spec, "versions"))
    if (json::get_bool(version, false, "storage")) storage = json::get_string(version, "name");
  std::string definition = sha256_hex(json::dump(spec));
  for (const json::value& version : json::items(spec, "versions")) {
    if (!json::get_bool(version, false, "served")) continue;
    auto served = std::make_shared<ServedResource>();
    kube::ResourceInfo& info = served->info;
    info.resource = {group, std::string(json::get_string(version, "name")), std::string(json::get_string(names, "plural")),
                     std::string(json::get_string(names, "kind")), json::get_string(spec, "scope") == "Namespaced"};
    info.singular = json::get_string(names, "singular");
    info.list_kind = json::get_string(names, "listKind");
    info.short_names = strings(names, "shortNames");
    info.categories = strings(names, "categories");
    info.verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
    info.status_subresource = json::find(version, "subresources", "status") != nullptr;
    info.has_generation = true;
    if (const json::value* scale = json::find(version, "subresources", "scale"))
      info.scale = {std::string(json::get_string(*scale, "specReplicasPath")),
                    std::string(json::get_string(*scale, "statusReplicasPath")),
                    std::string(json::get_string(*scale, "labelSelectorPath"))};
    info.columns = columns_of(version);
    for (const json::value& field : json::items(version, "selectableFields"))
      info.selectable_fields.emplace_back(json::get_string(field, "jsonPath"));
    info.custom = true;
    served->schema = info.schema = SERIN_TRY(kube::schema_from_openapi(*json::find(version, "schema", "openAPIV3Schema")));
    served->storage_api_version = concat(group, '/', storage);
    served->definition = definition;
    served->crd = json::get_string(crd, "metadata", "name");
    if (json::get_bool(version, false, "deprecated")) {
      served->deprecation = json::get_string(version, "deprecationWarning");
      if (served->deprecation.empty())
        served->deprecation = concat(info.resource.api_version(), ' ', info.resource.kind, " is deprecated");
    }
    all.push_back(std::move(served));
  }
  return all;
}

}  // namespace serin::apiserver
