#pragma once

/// The encoding of protobuf itself: tags, varints, lengths (protobuf.dev/programming-guides/encoding). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace serin::kube::wire {

/// One field as it stands on the wire.
struct Field {
  enum class Type { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  int number = 0;
  Type type = Type::kVarint;
  uint64_t value = 0;      ///< of a number
  std::string_view bytes;  ///< of kBytes: a string or a message; lies within what was read
};

/// Reads the fields of one message, which must outlive it. Errors are kBadRequest; groups are refused.
class Reader {
 public:
  explicit Reader(std::string_view message) : left_(message) {}
  /// nullopt at the end.
  Result<std::optional<Field>> next();
  /// A number without a tag, as in a packed list.
  Result<uint64_t> varint();
  bool at_end() const { return left_.empty(); }

 private:
  Result<uint64_t> fixed(size_t size);
  std::string_view left_;
};

/// The last field of that number; an empty one where there is none.
Result<Field> last_field(std::string_view message, int number);

/// Appends fields.
class Writer {
 public:
  void number(int field, uint64_t value);
  void fixed64(int field, uint64_t bits);
  void bytes(int field, std::string_view bytes);
  /// What is written until `end` is one message. Returns what `end` wants.
  size_t begin(int field);
  void end(size_t begun);

  std::string out;

 private:
  void varint(uint64_t value);
};

/// The error for bytes that are not what they should be.
tl::unexpected<Error> malformed(std::string_view what);

}  // namespace serin::kube::wire
