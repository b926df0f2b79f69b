#pragma once

/// Objects of built-in kinds as programs in Go send and want them: protobuf in the envelope of Kubernetes, `k8s\0` and
/// the message runtime.Unknown (k8s.io/apimachinery/pkg/runtime/serializer/protobuf). Driven by the schema tables. What
/// is written is byte for byte what client-go writes for the same object. Pure.

#include <string>
#include <string_view>

#include "base/error.h"
#include "data/json.h"

namespace serin::kube {

struct MessageType;

/// Whether a kind has a protobuf form: built-in kinds, their lists, and the types that every group has.
bool has_protobuf(std::string_view api_version, std::string_view kind);

/// The object as JSON would have it. kUnsupportedMediaType for a kind that has no protobuf form, kBadRequest for bytes
/// that are malformed.
Result<json::value> object_from_protobuf(std::string_view bytes);

/// The envelope of an object. kNotAcceptable for a kind that has no protobuf form. Members that the tables do not know,
/// and values of a type that is not theirs, are left out.
Result<std::string> protobuf_from_object(const json::value& object);

/// Writes a list item by item, so that it never stands in memory as JSON.
class ProtobufList {
 public:
  /// `metadata` is a ListMeta. kNotAcceptable for a kind that has no protobuf form.
  static Result<ProtobufList> begin(std::string_view api_version, std::string_view list_kind, const json::value& metadata);
  void add(const json::value& item);
  /// The envelope. Nothing may be added afterwards.
  std::string finish();

 private:
  explicit ProtobufList(const MessageType* item) : item_(item) {}
  std::string out_;
  const MessageType* item_;
  size_t begun_ = 0;
};

/// One event of a watch as it goes over the wire: 4 bytes of length, big-endian, and a meta.v1.WatchEvent whose object is
/// the envelope.
std::string protobuf_watch_frame(std::string_view type, std::string_view envelope);

}  // namespace serin::kube
