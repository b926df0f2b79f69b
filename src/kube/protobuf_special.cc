#include "base/strings.h"
#include "kube/protobuf_values.h"

namespace serin::kube {
namespace {

using Kind = MessageField::Kind;

Result<json::value> read_schema(std::string_view message, const MessageField& field, int depth) {
  json::object out;
  SERIN_TRY(read_message(out, message, *field.message, depth + 1));
  return json::value(std::move(out));
}

void write_schema(wire::Writer& out, int number, const json::value& schema, const MessageField& field) {
  size_t begun = out.begin(number);
  write_message(out, schema.if_object(), *field.message);
  out.end(begun);
}

Result<json::value> read_int_or_string(std::string_view message) {
  uint64_t type = SERIN_TRY(wire::last_field(message, 1)).value;
  if (type != 0) return json::value(SERIN_TRY(wire::last_field(message, 3)).bytes);
  auto number = static_cast<int32_t>(SERIN_TRY(wire::last_field(message, 2)).value);
  return json::value(int64_t{number});
}

void write_int_or_string(wire::Writer& out, const json::value* value) {
  bool text = value && value->is_string();
  out.number(1, text);
  out.number(2, text ? 0 : static_cast<uint64_t>(json::as_int(value).value_or(0)));
  out.bytes(3, json::as_string(value));
}

Result<json::value> read_embedded(std::string_view message) {
  std::string_view text = SERIN_TRY(wire::last_field(message, 1)).bytes;
  if (text.empty()) return json::value();
  auto parsed = json::parse(text);
  if (!parsed) return wire::malformed(parsed.error().message);
  return *std::move(parsed);
}

Result<json::value> read_strings(std::string_view message) {
  json::array items;
  wire::Reader reader(message);
  while (std::optional<wire::Field> item = SERIN_TRY(reader.next()))
    if (item->number == 1) items.push_back(json::value(item->bytes));
  return json::value(std::move(items));
}

void write_strings(wire::Writer& out, int number, const json::value* value) {
  const json::array* items = value ? value->if_array() : nullptr;
  if (!items) return;
  for (const json::value& item : *items) out.bytes(number, json::as_string(&item));
}

/// {1: allows, 2: schema}
Result<json::value> read_schema_or_bool(std::string_view message, const MessageField& field, int depth) {
  wire::Field schema = SERIN_TRY(wire::last_field(message, 2));
  if (schema.type == wire::Field::Type::kBytes) return read_schema(schema.bytes, field, depth);
  return json::value(SERIN_TRY(wire::last_field(message, 1)).value != 0);
}

void write_schema_or_bool(wire::Writer& out, const json::value& value, const MessageField& field) {
  const bool* flag = value.if_bool();
  out.number(1, flag ? *flag : true);
  if (!flag) write_schema(out, 2, value, field);
}

/// {1: schema, 2: repeated schema or string}
Result<json::value> read_schema_or_several(std::string_view message, const MessageField& field, int depth) {
  json::array several;
  wire::Reader reader(message);
  while (std::optional<wire::Field> part = SERIN_TRY(reader.next())) {
    if (part->number == 1) return read_schema(part->bytes, field, depth);
    if (part->number != 2) continue;
    if (field.kind == Kind::kSchemaOrStrings) several.push_back(json::value(part->bytes));
    else several.push_back(SERIN_TRY(read_schema(part->bytes, field, depth)));
  }
  return json::value(std::move(several));
}

void write_schema_or_several(wire::Writer& out, const json::value& value, const MessageField& field) {
  const json::array* several = value.if_array();
  if (!several) return write_schema(out, 1, value, field);
  if (field.kind == Kind::kSchemaOrStrings) return write_strings(out, 2, &value);
  for (const json::value& schema : *several) write_schema(out, 2, schema, field);
}

}  // namespace

Result<json::value> read_special(const MessageField& field, std::string_view message, int depth) {
  switch (field.kind) {
    case Kind::kQuantity: return json::value(SERIN_TRY(wire::last_field(message, 1)).bytes);
    case Kind::kIntOrString: return read_int_or_string(message);
    case Kind::kEmbedded: return read_embedded(message);
    case Kind::kStrings: return read_strings(message);
    case Kind::kSchemaOrBool: return read_schema_or_bool(message, field, depth);
    default: return read_schema_or_several(message, field, depth);
  }
}

void write_special(wire::Writer& out, const json::value* value, const MessageField& field) {
  switch (field.kind) {
    case Kind::kQuantity:
      return out.bytes(1, !value ? "0" : value->is_string() ? std::string(json::as_string(value)) : json::dump(*value));
    case Kind::kIntOrString: return write_int_or_string(out, value);
    case Kind::kEmbedded:
      if (value) out.bytes(1, json::dump(*value));
      return;
    case Kind::kStrings: return write_strings(out, 1, value);
    case Kind::kSchemaOrBool:
      if (value) write_schema_or_bool(out, *value, field);
      return;
    default:
      if (value) write_schema_or_several(out, *value, field);
  }
}

}  // namespace serin::kube
