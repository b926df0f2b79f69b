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

Result<void> write_schema(wire::Writer& out, int number, const json::value& schema, const MessageField& field) {
  if (!schema.is_object()) return wrong_type("a schema");
  size_t begun = out.begin(number);
  SERIN_TRY(write_message(out, &schema.get_object(), *field.message));
  out.end(begun);
  return {};
}

Result<json::value> read_int_or_string(std::string_view message) {
  uint64_t type = SERIN_TRY(wire::last_field(message, 1)).value;
  if (type != 0) return json::value(SERIN_TRY(wire::last_field(message, 3)).bytes);
  auto number = static_cast<int32_t>(SERIN_TRY(wire::last_field(message, 2)).value);
  return json::value(int64_t{number});
}

Result<void> write_int_or_string(wire::Writer& out, const json::value* value) {
  bool text = value && value->is_string();
  std::optional<int64_t> number = value ? json::as_int(value) : 0;
  if (!text && !number) return wrong_type("a number or a string");
  out.number(1, text ? 1 : 0);
  out.number(2, text ? 0 : static_cast<uint64_t>(*number));
  out.bytes(3, text ? json::as_string(value) : std::string_view());
  return {};
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

Result<void> write_strings(wire::Writer& out, int number, const json::value* value) {
  if (!value) return {};
  if (!value->is_array()) return wrong_type("a list of strings");
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) return wrong_type("a list of strings");
    out.bytes(number, json::as_string(&item));
  }
  return {};
}

/// {1: allows, 2: schema}
Result<json::value> read_schema_or_bool(std::string_view message, const MessageField& field, int depth) {
  wire::Field schema = SERIN_TRY(wire::last_field(message, 2));
  if (schema.type == wire::Field::Type::kBytes) return read_schema(schema.bytes, field, depth);
  return json::value(SERIN_TRY(wire::last_field(message, 1)).value != 0);
}

Result<void> write_schema_or_bool(wire::Writer& out, const json::value& value, const MessageField& field) {
  const bool* flag = value.if_bool();
  out.number(1, flag ? *flag : true);
  if (!flag) SERIN_TRY(write_schema(out, 2, value, field));
  return {};
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

Result<void> write_schema_or_several(wire::Writer& out, const json::value& value, const MessageField& field) {
  const json::array* several = value.if_array();
  if (!several) return write_schema(out, 1, value, field);
  if (field.kind == Kind::kSchemaOrStrings) return write_strings(out, 2, &value);
  for (const json::value& schema : *several) SERIN_TRY(write_schema(out, 2, schema, field));
  return {};
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

Result<void> write_special(wire::Writer& out, const json::value* value, const MessageField& field) {
  switch (field.kind) {
    case Kind::kQuantity:
      if (!value) out.bytes(1, "0");
      else if (value->is_string()) out.bytes(1, json::as_string(value));
      else if (value->is_number()) out.bytes(1, json::dump(*value));
      else return wrong_type("a quantity");
      return {};
    case Kind::kIntOrString: return write_int_or_string(out, value);
    case Kind::kEmbedded:
      if (value) out.bytes(1, json::dump(*value));
      return {};
    case Kind::kStrings: return write_strings(out, 1, value);
    case Kind::kSchemaOrBool: return value ? write_schema_or_bool(out, *value, field) : Result<void>();
    default: return value ? write_schema_or_several(out, *value, field) : Result<void>();
  }
}

}  // namespace serin::kube
