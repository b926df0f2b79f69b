#pragma once

/// The schema tables as protobuf sees them: each type's fields by number. Made once, at first use, and kept; safe from
/// any thread.

#include <string>
#include <string_view>
#include <vector>

#include "kube/schema.h"

namespace serin::kube {

struct MessageType;

struct MessageField {
  /// How one value is written. From kTime on they are messages of their own; those from kQuantity on have another shape
  /// in JSON (protobuf_unions.h).
  enum class Kind {
    kString, kBytes, kInt32, kInt64, kDouble, kBool,
    kTime, kMicroTime, kDuration, kMessage,
    kInlined,  ///< a message on the wire, while JSON has its fields beside the others
    kQuantity, kIntOrString, kEmbedded, kStrings, kSchemaOrBool, kSchemaOrArray, kSchemaOrStrings
  };
  enum class Shape { kValue, kPointer, kList, kMap };

  std::string name;  ///< in JSON; empty for kInlined
  int number = 0;
  Kind kind = Kind::kString;
  Shape shape = Shape::kValue;
  const MessageType* message = nullptr;  ///< of kMessage, kInlined and the unions of schemas
};

struct MessageType {
  std::vector<MessageField> fields;  ///< ascending by number, as they are written

  const MessageField* field(int number) const;
};

/// The message of a kind: a built-in resource or its list, the body of a subresource (Scale, Eviction, TokenRequest), or
/// a type that every group has (Status, DeleteOptions, PartialObjectMetadata). Null for any other.
const MessageType* message_type(std::string_view api_version, std::string_view kind);

/// Every (apiVersion, kind) that `message_type` knows, for tests.
std::vector<std::pair<std::string, std::string>> message_kinds();

}  // namespace serin::kube
