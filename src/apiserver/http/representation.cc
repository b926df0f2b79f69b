#include "apiserver/http/representation.h"

#include <algorithm>
#include <cstdlib>

#include "apiserver/http/table.h"
#include "base/strings.h"
#include "data/yaml.h"
#include "kube/protobuf.h"

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

constexpr std::string_view kProtobufType = "application/vnd.kubernetes.protobuf";

using Encoding = Representation::Encoding;

std::optional<Encoding> encoding_of(std::string_view type) {
  if (type == "application/json" || type == "*/*" || type == "application/*") return Encoding::kJson;
  if (type == "application/yaml") return Encoding::kYaml;
  if (type == kProtobufType) return Encoding::kProtobuf;
  return std::nullopt;
}

/// One member of an Accept header: "application/json;q=0.9" and its type.
struct Accepted {
  std::string_view media, type;
  double q;
};

std::vector<Accepted> by_preference(std::string_view accept) {
  std::vector<Accepted> out;
  for (std::string_view media : split(accept, ',')) {
    media = trim(media);
    std::string_view q = parameter(media, "q");
    double weight = q.empty() ? 1.0 : std::strtod(std::string(q).c_str(), nullptr);
    if (weight > 0) out.push_back({media, trim(media.substr(0, media.find(';'))), weight});
  }
  std::stable_sort(out.begin(), out.end(), [](const Accepted& a, const Accepted& b) { return a.q > b.q; });
  return out;
}

}  // namespace

std::string Representation::content_type() const {
  switch (encoding) {
    case Encoding::kJson: break;
    case Encoding::kYaml: return "application/yaml";
    case Encoding::kProtobuf: return std::string(kProtobufType);
  }
  return "application/json";
}

std::string Representation::stream_content_type() const {
  return encoding == Encoding::kProtobuf ? concat(kProtobufType, ";stream=watch") : content_type();
}

std::string Representation::key() const {
  return concat(int(form), '.', int(encoding), meta_version, include_object);
}

