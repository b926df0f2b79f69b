#include "data/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace serin::yaml {
namespace {

using json::value;

constexpr std::string_view kCore = "tag:yaml.org,2002:";

template <size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotFinite{".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
                                                      "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN"};

bool digit(char c) { return c >= '0' && c <= '9'; }

/// An integer with Go's prefixes: 0x, 0b, 0o and the octal 0. Numbers beyond int64 but within uint64 become
/// doubles, as an API server reads them.
std::optional<value> integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    char mark = text[1];
    base = mark == 'x' || mark == 'X' ? 16 : mark == 'b' || mark == 'B' ? 2 : 8;
    text.remove_prefix(base == 8 && mark != 'o' && mark != 'O' ? 1 : 2);
  }
  if (text.empty()) return std::nullopt;
  uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr uint64_t kMax = INT64_MAX;
  if (negative) {
    if (magnitude > kMax + 1) return std::nullopt;
    return value(static_cast<int64_t>(0 - magnitude));
  }
  if (magnitude <= kMax) return value(static_cast<int64_t>(magnitude));
  return value(static_cast<double>(magnitude));
}

/// [-+]? ( .digits | digits [. digits*] ) ( [eE] [-+]? digits )?
bool looks_like_float(std::string_view text) {
  size_t i = 0;
  auto digits = [&] {
    size_t from = i;
    while (i < text.size() && digit(text[i])) ++i;
    return i > from;
  };
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  if (digits()) {
    if (i < text.size() && text[i] == '.') ++i, digits();
  } else if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  } else {
    return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

std::optional<value> floating(std::string_view text) {
  if (!looks_like_float(text)) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // "1." leaves its point unread.
  if (error != std::errc() || (end != text.data() + text.size() && *end != '.')) return std::nullopt;
  if (number == std::floor(number) && std::abs(number) < 9e18) return value(static_cast<int64_t>(number));
  return value(number);
}

std::optional<value> number(std::string_view text) {
  if (text.empty() || !(digit(text[0]) || text[0] == '+' || text[0] == '-' || text[0] == '.')) return std::nullopt;
  std::string plain(text);
  std::erase(plain, '_');
  if (text[0] != '.')
    if (std::optional<value> found = integer(plain)) return found;
  return floating(plain);
}

tl::unexpected<Error> not_a(std::string_view text, std::string_view kind) {
  return fail(Code::kInvalid, concat("`", text, "` is not ", kind));
}

/// Dates and times: strings here, timestamps elsewhere.
bool like_a_date(std::string_view text) {
  return text.size() >= 8 && digit(text[0]) && digit(text[1]) && digit(text[2]) && digit(text[3]) && text[4] == '-';
}

/// 190:20:30, a number in YAML 1.1's own rules.
bool like_sexagesimal(std::string_view text) {
  return !text.empty() && (digit(text[0]) || text[0] == '-' || text[0] == '+') &&
         text.find(':') != std::string_view::npos;
}

}  // namespace

Result<value> resolve_plain(std::string_view text) {
  if (one_of(text, kNull)) return value(nullptr);
  if (one_of(text, kTrue)) return value(true);
  if (one_of(text, kFalse)) return value(false);
  if (one_of(text, kNotFinite)) return not_a(text, "a number that JSON can hold");
  if (std::optional<value> found = number(text)) return std::move(*found);
  return value(text);
}

Result<value> resolve_tagged(std::string_view tag, std::string_view text) {
  if (!tag.starts_with(kCore)) return value(text);
  std::string_view name = tag.substr(kCore.size());
  if (name == "binary") {
    std::string packed(text);
    std::erase_if(packed, [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; });
    std::optional<std::string> bytes = base64_decode(packed);
    if (!bytes) return not_a(text, "base64");
    return value(*bytes);
  }
  if (name == "null") {
    if (!one_of(text, kNull)) return not_a(text, "null");
    return value(nullptr);
  }
  if (name == "bool") {
    if (one_of(text, kTrue)) return value(true);
    if (one_of(text, kFalse)) return value(false);
    return not_a(text, "a boolean");
  }
  if (name == "int" || name == "float") {
    std::optional<value> found = number(text);
    if (!found || (name == "int" && !found->is_int64())) return not_a(text, name == "int" ? "an integer" : "a number");
    return std::move(*found);
  }
  return value(text);
}

Result<std::string> key_name(const value& key) {
  switch (key.kind()) {
    case json::kind::string: return std::string(json::as_string(&key));
    case json::kind::bool_: return std::string(key.get_bool() ? "true" : "false");
    case json::kind::int64: return std::to_string(key.get_int64());
    case json::kind::double_: {
      char text[32];
      auto end = std::to_chars(text, text + sizeof text, key.get_double()).ptr;
      return std::string(text, end);
    }
    default: return fail(Code::kInvalid, "a mapping key must be a string, a number or a boolean");
  }
}

bool plain_is_safe(std::string_view text) {
  if (text.empty()) return false;
  Result<value> read = resolve_plain(text);
  if (!read || !read->is_string() || like_a_date(text) || like_sexagesimal(text) || text == "<<" || text == "=")
    return false;
  if (std::string_view(" -?:,[]{}#&*!|>'\"%@`.").find(text[0]) != std::string_view::npos) {
    // '-' and '.' may begin a word, but not a document mark or an entry.
    bool word = (text[0] == '-' || text[0] == '.') && text.size() > 1 && text[1] != ' ' && !text.starts_with("---") &&
                !text.starts_with("...");
    if (!word) return false;
  }
  if (text.back() == ' ' || text.back() == ':') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c >= 0x7f) return false;
    if (c == ':' && text[i + 1] == ' ') return false;
    if (c == '#' && text[i - 1] == ' ') return false;
  }
  return true;
}

}  // namespace serin::yaml
