#pragma once

/// UTF-8 as RFC 3629 has it: no surrogates, nothing above U+10FFFF, no overlong forms. JSON text must be UTF-8, while
/// header fields, decoded URLs and protobuf's bytes may be anything. Pure.

#include <string>
#include <string_view>

namespace serin {

bool is_utf8(std::string_view text);
/// `text` with U+FFFD for each byte that belongs to no character.
std::string to_utf8(std::string_view text);

}  // namespace serin
