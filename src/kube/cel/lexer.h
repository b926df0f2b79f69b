#pragma once

/// Text to tokens, as CEL's grammar has them. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace serin::kube::cel {

struct Token {
  enum class Kind {
    kEnd, kIdent, kEscapedIdent, kInt, kUint, kDouble, kString, kBytes,
    kPunctuation,  ///< `text` says which: operators, brackets, and the words true, false, null, in
    kBad,          ///< `value` says why
  };
  Kind kind = Kind::kEnd;
  std::string_view text;  ///< as written
  std::string value;      ///< of strings and bytes: unescaped
  size_t offset = 0;

  bool is(std::string_view punctuation) const { return kind == Kind::kPunctuation && text == punctuation; }
};

/// All tokens, the last one kEnd. Stops at the first kBad.
std::vector<Token> tokenize(std::string_view source);

/// Appends the UTF-8 of a code point.
void append_utf8(std::string& out, uint32_t code_point);

}  // namespace serin::kube::cel
