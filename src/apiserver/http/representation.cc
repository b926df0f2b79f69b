#include "apiserver/http/representation.h"

#include "apiserver/http/table.h"
#include "base/strings.h"
#include "data/yaml.h"

namespace serin::apiserver {
namespace {

/// The parameters of a media type: ";as=Table;v=v1;g=meta.k8s.io".
std::string_view parameter(std::string_view media, std::string_view name) {
  for (std::string_view part : split(media, ';')) {
    auto pair = cut(trim(part), '=');
    if (pair && pair->first == name) return pair->second;
  }
  return {};
}

std::string list_metadata(Revision revision, std::string_view continue_token, std::optional<int64_t> remaining) {
  std::string out = concat("{\"resourceVersion\":\"", revision, '"');
  if (!continue_token.empty()) out += concat(",\"continue\":\"", continue_token, '"');
  if (remaining) out += concat(",\"remainingItemCount\":", *remaining);
  return out + "}";
}

std::string cells_of(const std::vector<json::value>& cells) {
  json::array array(cells.begin(), cells.end());
  return json::dump(array);
}

}  // namespace

std::string Representation::content_type() const { return yaml ? "application/yaml" : "application/json"; }

std::string Representation::key() const {
  return concat(int(form), yaml ? 'y' : 'j', meta_version, include_object);
}

Result<Representation> negotiate(std::string_view accept, std::string_view include_object) {
  Representation as;
  if (!include_object.empty()) as.include_object = include_object;
  if (trim(accept).empty()) return as;
  for (std::string_view media : split(accept, ',')) {
    media = trim(media);
    std::string_view type = trim(cut(media, ';').value_or(std::pair{media, std::string_view()}).first);
    as.yaml = type == "application/yaml";
    if (!as.yaml && type != "application/json" && type != "*/*" && type != "application/*") continue;
    std::string_view form = parameter(media, "as"), version = parameter(media, "v");
    if (form.empty()) return as;
    if (parameter(media, "g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) continue;
    as.meta_version = version;
    if (form == "Table") as.form = Representation::Form::kTable;
    else if (form == "PartialObjectMetadata" || form == "PartialObjectMetadataList") as.form = Representation::Form::kPartial;
    else continue;
    return as;
  }
  return fail(Code::kNotAcceptable,
              "only the following media types are accepted: application/json, application/yaml");
}

kube::Object ObjectWriter::at(const EntryPtr& entry, Revision revision) const {
  kube::Object object = rest_.object(target_, entry);
  if (revision == entry->revision) return object;
  return object.edit([&](json::value& doc) {
    json::set(doc, {"metadata", "resourceVersion"}, json::value(std::to_string(revision)));
  });
}

std::string ObjectWriter::finished(std::string text) const {
  if (!as_.yaml) return text;
  auto doc = json::parse(text);
  return doc ? yaml::dump(*doc) : text;
}

std::string ObjectWriter::partial(const kube::Object& object) const {
  const json::value* metadata = json::find(object.doc(), "metadata");
  return concat("{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/", as_.meta_version,
                "\",\"metadata\":", metadata ? json::dump(*metadata) : "{}", '}');
}

std::string ObjectWriter::table(const std::vector<kube::Object>& objects, std::string_view metadata,
                                bool with_columns) const {
  TableLayout layout(*target_.resource);
  std::string out = concat("{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/", as_.meta_version,
                           "\",\"metadata\":", metadata, ",\"columnDefinitions\":",
                           with_columns ? json::dump(layout.definitions()) : "null", ",\"rows\":[");
  bool first = true;
  for (const kube::Object& object : objects) {
    if (!first) out += ',';
    first = false;
    out += concat("{\"cells\":", cells_of(layout.cells(object, rest_.clock().now())));
    if (as_.include_object == "Object") out += concat(",\"object\":", json::dump(object.doc()));
    else if (as_.include_object != "None") out += concat(",\"object\":", partial(object));
    out += '}';
  }
  return out + "]}";
}

std::string ObjectWriter::object(const kube::Object& object) const {
  switch (as_.form) {
    case Representation::Form::kObject:
      return finished(json::dump(object.doc()));
    case Representation::Form::kPartial:
      return finished(partial(object));
    case Representation::Form::kTable:
      return finished(table({object}, list_metadata(object.version().value, {}, std::nullopt), true));
  }
  return {};
}

std::string ObjectWriter::object(const EntryPtr& entry, Revision revision) const {
  if (as_.form != Representation::Form::kObject || target_.resource->conversion) return object(at(entry, revision));
  std::string out;
  out.reserve(entry->bytes.size() + 64);
  append_object(out, *entry, target_.api_version(), target_.kind(), revision);
  return finished(std::move(out));
}

std::string ObjectWriter::list(const Page& page) const {
  std::string metadata = list_metadata(page.revision, page.continue_token, page.remaining);
  if (as_.form == Representation::Form::kTable) {
    std::vector<kube::Object> objects;
    for (const EntryPtr& entry : page.entries) objects.push_back(rest_.object(target_, entry));
    return finished(table(objects, metadata, true));
  }
  bool whole = as_.form == Representation::Form::kObject;
  std::string out = concat("{\"kind\":\"", whole ? target_.resource->info.list_kind : "PartialObjectMetadataList",
                           "\",\"apiVersion\":\"", whole ? target_.api_version() : "meta.k8s.io/" + as_.meta_version,
                           "\",\"metadata\":", metadata, ",\"items\":[");
  size_t bytes = out.size() + 2;
  if (whole)
    for (const EntryPtr& entry : page.entries) bytes += entry->bytes.size() + 64;
  out.reserve(bytes);
  bool first = true;
  for (const EntryPtr& entry : page.entries) {
    if (!first) out += ',';
    first = false;
    if (whole && target_.resource->conversion) out += json::dump(rest_.object(target_, entry).doc());
    else if (whole) append_object(out, *entry, target_.api_version(), target_.kind(), entry->revision);
    else out += partial(rest_.object(target_, entry));
  }
  return finished(out + "]}");
}

std::string ObjectWriter::event_object(const EntryPtr& entry, Revision revision, bool with_columns) const {
  if (as_.form == Representation::Form::kTable)
    return table({at(entry, revision)}, list_metadata(revision, {}, std::nullopt), with_columns);
  return object(entry, revision);
}

std::string ObjectWriter::bookmark(Revision revision, bool ends_initial_events) const {
  std::string metadata = concat("{\"resourceVersion\":\"", revision, "\",\"creationTimestamp\":null",
                                ends_initial_events ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "", '}');
  if (as_.form == Representation::Form::kTable) return table({}, metadata, false);
  bool whole = as_.form == Representation::Form::kObject;
  return concat("{\"kind\":\"", whole ? target_.kind() : "PartialObjectMetadata", "\",\"apiVersion\":\"",
                whole ? target_.api_version() : "meta.k8s.io/" + as_.meta_version, "\",\"metadata\":", metadata, '}');
}

}  // namespace serin::apiserver
