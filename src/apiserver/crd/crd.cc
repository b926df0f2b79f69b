#include "apiserver/crd/crd.h"

#include <algorithm>

#include "apiserver/crd/crd_names.h"
#include "base/hash.h"
#include "base/strings.h"
#include "data/json_strings.h"
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

const json::value* schema_of(const json::value& version) { return json::find(version, "schema", "openAPIV3Schema"); }

/// Kubernetes reads a schema that all versions share as one of the whole CRD, and names it so.
bool one_schema(const json::array& versions) {
  return std::all_of(versions.begin(), versions.end(), [&](const json::value& version) {
    const json::value *first = schema_of(versions.front()), *schema = schema_of(version);
    return first && schema && *first == *schema;
  });
}

/// Whether the version had this very schema before the update.
bool is_unchanged(const json::value& version, const kube::Object& old) {
  if (old.empty()) return false;
  for (const json::value& before : json::items(old.doc(), "spec", "versions")) {
    if (json::get_string(before, "name") != json::get_string(version, "name")) continue;
    const json::value *was = schema_of(before), *is = schema_of(version);
    return was && is && *was == *is;
  }
  return false;
}

void check_schema(const json::value& schema, const std::string& at, bool unchanged, std::vector<Cause>& causes) {
  auto parsed = kube::schema_from_openapi(schema, unchanged ? kube::SchemaUse::kUnchanged : kube::SchemaUse::kNew);
  if (parsed) return;
  for (const Cause& cause : parsed.error().causes)
    causes.push_back({cause.reason, cause.message,
                      concat(at, cause.field.starts_with("openAPIV3Schema") ? "" : "openAPIV3Schema.", cause.field)});
}

void check_versions(const json::value& spec, const kube::Object& old, std::vector<Cause>& causes) {
  const json::array& versions = json::items(spec, "versions");
  bool shared = one_schema(versions);
  int storage = 0;
  std::vector<std::string> seen;
  for (size_t i = 0; i < versions.size(); ++i) {
    const json::value& version = versions[i];
    std::string at = concat("spec.versions[", i, "]");
    std::string name(json::get_string(version, "name"));
    if (auto error = kube::names::dns1035_label_error(name)) causes.push_back(wrong(at + ".name", json::value(name), *error));
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      causes.push_back({"FieldValueDuplicate", concat("Duplicate value: \"", name, '"'), at + ".name"});
    seen.push_back(name);
    if (json::get_bool(version, false, "storage")) ++storage;
    const json::value* schema = schema_of(version);
    if (!schema) causes.push_back({"FieldValueRequired", "Required value: schemas are required", at + ".schema.openAPIV3Schema"});
    else if (!shared) check_schema(*schema, at + ".schema.", is_unchanged(version, old), causes);
    else if (i == 0) check_schema(*schema, "spec.validation.", is_unchanged(version, old), causes);
  }
  if (storage != 1)
    causes.push_back(wrong("spec.versions", json::value(storage), "must have exactly one version marked as storage version"));
  if (old.empty()) return;
  const json::array& stored = json::items(old.doc(), "status", "storedVersions");
  for (size_t i = 0; i < stored.size(); ++i)
    if (std::find(seen.begin(), seen.end(), json::as_string(&stored[i])) == seen.end())
      causes.push_back(wrong(concat("status.storedVersions[", i, "]"), stored[i], "must appear in spec.versions"));
}

/// What may not change: the group and, once the resource is served, what it is called and where it lives.
void check_kept(const json::value& crd, const kube::Object& old, std::vector<Cause>& causes) {
  auto keep = [&](std::string field, const json::value* was, const json::value* is) {
    if (was && is && *was != *is) causes.push_back(wrong(std::move(field), *is, "field is immutable"));
  };
  keep("spec.group", json::find(old.doc(), "spec", "group"), json::find(crd, "spec", "group"));
  if (!kube::condition_true(old, "Established")) return;
  keep("spec.scope", json::find(old.doc(), "spec", "scope"), json::find(crd, "spec", "scope"));
  keep("spec.names.kind", json::find(old.doc(), "spec", "names", "kind"), json::find(crd, "spec", "names", "kind"));
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
  if (!old.empty()) check_kept(crd, old, causes);
  if (json::get_bool(spec, false, "preserveUnknownFields"))
    causes.push_back(wrong("spec.preserveUnknownFields", true, "must be false"));
  if (std::string_view strategy = json::get_string(spec, "conversion", "strategy"); !strategy.empty() && strategy != "None")
    causes.push_back({"FieldValueNotSupported",
                      concat("Unsupported value: \"", strategy, "\": supported values: \"None\""), "spec.conversion.strategy"});
  check_versions(spec, old, causes);
  std::vector<Cause> approval = check_approval(crd, old);
  causes.insert(causes.end(), approval.begin(), approval.end());
  return causes;
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
  json::value status = json::object();
  if (const json::value* kept = json::find(crd, "status"); !old.empty() && kept && kept->is_object()) status = *kept;
  accept_names(crd, catalog, now, status);
  judge_approval(crd, now, status);
  std::vector<std::string> stored = strings(status, "storedVersions");
  for (const json::value& version : json::items(crd, "spec", "versions")) {
    std::string name(json::get_string(version, "name"));
    if (json::get_bool(version, false, "storage") && std::find(stored.begin(), stored.end(), name) == stored.end())
      stored.push_back(name);
  }
  status.get_object()["storedVersions"] = json::from_strings(stored);
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
  bool shared = one_schema(json::items(spec, "versions"));
  kube::SchemaPtr schema;
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
    if (!schema || !shared) schema = SERIN_TRY(kube::schema_from_openapi(*schema_of(version), kube::SchemaUse::kStored));
    served->schema = info.schema = schema;
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
