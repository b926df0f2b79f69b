#include "kube/cel/lexer.h"

#include <array>
#include <cstdint>
#include <optional>

#include "base/strings.h"

namespace serin::kube::cel {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> all() {
    std::vector<Token> tokens;
    do tokens.push_back(next());
    while (tokens.back().kind != Token::Kind::kEnd && tokens.back().kind != Token::Kind::kBad);
    return tokens;
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  Token token(Token::Kind kind, size_t start) const { return {kind, source_.substr(start, at_ - start), {}, start}; }
  Token bad(size_t start, std::string why) const {
    return {Token::Kind::kBad, source_.substr(start, at_ - start), std::move(why), start};
  }

  void skip_space() {
    while (at_ < source_.size()) {
      char c = source_[at_];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f') {
        ++at_;
      } else if (c == '/' && peek(1) == '/') {
        while (at_ < source_.size() && source_[at_] != '\n') ++at_;
      } else {
        return;
      }
    }
  }

  Token next() {
    skip_space();
    size_t start = at_;
    if (at_ >= source_.size()) return token(Token::Kind::kEnd, start);
    char c = peek();
    if (size_t quote = string_prefix(); quote != std::string_view::npos) return string(start, quote);
    if (is_letter(c)) return word(start);
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(start);
    if (c == '`') return escaped(start);
    static constexpr std::array<std::string_view, 6> kTwo = {"==", "!=", "<=", ">=", "&&", "||"};
    for (std::string_view two : kTwo) {
      if (source_.substr(at_, 2) != two) continue;
      at_ += 2;
      return token(Token::Kind::kPunctuation, start);
    }
    if (std::string_view("<>[]{}().,-!?:+*/%").find(c) != std::string_view::npos) {
      ++at_;
      return token(Token::Kind::kPunctuation, start);
    }
    ++at_;
    while (at_ < source_.size() && (source_[at_] & 0xC0) == 0x80) ++at_;
    return bad(start, concat("token recognition error at: '", source_.substr(start, at_ - start), "'"));
  }

  /// How many letters (r, b) stand before a quote that begins here; npos where no string begins.
  size_t string_prefix() const {
    auto quote = [&](size_t i) { return peek(i) == '"' || peek(i) == '\''; };
    auto is = [&](size_t i, char lower) { return (peek(i) | 0x20) == lower; };
    if (quote(0)) return 0;
    if ((is(0, 'r') || is(0, 'b')) && quote(1)) return 1;
    if (is(0, 'b') && is(1, 'r') && quote(2)) return 2;
    return std::string_view::npos;
  }

  Token word(size_t start) {
    while (is_letter(peek()) || is_digit(peek())) ++at_;
    std::string_view text = source_.substr(start, at_ - start);
    bool keyword = text == "true" || text == "false" || text == "null" || text == "in";
    return token(keyword ? Token::Kind::kPunctuation : Token::Kind::kIdent, start);
  }

  Token escaped(size_t start) {
    ++at_;
    while (is_letter(peek()) || is_digit(peek()) || peek() == '.' || peek() == '-' || peek() == '/' || peek() == ' ') ++at_;
    if (peek() != '`' || at_ == start + 1) return bad(start, "token recognition error at: '`'");
    ++at_;
    return token(Token::Kind::kEscapedIdent, start);
  }

  void digits() {
    while (is_digit(peek())) ++at_;
  }

  bool exponent() {
    if ((peek() | 0x20) != 'e') return false;
    size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
    if (!is_digit(peek(sign))) return false;
    at_ += sign;
    digits();
    return true;
  }

  Token number(size_t start) {
    if (peek() == '0' && peek(1) == 'x' && hex_value(peek(2)) >= 0) {
      at_ += 2;
      while (hex_value(peek()) >= 0) ++at_;
      return integer(start);
    }
    digits();
    bool real = false;
    if (peek() == '.' && is_digit(peek(1))) {
      ++at_;
      digits();
      real = true;
    }
    real = exponent() || real;
    return real ? token(Token::Kind::kDouble, start) : integer(start);
  }

  Token integer(size_t start) {
    if ((peek() | 0x20) != 'u') return token(Token::Kind::kInt, start);
    ++at_;
    return token(Token::Kind::kUint, start);
  }

  Token string(size_t start, size_t prefix) {
    bool raw = false, bytes = false;
    for (size_t i = 0; i < prefix; ++i) ((source_[at_ + i] | 0x20) == 'r' ? raw : bytes) = true;
    at_ += prefix;
    char quote = peek();
    bool triple = peek(1) == quote && peek(2) == quote;
    at_ += triple ? 3 : 1;
    Token result;
    std::string value;
    for (;;) {
      if (at_ >= source_.size()) return bad(start, "token recognition error at: unterminated string");
      char c = peek();
      if (c == quote && (!triple || (peek(1) == quote && peek(2) == quote))) {
        at_ += triple ? 3 : 1;
        break;
      }
      if (!triple && (c == '\n' || c == '\r')) return bad(start, "token recognition error at: unterminated string");
      if (c == '\r') {  // newlines of every kind read as one
        value += '\n';
        at_ += peek(1) == '\n' ? 2 : 1;
      } else if (c == '\\' && !raw) {
        ++at_;
        if (!unescape(value, bytes)) return bad(start, "unable to unescape string");
      } else {
        value += c;
        ++at_;
      }
    }
    result = token(bytes ? Token::Kind::kBytes : Token::Kind::kString, start);
    result.value = std::move(value);
    return result;
  }

  bool hex(size_t count, uint32_t& code) {
    code = 0;
    for (size_t i = 0; i < count; ++i) {
      int v = hex_value(peek());
      if (v < 0) return false;
      code = code * 16 + static_cast<uint32_t>(v);
      ++at_;
    }
    return true;
  }

  static bool valid_rune(uint32_t code) { return code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF); }

  bool append_code(std::string& out, uint32_t code, bool bytes) {
    if (bytes) {
      out += static_cast<char>(code);
      return true;
    }
    if (!valid_rune(code)) return false;
    append_utf8(out, code);
    return true;
  }

  /// What follows a backslash.
  bool unescape(std::string& out, bool bytes) {
    char c = peek();
    ++at_;
    static constexpr std::string_view kNames = "abfnrtv\\'\"`?", kValues = "\a\b\f\n\r\t\v\\'\"`?";
    if (size_t i = kNames.find(c); i != std::string_view::npos) {
      out += kValues[i];
      return true;
    }
    uint32_t code = 0;
    switch (c) {
      case 'x':
      case 'X': return hex(2, code) && append_code(out, code, bytes);
      case 'u': return !bytes && hex(4, code) && append_code(out, code, bytes);
      case 'U': return !bytes && hex(8, code) && append_code(out, code, bytes);
      case '0':
      case '1':
      case '2':
      case '3': {
        code = static_cast<uint32_t>(c - '0');
        for (int i = 0; i < 2; ++i) {
          if (peek() < '0' || peek() > '7') return false;
          code = code * 8 + static_cast<uint32_t>(peek() - '0');
          ++at_;
        }
        return append_code(out, code, bytes);
      }
      default: return false;
    }
  }

  std::string_view source_;
  size_t at_ = 0;
};

}  // namespace

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).all(); }

}  // namespace serin::kube::cel