Result<Representation> negotiate(std::string_view accept, std::string_view include_object, bool protobuf) {
  Representation as;
  if (!include_object.empty()) as.include_object = include_object;
  if (trim(accept).empty()) return as;
  for (const Accepted& accepted : by_preference(accept)) {
    auto encoding = encoding_of(accepted.type);
    if (!encoding) continue;
    as.encoding = *encoding;
    bool wire = as.encoding == Encoding::kProtobuf;
    std::string_view form = parameter(accepted.media, "as"), version = parameter(accepted.media, "v");
    if (form.empty()) {
      if (wire && !protobuf) continue;
      return as;
    }
    if (parameter(accepted.media, "g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) continue;
    if (wire && (form == "Table" || version != "v1")) continue;  // the messages of v1beta1 are numbered in another way
    as.meta_version = version;
    if (form == "Table") as.form = Representation::Form::kTable;
    else if (form == "PartialObjectMetadata" || form == "PartialObjectMetadataList") as.form = Representation::Form::kPartial;
    else continue;
    return as;
  }
  return fail(Code::kNotAcceptable, concat("only the following media types are accepted: application/json, application/yaml",
                                           protobuf ? concat(", ", kProtobufType) : std::string()));
}

bool prefers_protobuf(std::string_view accept) {
  for (const Accepted& accepted : by_preference(accept))
    if (auto encoding = encoding_of(accepted.type)) return *encoding == Encoding::kProtobuf;
  return false;
}

void reencode_as_protobuf(net::Response& response) {
  if (response.headers.get("Content-Type") != "application/json") return;
  auto object = json::parse(response.body);
  if (!object) return;
  auto bytes = kube::protobuf_from_object(*object);
  if (!bytes) return;
  response.body = *std::move(bytes);
  response.headers.set("Content-Type", std::string(kProtobufType));
}

std::string event_bytes(const Representation& as, std::string_view type, std::string_view object) {
  if (as.encoding == Encoding::kProtobuf) return kube::protobuf_watch_frame(type, object);
  return concat("{\"type\":\"", type, "\",\"object\":", object, "}\n");
}

Result<kube::Object> ObjectWriter::read(const EntryPtr& entry) const {
  kube::Object object = rest_.object(target_, entry);
  if (object.name().empty()) return fail(Code::kInternal, concat("the stored object ", quoted(*target_.resource, entry->name.str()), " cannot be read"));
  return object;
}

Result<kube::Object> ObjectWriter::at(const EntryPtr& entry, Revision revision) const {
  kube::Object object = SERIN_TRY(read(entry));
  if (revision == entry->revision) return object;
  return object.edit([&](json::value& doc) {
    json::set(doc, {"metadata", "resourceVersion"}, json::value(std::to_string(revision)));
  });
}

Result<std::string> ObjectWriter::finished(std::string text) const {
  if (as_.encoding == Encoding::kJson) return text;
  auto unwritable = [&](const Error& error) {
    return fail(Code::kInternal, concat("what is stored as ", target_.resource->resource().group_resource(), " cannot be written as ",
                                        as_.content_type(), ": ", error.message));
  };
  auto doc = json::parse(text);
  if (!doc) return unwritable(doc.error());
  if (as_.encoding == Encoding::kYaml) return yaml::dump(*doc);
  auto bytes = kube::protobuf_from_object(*doc);
  if (!bytes) return unwritable(bytes.error());
  return bytes;
}

Result<std::string> ObjectWriter::protobuf_list(const Page& page) const {
  bool whole = as_.form == Representation::Form::kObject;
  json::value metadata = SERIN_TRY(json::parse(list_metadata(page.revision, page.continue_token, page.remaining)));
  kube::ProtobufList list = SERIN_TRY(kube::ProtobufList::begin(whole ? target_.api_version() : "meta.k8s.io/" + as_.meta_version,
                                                                whole ? target_.resource->info.list_kind : "PartialObjectMetadataList", metadata));
  for (const EntryPtr& entry : page.entries) list.add(SERIN_TRY(read(entry)).doc());
  return list.finish();
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

Result<std::string> ObjectWriter::object(const kube::Object& object) const {
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

Result<std::string> ObjectWriter::object(const EntryPtr& entry, Revision revision) const {
  if (as_.form != Representation::Form::kObject || target_.resource->conversion) return object(SERIN_TRY(at(entry, revision)));
  std::string out;
  out.reserve(entry->bytes.size() + 64);
  append_object(out, *entry, target_.api_version(), target_.kind(), revision);
  return finished(std::move(out));
}

Result<std::string> ObjectWriter::list(const Page& page) const {
  std::string metadata = list_metadata(page.revision, page.continue_token, page.remaining);
  if (as_.form == Representation::Form::kTable) {
    std::vector<kube::Object> objects;
    for (const EntryPtr& entry : page.entries) objects.push_back(SERIN_TRY(read(entry)));
    return finished(table(objects, metadata, true));
  }
  if (as_.encoding == Encoding::kProtobuf) return protobuf_list(page);
  bool whole = as_.form == Representation::Form::kObject;
  std::string out = concat("{\"kind\":\"", whole ? target_.resource->info.list_kind : "PartialObjectMetadataList",
                           "\",\"apiVersion\":\"", whole ? target_.api_version() : "meta.k8s.io/" + as_.meta_version,
                           "\",\"metadata\":", metadata, ",\"items\":[");
  size_t bytes = out.size() + 2;
  if (whole)
    for (const EntryPtr& entry : page.entries) bytes += entry->bytes.size() + 64;
  out.reserve(bytes);
  bool first = true;
  ObjectSplicer splicer(target_.api_version(), target_.kind());
  for (const EntryPtr& entry : page.entries) {
    if (!first) out += ',';
    first = false;
    if (whole && target_.resource->conversion) out += json::dump(SERIN_TRY(read(entry)).doc());
    else if (whole) splicer.append(out, *entry, entry->revision);
    else out += partial(SERIN_TRY(read(entry)));
  }
  out += "]}";
  return finished(std::move(out));
}

Result<std::string> ObjectWriter::event_object(const EntryPtr& entry, Revision revision, bool with_columns) const {
  if (as_.form == Representation::Form::kTable)
    return table({SERIN_TRY(at(entry, revision))}, list_metadata(revision, {}, std::nullopt), with_columns);
  return object(entry, revision);
}

Result<std::string> ObjectWriter::bookmark(Revision revision, bool ends_initial_events) const {
  std::string metadata = concat("{\"resourceVersion\":\"", revision, "\",\"creationTimestamp\":null",
                                ends_initial_events ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "", '}');
  if (as_.form == Representation::Form::kTable) return table({}, metadata, false);
  bool whole = as_.form == Representation::Form::kObject;
  return finished(concat("{\"kind\":\"", whole ? target_.kind() : "PartialObjectMetadata", "\",\"apiVersion\":\"",
                whole ? target_.api_version() : "meta.k8s.io/" + as_.meta_version, "\",\"metadata\":", metadata, '}'));
}

}  // namespace serin::apiserver
