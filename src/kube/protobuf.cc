#include "kube/protobuf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "base/strings.h"
#include "base/time.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

constexpr std::string_view kMagic{"k8s\0", 4};
constexpr int kMaxDepth = 100;

/// Numbers and flags that Go holds by value and leaves out of JSON when they are zero, while protobuf always has them.
/// The zero of any other (`replicas`, `runAsUser`) was meant.
constexpr std::array<std::string_view, 23> kZeroMeansAbsent = {
    "count",           "failureThreshold", "generation",         "healthCheckNodePort", "hostIPC",
    "hostNetwork",     "hostPID",          "hostPort",           "initialDelaySeconds",
    "minReadySeconds", "nodePort",         "observedGeneration", "paused",
    "periodSeconds",   "port",             "publishNotReadyAddresses",
    "readOnly",        "stdin",            "stdinOnce",          "successThreshold",
    "timeoutSeconds",  "tty",              "unschedulable"};

static_assert(std::is_sorted(kZeroMeansAbsent.begin(), kZeroMeansAbsent.end()));

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(Code::kBadRequest, concat("error parsing the body as protobuf: ", what));
}

/// One field as it stands on the wire.
struct WireField {
  int number = 0;
  enum class Kind { kNumber, kBytes } kind = Kind::kNumber;
  uint64_t value = 0;
  std::string_view bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  /// nullopt at the end.
  Result<std::optional<WireField>> next() {
    if (left_.empty()) return std::nullopt;
    uint64_t tag = SERIN_TRY(varint());
    WireField field;
    field.number = static_cast<int>(tag >> 3);
    switch (tag & 7) {
      case 0: field.value = SERIN_TRY(varint()); break;
      case 1: field.value = SERIN_TRY(fixed(8)); break;
      case 5: field.value = SERIN_TRY(fixed(4)); break;
      case 2: {
        uint64_t size = SERIN_TRY(varint());
        if (size > left_.size()) return malformed("a field is longer than its message");
        field.kind = WireField::Kind::kBytes;
        field.bytes = left_.substr(0, size);
        left_.remove_prefix(size);
        break;
      }
      default: return malformed("unknown wire type");
    }
    return field;
  }

 private:
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    return malformed("bad number");
  }
  Result<uint64_t> fixed(size_t size) {
    if (left_.size() < size) return malformed("it ends within a number");
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(left_[i]);
    left_.remove_prefix(size);
    return value;
  }

  std::string_view left_;
};

/// The fields of a message.
Result<std::vector<WireField>> fields_of(std::string_view bytes) {
  std::vector<WireField> out;
  Reader reader(bytes);
  while (std::optional<WireField> field = SERIN_TRY(reader.next())) out.push_back(*field);
  return out;
}

/// The last field of that number; an empty one where there is none.
WireField field_in(const std::vector<WireField>& fields, int number) {
  WireField out{number, WireField::Kind::kNumber, 0, {}};
  for (const WireField& field : fields)
    if (field.number == number) out = field;
  return out;
}

Result<json::value> embedded_json(std::string_view message) {
  std::string_view text = field_in(SERIN_TRY(fields_of(message)), 1).bytes;
  if (text.empty()) return json::value();
  auto parsed = json::parse(text);
  if (!parsed) return malformed(parsed.error().message);
  return *std::move(parsed);
}

Result<json::value> decode(const WireField& field, const Schema& schema, int depth);

Result<json::value> time_of(std::string_view message, bool micro) {
  if (message.empty()) return json::value();
  std::vector<WireField> fields = SERIN_TRY(fields_of(message));
  TimePoint time{std::chrono::seconds(static_cast<int64_t>(field_in(fields, 1).value))};
  if (!micro) return json::value(format_time(time));
  auto micros = static_cast<int64_t>(field_in(fields, 2).value) / 1000;
  std::string text = format_time(time), fraction = std::to_string(1'000'000 + micros);
  return json::value(concat(text.substr(0, text.size() - 1), ".", fraction.substr(1), "Z"));
}

/// Strings of the wire that are messages or other values in JSON, and strings proper.
Result<json::value> decode_string(const WireField& field, const Schema& schema) {
  if (schema.format == "date-time" || schema.format == "micro-time")
    return time_of(field.bytes, schema.format == "micro-time");
  if (schema.format == "byte") return json::value(base64_encode(field.bytes));
  if (schema.format == "quantity") return json::value(field_in(SERIN_TRY(fields_of(field.bytes)), 1).bytes);
  if (schema.format == "duration") {
    uint64_t span = field_in(SERIN_TRY(fields_of(field.bytes)), 1).value;
    return json::value(format_duration(Duration(static_cast<int64_t>(span))));
  }
  return json::value(field.bytes);
}

/// The unions of a CRD's schema: a schema, or a flag, or several, or names.
Result<json::value> decode_any(const WireField& field, const Schema& schema, int depth) {
  if (schema.format == "json") return embedded_json(field.bytes);
  SchemaPtr props = builtin_type("apiextensions/v1.JSONSchemaProps");
  bool flag = schema.format == "schema-or-bool";
  json::array several;
  std::optional<bool> allowed;
  for (const WireField& part : SERIN_TRY(fields_of(field.bytes))) {
    if (part.number == (flag ? 2 : 1) && part.kind == WireField::Kind::kBytes) return decode(part, *props, depth + 1);
    if (flag) allowed = part.value != 0;
    else if (schema.format == "schema-or-strings") several.push_back(json::value(part.bytes));
    else several.push_back(SERIN_TRY(decode(part, *props, depth + 1)));
  }
  if (flag) return json::value(allowed.value_or(false));
  return json::value(std::move(several));
}

