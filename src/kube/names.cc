#include "kube/names.h"

#include "base/strings.h"

namespace serin::kube::names {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'); }

/// Labels of DNS-1123 without regard to length.
bool dns_label(std::string_view text) {
  auto end = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !end(text.front()) || !end(text.back())) return false;
  for (char c : text)
    if (!end(c) && c != '-') return false;
  return true;
}

/// The name part of a qualified name, and label values.
bool word(std::string_view text) {
  if (text.empty() || !is_alnum(text.front()) || !is_alnum(text.back())) return false;
  for (char c : text)
    if (!is_alnum(c) && c != '-' && c != '_' && c != '.') return false;
  return true;
}

std::string too_long(size_t limit) { return concat("must be no more than ", limit, " characters"); }

}  // namespace

std::optional<std::string> dns1123_label_error(std::string_view text) {
  if (text.size() > 63) return too_long(63);
  if (!dns_label(text))
    return "must consist of lower case letters, digits and '-', with a letter or digit at both ends (such as \"my-name\" "
           "or \"123-abc\")";
  return std::nullopt;
}

std::optional<std::string> dns1123_subdomain_error(std::string_view text) {
  if (text.size() > 253) return too_long(253);
  for (std::string_view label : split(text, '.'))
    if (!dns_label(label))
      return "must consist of lower case letters, digits, '-' and '.', with a letter or digit at both ends of each part "
             "(such as \"example.com\")";
  return std::nullopt;
}

std::optional<std::string> dns1035_label_error(std::string_view text) {
  if (text.size() > 63) return too_long(63);
  if (!dns_label(text) || !is_lower(text.front()))
    return "must consist of lower case letters, digits and '-', begin with a letter and end with a letter or digit (such as "
           "\"my-name\" or \"abc-123\")";
  return std::nullopt;
}

std::optional<std::string> qualified_name_error(std::string_view text) {
  std::string_view name = text;
  if (auto parts = cut(text, '/')) {
    if (parts->first.empty()) return "must not have an empty prefix";
    if (auto wrong = dns1123_subdomain_error(parts->first)) return concat("the part before '/' ", *wrong);
    name = parts->second;
  }
  if (name.empty()) return "must have a name part";
  if (name.size() > 63) return concat("the name part ", too_long(63));
  if (!word(name))
    return "the name part must consist of letters, digits, '-', '_' and '.', with a letter or digit at both ends (such as "
           "\"MyName\" or \"123-abc\")";
  return std::nullopt;
}

std::optional<std::string> label_value_error(std::string_view text) {
  if (text.size() > 63) return too_long(63);
  if (!text.empty() && !word(text))
    return "must be empty or consist of letters, digits, '-', '_' and '.', with a letter or digit at both ends (such as "
           "\"my_value\" or \"12345\")";
  return std::nullopt;
}

}  // namespace serin::kube::names
