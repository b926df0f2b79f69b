#include "kube/protobuf_wire.h"

#include "base/strings.h"

namespace serin::kube::wire {
namespace {

constexpr uint64_t kMaxNumber = (1u << 29) - 1;

char* put_varint(char* at, uint64_t value) {
  for (; value > 0x7f; value >>= 7) *at++ = static_cast<char>(0x80 | (value & 0x7f));
  *at++ = static_cast<char>(value);
  return at;
}

uint64_t tag(int field, Field::Type type) { return static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(type); }

}  // namespace

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(Code::kBadRequest, concat("error parsing the body as protobuf: ", what));
}

Result<std::optional<Field>> Reader::next() {
  if (left_.empty()) return std::nullopt;
  uint64_t tag = SERIN_TRY(varint());
  uint64_t number = tag >> 3;
  if (number == 0 || number > kMaxNumber) return malformed("bad field number");
  Field field;
  field.number = static_cast<int>(number);
  field.type = static_cast<Field::Type>(tag & 7);
  switch (field.type) {
    case Field::Type::kVarint: field.value = SERIN_TRY(varint()); return field;
    case Field::Type::kFixed64: field.value = SERIN_TRY(fixed(8)); return field;
    case Field::Type::kFixed32: field.value = SERIN_TRY(fixed(4)); return field;
    case Field::Type::kBytes: {
      uint64_t size = SERIN_TRY(varint());
      if (size > left_.size()) return malformed("a field is longer than its message");
      field.bytes = left_.substr(0, size);
      left_.remove_prefix(size);
      return field;
    }
  }
  return malformed("unknown wire type");
}

Result<uint64_t> Reader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return malformed("bad number");
}

Result<uint64_t> Reader::fixed(size_t size) {
  if (left_.size() < size) return malformed("it ends within a number");
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(left_[i]);
  left_.remove_prefix(size);
  return value;
}

Result<Field> last_field(std::string_view message, int number) {
  Field out{number, Field::Type::kVarint, 0, {}};
  Reader reader(message);
  while (std::optional<Field> field = SERIN_TRY(reader.next()))
    if (field->number == number) out = *field;
  return out;
}

void Writer::varint(uint64_t value) {
  char text[10];
  out.append(text, put_varint(text, value));
}

void Writer::number(int field, uint64_t value) {
  varint(tag(field, Field::Type::kVarint));
  varint(value);
}

void Writer::fixed64(int field, uint64_t bits) {
  varint(tag(field, Field::Type::kFixed64));
  for (int i = 0; i < 8; ++i) out += static_cast<char>(bits >> (8 * i));
}

void Writer::bytes(int field, std::string_view bytes) {
  varint(tag(field, Field::Type::kBytes));
  varint(bytes.size());
  out += bytes;
}

size_t Writer::begin(int field) {
  varint(tag(field, Field::Type::kBytes));
  out += '\0';  // the length of most messages fits one byte
  return out.size();
}

void Writer::end(size_t begun) {
  char text[10];
  auto size = static_cast<size_t>(put_varint(text, out.size() - begun) - text);
  out.replace(begun - 1, 1, text, size);
}

}  // namespace serin::kube::wire
