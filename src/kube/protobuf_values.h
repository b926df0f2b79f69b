#pragma once

/// The two halves of the transcoder, for each other and for the values whose JSON has another shape than their message.
/// Internal to protobuf*.cc. Pure.

#include <string_view>

#include "data/json.h"
#include "kube/protobuf_types.h"
#include "kube/protobuf_wire.h"

namespace serin::kube {

/// Deeper messages are refused: a schema of a CRD takes two levels for one of its own.
inline constexpr int kMaxMessageDepth = 200;

/// Reads a message's fields into `out`, over what it has. kBadRequest.
Result<void> read_message(json::object& out, std::string_view message, const MessageType& type, int depth);
/// Writes the fields of a message; null: of one with nothing in it. A value whose type is not the field's is written as if
/// it were not there: validation lets none in, and one bad value must not make a whole list unreadable.
void write_message(wire::Writer& out, const json::object* object, const MessageType& type);

/// The special rules: Quantity, IntOrString, embedded JSON (RawExtension, FieldsV1, JSON), ExtraValue and the unions of a
/// CRD's schema. `message` is what stands inside; null answers mean nothing there.
Result<json::value> read_special(const MessageField& field, std::string_view message, int depth);
/// Writes the inside of the message; a null value is Go's zero value.
void write_special(wire::Writer& out, const json::value* value, const MessageField& field);

}  // namespace serin::kube