Result<void> add_entry(json::object& map, std::string_view message, const Schema& values, int depth) {
  std::vector<WireField> entry = SERIN_TRY(fields_of(message));
  std::string_view key = field_in(entry, 1).bytes;
  map[key] = SERIN_TRY(decode(field_in(entry, 2), values, depth + 1));
  return {};
}

bool absent(const Field& field, const json::value& value) {
  if (value.is_null()) return true;
  if (const auto* text = value.if_string()) return text->empty();
  bool zero = (value.is_number() && value.to_number<double>() == 0) || (value.is_bool() && !value.get_bool());
  return zero && std::binary_search(kZeroMeansAbsent.begin(), kZeroMeansAbsent.end(), field.name);
}

/// Reads the fields of `schema` that stand inside the message with the number `parent` of it (0: in itself).
Result<void> read_fields(json::object& out, std::string_view message, const Schema& schema, int parent, int depth) {
  if (depth > kMaxDepth) return malformed("it is nested too deeply");
  for (const WireField& wire : SERIN_TRY(fields_of(message))) {
    if (parent == 0 && std::any_of(schema.fields.begin(), schema.fields.end(),
                                   [&](const Field& field) { return field.proto_parent == wire.number; })) {
      SERIN_TRY(read_fields(out, wire.bytes, schema, wire.number, depth + 1));
      continue;
    }
    for (const Field& field : schema.fields) {
      if (field.proto_number != wire.number || field.proto_parent != parent) continue;
      const Schema& type = *field.schema;
      if (type.type == SchemaType::kArray && type.format != "item-list") {
        json::value& list = out[field.name];
        if (!list.is_array()) list = json::array();
        list.get_array().push_back(SERIN_TRY(decode(wire, *type.items, depth + 1)));
      } else if (type.type == SchemaType::kObject && type.values) {
        json::value& map = out[field.name];
        if (!map.is_object()) map = json::object();
        SERIN_TRY(add_entry(map.get_object(), wire.bytes, *type.values, depth));
      } else {
        json::value value = SERIN_TRY(decode(wire, type, depth + 1));
        if (!absent(field, value)) out[field.name] = std::move(value);
      }
    }
  }
  return {};
}

Result<json::value> decode(const WireField& field, const Schema& schema, int depth) {
  switch (schema.type) {
    case SchemaType::kString: return decode_string(field, schema);
    case SchemaType::kInteger: return json::value(static_cast<int64_t>(field.value));
    case SchemaType::kNumber: return json::value(std::bit_cast<double>(field.value));
    case SchemaType::kBoolean: return json::value(field.value != 0);
    case SchemaType::kIntOrString: {
      std::vector<WireField> parts = SERIN_TRY(fields_of(field.bytes));
      if (field_in(parts, 1).value != 0) return json::value(field_in(parts, 3).bytes);
      return json::value(static_cast<int64_t>(static_cast<int32_t>(field_in(parts, 2).value)));
    }
    case SchemaType::kAny: return decode_any(field, schema, depth);
    case SchemaType::kArray: {  // a list that is a message of its own, inside a map or another list
      json::array items;
      for (const WireField& item : SERIN_TRY(fields_of(field.bytes)))
        items.push_back(SERIN_TRY(decode(item, *schema.items, depth + 1)));
      return json::value(std::move(items));
    }
    case SchemaType::kObject: break;
  }
  if (schema.format == "raw" || schema.format == "fields-v1") return embedded_json(field.bytes);
  json::object out;
  SERIN_TRY(read_fields(out, field.bytes, schema, 0, depth));
  return json::value(std::move(out));
}

SchemaPtr type_of(std::string_view api_version, std::string_view kind) {
  for (const ResourceInfo& info : builtin_resources())
    if (info.resource.kind == kind && info.resource.api_version() == api_version) return info.schema;
  if (SchemaPtr own = builtin_type(concat(api_version, ".", kind))) return own;
  return builtin_type(concat("meta/v1.", kind));
}

}  // namespace

Result<json::value> object_from_protobuf(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return malformed("it does not begin as an object of Kubernetes");
  std::vector<WireField> envelope = SERIN_TRY(fields_of(bytes.substr(kMagic.size())));
  std::vector<WireField> type = SERIN_TRY(fields_of(field_in(envelope, 1).bytes));
  std::string_view api_version = field_in(type, 1).bytes, kind = field_in(type, 2).bytes;
  SchemaPtr schema = type_of(api_version, kind);
  if (!schema)
    return fail(Code::kUnsupportedMediaType,
                concat("kind ", kind, " of ", api_version, " has no protobuf form: send application/json"));
  json::value object = SERIN_TRY(decode({1, WireField::Kind::kBytes, 0, field_in(envelope, 2).bytes}, *schema, 0));
  json::object& members = object.get_object();
  members["apiVersion"] = api_version;
  members["kind"] = kind;
  return object;
}

}  // namespace serin::kube
