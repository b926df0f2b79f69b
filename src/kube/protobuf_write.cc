#include <algorithm>
#include <bit>

#include "base/strings.h"
#include "base/time.h"
#include "kube/protobuf_values.h"

namespace serin::kube {
namespace {

using Kind = MessageField::Kind;
using Shape = MessageField::Shape;

std::string_view string_of(const json::value* value) { return json::as_string(value); }

uint64_t integer_of(const json::value* value) { return static_cast<uint64_t>(json::as_int(value).value_or(0)); }

void write_time(wire::Writer& out, const json::value* value, bool micro) {
  auto time = parse_time(string_of(value));
  if (!time) return;
  auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(*time - seconds);
  out.number(1, static_cast<uint64_t>(seconds.time_since_epoch().count()));
  out.number(2, micro ? static_cast<uint64_t>(micros.count()) * 1000 : 0);
}

/// The inside of a value that is a message.
void write_inside(wire::Writer& out, const MessageField& field, const json::value* value) {
  switch (field.kind) {
    case Kind::kTime: case Kind::kMicroTime: return write_time(out, value, field.kind == Kind::kMicroTime);
    case Kind::kDuration: {
      Duration span = parse_duration(string_of(value)).value_or(Duration(0));
      return out.number(1, static_cast<uint64_t>(span.count()));
    }
    case Kind::kMessage: return write_message(out, value ? value->if_object() : nullptr, *field.message);
    default: return write_special(out, value, field);
  }
}

/// One value under a number, which in a map is not the field's own. Null: Go's zero.
void write_value(wire::Writer& out, int number, const MessageField& field, const json::value* value) {
  if (value && value->is_null()) value = nullptr;
  switch (field.kind) {
    case Kind::kString: return out.bytes(number, string_of(value));
    case Kind::kInt32: case Kind::kInt64: return out.number(number, integer_of(value));
    case Kind::kBool: return out.number(number, json::as_bool(value));
    case Kind::kDouble:
      return out.fixed64(number, std::bit_cast<uint64_t>(value && value->is_number() ? value->to_number<double>() : 0.0));
    case Kind::kBytes: return out.bytes(number, base64_decode(string_of(value)).value_or(""));
    default: break;
  }
  size_t begun = out.begin(number);
  write_inside(out, field, value);
  out.end(begun);
}

void write_map(wire::Writer& out, const MessageField& field, const json::object& map) {
  std::vector<const json::object::value_type*> entries;
  entries.reserve(map.size());
  for (const auto& entry : map) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
  for (const auto* entry : entries) {
    size_t begun = out.begin(field.number);
    out.bytes(1, entry->key());
    write_value(out, 2, field, &entry->value());
    out.end(begun);
  }
}

void write_field(wire::Writer& out, const MessageField& field, const json::object* object) {
  if (field.kind == Kind::kInlined) {
    size_t begun = out.begin(field.number);
    write_message(out, object, *field.message);
    return out.end(begun);
  }
  const json::value* value = object ? object->if_contains(field.name) : nullptr;
  if (value && value->is_null()) value = nullptr;
  switch (field.shape) {
    case Shape::kMap:
      if (value && value->is_object()) write_map(out, field, value->get_object());
      return;
    case Shape::kList:
      if (value && value->is_array())
        for (const json::value& item : value->get_array()) write_value(out, field.number, field, &item);
      return;
    case Shape::kValue:
      // Slices in Go, so that there may be none.
      if (!value && (field.kind == Kind::kBytes || field.kind == Kind::kStrings)) return;
      return write_value(out, field.number, field, value);
    case Shape::kPointer:
      if (value) write_value(out, field.number, field, value);
  }
}

}  // namespace

void write_message(wire::Writer& out, const json::object* object, const MessageType& type) {
  for (const MessageField& field : type.fields) write_field(out, field, object);
}

}  // namespace serin::kube
