#include <algorithm>
#include <bit>

#include "base/strings.h"
#include "base/time.h"
#include "kube/protobuf_values.h"

namespace serin::kube {
namespace {

using Kind = MessageField::Kind;
using Shape = MessageField::Shape;

Result<std::string_view> string_of(const json::value* value) {
  if (!value) return std::string_view();
  if (!value->is_string()) return wrong_type("a string");
  return json::as_string(value);
}

Result<uint64_t> integer_of(const json::value* value) {
  if (!value) return 0;
  auto number = json::as_int(value);
  if (!number) return wrong_type("an integer");
  return static_cast<uint64_t>(*number);
}

Result<void> write_time(wire::Writer& out, const json::value* value, bool micro) {
  if (!value) return {};
  auto time = parse_time(SERIN_TRY(string_of(value)));
  if (!time) return wrong_type("a time");
  auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(*time - seconds);
  out.number(1, static_cast<uint64_t>(seconds.time_since_epoch().count()));
  out.number(2, micro ? static_cast<uint64_t>(micros.count()) * 1000 : 0);
  return {};
}

Result<void> write_duration(wire::Writer& out, const json::value* value) {
  auto span = value ? parse_duration(SERIN_TRY(string_of(value))) : Duration(0);
  if (!span) return wrong_type("a duration");
  out.number(1, static_cast<uint64_t>(span->count()));
  return {};
}

/// The inside of a value that is a message.
Result<void> write_inside(wire::Writer& out, const MessageField& field, const json::value* value) {
  switch (field.kind) {
    case Kind::kTime: case Kind::kMicroTime: return write_time(out, value, field.kind == Kind::kMicroTime);
    case Kind::kDuration: return write_duration(out, value);
    case Kind::kMessage: {
      if (value && !value->is_object()) return wrong_type("an object");
      return write_message(out, value ? &value->get_object() : nullptr, *field.message);
    }
    default: return write_special(out, value, field);
  }
}

/// One value under a number, which in a map is not the field's own. Null: Go's zero.
Result<void> write_value(wire::Writer& out, int number, const MessageField& field, const json::value* value) {
  if (value && value->is_null()) value = nullptr;
  switch (field.kind) {
    case Kind::kString: out.bytes(number, SERIN_TRY(string_of(value))); return {};
    case Kind::kInt32: case Kind::kInt64: out.number(number, SERIN_TRY(integer_of(value))); return {};
    case Kind::kBool: {
      if (value && !value->is_bool()) return wrong_type("a flag");
      out.number(number, json::as_bool(value));
      return {};
    }
    case Kind::kDouble: {
      if (value && !value->is_number()) return wrong_type("a number");
      out.fixed64(number, std::bit_cast<uint64_t>(value ? value->to_number<double>() : 0.0));
      return {};
    }
    case Kind::kBytes: {
      auto bytes = base64_decode(SERIN_TRY(string_of(value)));
      if (!bytes) return wrong_type("base64");
      out.bytes(number, *bytes);
      return {};
    }
    default: break;
  }
  size_t begun = out.begin(number);
  SERIN_TRY(write_inside(out, field, value));
  out.end(begun);
  return {};
}

Result<void> write_map(wire::Writer& out, const MessageField& field, const json::value& value) {
  if (!value.is_object()) return wrong_type("an object");
  std::vector<const json::object::value_type*> entries;
  entries.reserve(value.get_object().size());
  for (const auto& entry : value.get_object()) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
  for (const auto* entry : entries) {
    size_t begun = out.begin(field.number);
    out.bytes(1, entry->key());
    SERIN_TRY(write_value(out, 2, field, &entry->value()));
    out.end(begun);
  }
  return {};
}

Result<void> write_field(wire::Writer& out, const MessageField& field, const json::object* object) {
  if (field.kind == Kind::kInlined) {
    size_t begun = out.begin(field.number);
    SERIN_TRY(write_message(out, object, *field.message));
    out.end(begun);
    return {};
  }
  const json::value* value = object ? object->if_contains(field.name) : nullptr;
  bool there = value && !value->is_null();
  bool slice = field.kind == Kind::kBytes || field.kind == Kind::kStrings;  // in Go, so that there may be none
  if (!there && (field.shape != Shape::kValue || slice)) return {};
  if (field.shape == Shape::kMap) return write_map(out, field, *value);
  if (field.shape != Shape::kList) return write_value(out, field.number, field, value);
  if (!value->is_array()) return wrong_type("a list");
  for (const json::value& item : value->get_array()) SERIN_TRY(write_value(out, field.number, field, &item));
  return {};
}

}  // namespace

tl::unexpected<Error> wrong_type(std::string_view wanted) {
  return fail(Code::kInternal, concat("cannot write the object as protobuf: expected ", wanted));
}

Result<void> write_message(wire::Writer& out, const json::object* object, const MessageType& type) {
  for (const MessageField& field : type.fields) {
    auto written = write_field(out, field, object);
    if (written) continue;
    Error error = std::move(written).error();
    error.message += concat(" in ", field.name.empty() ? "an embedded message" : field.name);
    return tl::unexpected(std::move(error));
  }
  return {};
}

}  // namespace serin::kube
