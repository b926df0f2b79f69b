#include <bit>

#include "base/strings.h"
#include "base/time.h"
#include "base/utf8.h"
#include "kube/protobuf_values.h"

namespace serin::kube {
namespace {

using Kind = MessageField::Kind;
using Shape = MessageField::Shape;

/// What a TimePoint can hold.
constexpr int64_t kMaxSeconds = 9'223'372'035;

wire::Field::Type wire_type(Kind kind) {
  switch (kind) {
    case Kind::kInt32: case Kind::kInt64: case Kind::kBool: return wire::Field::Type::kVarint;
    case Kind::kDouble: return wire::Field::Type::kFixed64;
    default: return wire::Field::Type::kBytes;
  }
}

Result<json::value> number_of(Kind kind, uint64_t value) {
  switch (kind) {
    case Kind::kInt32: return json::value(int64_t{static_cast<int32_t>(value)});
    case Kind::kBool: return json::value(value != 0);
    case Kind::kDouble: {
      auto number = std::bit_cast<double>(value);
      if (!(number - number == 0)) return wire::malformed("a number is not finite");
      return json::value(number);
    }
    default: return json::value(static_cast<int64_t>(value));
  }
}

/// Null for the zero time, which is an empty message.
Result<json::value> time_of(std::string_view message, bool micro) {
  if (message.empty()) return json::value();
  auto seconds = static_cast<int64_t>(SERIN_TRY(wire::last_field(message, 1)).value);
  if (seconds < -kMaxSeconds || seconds > kMaxSeconds) return wire::malformed("a time is out of range");
  TimePoint time{std::chrono::seconds(seconds)};
  if (!micro) return json::value(format_time(time));
  auto nanos = static_cast<int32_t>(SERIN_TRY(wire::last_field(message, 2)).value);
  if (nanos < 0 || nanos > 999'999'999) return wire::malformed("a time is out of range");
  return json::value(format_micro_time(time + std::chrono::nanoseconds(nanos)));
}

/// One value; `into` is what is there already, for a message that comes in pieces.
Result<json::value> read_value(const MessageField& field, const wire::Field& wire, json::value into, int depth) {
  if (wire.type != wire_type(field.kind)) return wire::malformed(concat("wrong wire type for field ", field.name));
  switch (field.kind) {
    case Kind::kInt32: case Kind::kInt64: case Kind::kBool: case Kind::kDouble: return number_of(field.kind, wire.value);
    case Kind::kString:
      if (!is_utf8(wire.bytes)) return wire::malformed(concat("field ", field.name, " is not UTF-8"));
      return json::value(wire.bytes);
    case Kind::kBytes: return json::value(base64_encode(wire.bytes));
    case Kind::kTime: case Kind::kMicroTime: return time_of(wire.bytes, field.kind == Kind::kMicroTime);
    case Kind::kDuration: {
      auto span = static_cast<int64_t>(SERIN_TRY(wire::last_field(wire.bytes, 1)).value);
      return json::value(format_duration(Duration(span)));
    }
    case Kind::kMessage: {
      if (!into.is_object()) into = json::object();
      SERIN_TRY(read_message(into.get_object(), wire.bytes, *field.message, depth + 1));
      return into;
    }
    default: {
      json::value value = SERIN_TRY(read_special(field, wire.bytes, depth + 1));
      if (const auto* text = value.if_string(); text && !is_utf8(std::string_view(*text)))
        return wire::malformed(concat("field ", field.name, " is not UTF-8"));
      return value;
    }
  }
}

json::value zero_of(Kind kind) {
  switch (kind) {
    case Kind::kInt32: case Kind::kInt64: case Kind::kDouble: case Kind::kIntOrString: return json::value(0);
    case Kind::kBool: return json::value(false);
    case Kind::kString: case Kind::kBytes: return json::value("");
    case Kind::kQuantity: return json::value("0");
    case Kind::kMessage: return json::object();
    case Kind::kStrings: return json::array();
    default: return json::value();
  }
}

Result<void> read_entry(json::object& map, std::string_view message, const MessageField& field, int depth) {
  std::string_view key;
  json::value value = zero_of(field.kind);
  wire::Reader reader(message);
  while (std::optional<wire::Field> part = SERIN_TRY(reader.next())) {
    if (part->number == 1) key = part->bytes;
    if (part->number == 2) value = SERIN_TRY(read_value(field, *part, std::move(value), depth));
  }
  if (!is_utf8(key)) return wire::malformed(concat("a key of field ", field.name, " is not UTF-8"));
  map[key] = std::move(value);
  return {};
}

Result<void> read_items(json::array& list, const wire::Field& wire, const MessageField& field, int depth) {
  bool packed = wire.type == wire::Field::Type::kBytes && wire_type(field.kind) == wire::Field::Type::kVarint;
  if (!packed) {
    list.push_back(SERIN_TRY(read_value(field, wire, {}, depth)));
    return {};
  }
  for (wire::Reader numbers(wire.bytes); !numbers.at_end();)
    list.push_back(SERIN_TRY(number_of(field.kind, SERIN_TRY(numbers.varint()))));
  return {};
}

/// Whether a value that Go does not hold by pointer is its zero, which its JSON leaves out.
bool is_zero(Kind kind, const json::value& value) {
  if (const auto* text = value.if_string()) return text->empty() && kind != Kind::kIntOrString;
  if (const bool* flag = value.if_bool()) return !*flag;
  return value.is_number() && value.to_number<double>() == 0;
}

}  // namespace

Result<void> read_message(json::object& out, std::string_view message, const MessageType& type, int depth) {
  if (depth > kMaxMessageDepth) return wire::malformed("it is nested too deeply");
  wire::Reader reader(message);
  while (std::optional<wire::Field> wire = SERIN_TRY(reader.next())) {
    const MessageField* field = type.field(wire->number);
    if (!field) continue;
    bool several = field->shape == Shape::kList || field->shape == Shape::kMap;
    if (wire->type != wire::Field::Type::kBytes && (field->shape == Shape::kMap || field->kind == Kind::kInlined))
      return wire::malformed(concat("wrong wire type for field ", field->name));
    if (field->kind == Kind::kInlined) {
      SERIN_TRY(read_message(out, wire->bytes, *field->message, depth + 1));
    } else if (!several) {
      json::value* there = out.if_contains(field->name);
      json::value value = SERIN_TRY(read_value(*field, *wire, there ? std::move(*there) : json::value(), depth));
      if (value.is_null() || (field->shape == Shape::kValue && is_zero(field->kind, value))) out.erase(field->name);
      else out[field->name] = std::move(value);
    } else if (field->shape == Shape::kList) {
      json::value& list = out[field->name];
      if (!list.is_array()) list = json::array();
      SERIN_TRY(read_items(list.get_array(), *wire, *field, depth));
    } else {
      json::value& map = out[field->name];
      if (!map.is_object()) map = json::object();
      SERIN_TRY(read_entry(map.get_object(), wire->bytes, *field, depth));
    }
  }
  return {};
}

}  // namespace serin::kube
