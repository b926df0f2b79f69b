#pragma once

/// Small string tools that the standard library lacks.

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serin {

namespace detail {
inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, char part) { out += part; }
template <std::integral T>
  requires(!std::same_as<T, char> && !std::same_as<T, bool>)
void append(std::string& out, T part) {
  out += std::to_string(part);
}
}  // namespace detail

/// The parts (strings, characters, integers) joined in one allocation or few.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator);
/// Splits at the first `separator`; nullopt where there is none.
std::optional<std::pair<std::string_view, std::string_view>> cut(std::string_view text,
                                                                 char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);

/// The whole of `text` as a decimal integer.
template <std::integral T>
std::optional<T> parse_int(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Shell-like globs: `*` any run (also across '/'), `?` one character, `[a-z]` a class, `{a,b}` alternatives.
bool glob_match(std::string_view pattern, std::string_view text);

std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);
/// Undoes %XX (and '+' for a space where `form` says so); malformed escapes stay as they are.
std::string url_decode(std::string_view text, bool form = false);
/// Escapes everything but letters, digits and "-._~".
std::string url_encode(std::string_view text);

}  // namespace serin
