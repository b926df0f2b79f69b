#include "kube/protobuf.h"

#include "base/strings.h"
#include "kube/protobuf_values.h"

namespace serin::kube {
namespace {

constexpr std::string_view kMagic{"k8s\0", 4};

/// runtime.Unknown: {1: typeMeta {1: apiVersion, 2: kind}, 2: raw, 3: contentEncoding, 4: contentType}. Answers where
/// `raw` begins.
size_t begin_envelope(wire::Writer& out, std::string_view api_version, std::string_view kind) {
  out.out += kMagic;
  size_t type = out.begin(1);
  out.bytes(1, api_version);
  out.bytes(2, kind);
  out.end(type);
  return out.begin(2);
}

void end_envelope(wire::Writer& out, size_t raw) {
  out.end(raw);
  out.bytes(3, "");
  out.bytes(4, "");
}

}  // namespace

bool has_protobuf(std::string_view api_version, std::string_view kind) { return message_type(api_version, kind) != nullptr; }

Result<json::value> object_from_protobuf(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return wire::malformed("it does not begin as an object of Kubernetes");
  std::string_view envelope = bytes.substr(kMagic.size());
  std::string_view type_meta = SERIN_TRY(wire::last_field(envelope, 1)).bytes;
  std::string_view api_version = SERIN_TRY(wire::last_field(type_meta, 1)).bytes;
  std::string_view kind = SERIN_TRY(wire::last_field(type_meta, 2)).bytes;
  const MessageType* type = message_type(api_version, kind);
  if (!type)
    return fail(Code::kUnsupportedMediaType,
                concat("kind ", kind, " of ", api_version, " has no protobuf form: send application/json"));
  json::object object{{"apiVersion", api_version}, {"kind", kind}};
  SERIN_TRY(read_message(object, SERIN_TRY(wire::last_field(envelope, 2)).bytes, *type, 0));
  return json::value(std::move(object));
}

Result<std::string> protobuf_from_object(const json::value& object) {
  std::string_view api_version = json::get_string(object, "apiVersion"), kind = json::get_string(object, "kind");
  const MessageType* type = message_type(api_version, kind);
  if (!type) return fail(Code::kNotAcceptable, concat("kind ", kind, " of ", api_version, " has no protobuf form"));
  wire::Writer out;
  size_t raw = begin_envelope(out, api_version, kind);
  write_message(out, object.if_object(), *type);
  end_envelope(out, raw);
  return std::move(out.out);
}

Result<ProtobufList> ProtobufList::begin(std::string_view api_version, std::string_view list_kind, const json::value& metadata) {
  const MessageType* type = message_type(api_version, list_kind);
  const MessageField* meta = type ? type->field(1) : nullptr;
  const MessageField* items = type ? type->field(2) : nullptr;
  if (!items || items->kind != MessageField::Kind::kMessage)
    return fail(Code::kNotAcceptable, concat("kind ", list_kind, " of ", api_version, " has no protobuf form"));
  ProtobufList list(items->message);
  wire::Writer out;
  list.begun_ = begin_envelope(out, api_version, list_kind);
  size_t inside = out.begin(1);
  write_message(out, metadata.if_object(), *meta->message);
  out.end(inside);
  list.out_ = std::move(out.out);
  return list;
}

void ProtobufList::add(const json::value& item) {
  wire::Writer out{std::move(out_)};
  size_t begun = out.begin(2);
  write_message(out, item.if_object(), *item_);
  out.end(begun);
  out_ = std::move(out.out);
}

std::string ProtobufList::finish() {
  wire::Writer out{std::move(out_)};
  end_envelope(out, begun_);
  return std::move(out.out);
}

std::string protobuf_watch_frame(std::string_view type, std::string_view envelope) {
  wire::Writer out;
  out.out.reserve(envelope.size() + 32);
  out.out.append(4, '\0');
  out.bytes(1, type);
  size_t object = out.begin(2);
  out.bytes(1, envelope);
  out.end(object);
  auto size = static_cast<uint32_t>(out.out.size() - 4);
  for (int i = 0; i < 4; ++i) out.out[i] = static_cast<char>(size >> (8 * (3 - i)));
  return std::move(out.out);
}

}  // namespace serin::kube
