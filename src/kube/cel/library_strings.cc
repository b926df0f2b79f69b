// The strings library (version 2) and Kubernetes' regex library. Positions count code points.

#include <re2/re2.h>

#include <algorithm>

#include "base/strings.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

Value out_of_range(int64_t at) { return Value::error(concat("index out of range: ", at)); }

Value char_at(Args a) {
  std::u32string text = to_code_points(a[0].text());
  int64_t at = a[1].integer(), size = static_cast<int64_t>(text.size());
  if (at < 0 || at > size) return out_of_range(at);
  return Value::string(at == size ? std::string() : to_utf8(text.substr(static_cast<size_t>(at), 1)));
}

Value index_of(Args a) {
  int64_t from = a.size() > 2 ? a[2].integer() : 0;
  if (a[1].text().empty()) return Value::integer(from);
  if (from < 0) return out_of_range(from);
  std::u32string text = to_code_points(a[0].text()), part = to_code_points(a[1].text());
  if (from >= static_cast<int64_t>(text.size())) return Value::integer(-1);
  size_t found = text.find(part, static_cast<size_t>(from));
  return Value::integer(found == std::u32string::npos ? -1 : static_cast<int64_t>(found));
}

Value last_index_of(Args a) {
  std::u32string text = to_code_points(a[0].text()), part = to_code_points(a[1].text());
  int64_t size = static_cast<int64_t>(text.size());
  if (part.empty()) return Value::integer(a.size() > 2 ? a[2].integer() : size);
  int64_t from = a.size() > 2 ? a[2].integer() : size - 1;
  if (from < 0) return out_of_range(from);
  if (from >= size) return Value::integer(-1);
  size_t found = text.rfind(part, static_cast<size_t>(from));
  return Value::integer(found == std::u32string::npos ? -1 : static_cast<int64_t>(found));
}

template <class Change>
Value each_byte(Args a, Change change) {
  std::string text(a[0].text());
  for (char& c : text) c = change(c);
  return Value::string(std::move(text));
}
Value lower_ascii(Args a) {
  return each_byte(a, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}
Value upper_ascii(Args a) {
  return each_byte(a, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
}

Value too_long() { return Value::error(concat("text of more than ", kMaxText, " bytes")); }

/// As Go's strings.Replace: an empty `from` matches before each code point and at the end. Stops past kMaxText.
std::string replaced(std::string_view text, std::string_view from, std::string_view to, int64_t limit) {
  std::string out;
  size_t at = 0;
  for (int64_t n = 0; (limit < 0 || n < limit) && out.size() <= kMaxText; ++n) {
    if (from.empty()) {
      size_t size = 0;
      if (n > 0) {
        if (at >= text.size()) break;
        size = 1;
        while (at + size < text.size() && (text[at + size] & 0xC0) == 0x80) ++size;
      }
      out += text.substr(at, size);
      at += size;
      out += to;
      continue;
    }
    size_t found = text.find(from, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
  }
  out += text.substr(at);
  return out;
}
Value replace(Args a) {
  std::string text = replaced(a[0].text(), a[1].text(), a[2].text(), a.size() > 3 ? a[3].integer() : -1);
  return text.size() > kMaxText ? too_long() : Value::string(std::move(text));
}

Value split_text(Args a) {
  int64_t limit = a.size() > 2 ? a[2].integer() : -1;
  std::vector<Value> parts;
  std::string_view text = a[0].text(), separator = a[1].text();
  if (limit == 0) return Value::list(std::move(parts));
  auto add = [&](std::string_view part) { parts.push_back(Value::string(std::string(part))); };
  if (separator.empty()) {
    while (!text.empty()) {
      size_t size = 1;
      while (size < text.size() && (text[size] & 0xC0) == 0x80) ++size;
      if (limit > 0 && static_cast<int64_t>(parts.size()) == limit - 1) size = text.size();
      add(text.substr(0, size));
      text.remove_prefix(size);
    }
    return Value::list(std::move(parts));
  }
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit - 1) {
    size_t found = text.find(separator);
    if (found == std::string_view::npos) break;
    add(text.substr(0, found));
    text.remove_prefix(found + separator.size());
  }
  add(text);
  return Value::list(std::move(parts));
}

Value substring(Args a) {
  std::u32string text = to_code_points(a[0].text());
  int64_t size = static_cast<int64_t>(text.size()), start = a[1].integer(), end = a.size() > 2 ? a[2].integer() : size;
  if (a.size() > 2 && start > end) return Value::error(concat("invalid substring range. start: ", start, ", end: ", end));
  if (start < 0 || start > size) return out_of_range(start);
  if (end < 0 || end > size) return out_of_range(end);
  return Value::string(to_utf8(text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start))));
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}
Value trim_space(Args a) {
  std::u32string text = to_code_points(a[0].text());
  size_t start = 0, end = text.size();
  while (start < end && is_space(text[start])) ++start;
  while (end > start && is_space(text[end - 1])) --end;
  return Value::string(to_utf8(text.substr(start, end - start)));
}

Value quote(Args a) {
  static constexpr std::string_view kRaw = "\a\b\f\n\r\t\v\\\"", kName = "abfnrtv\\\"";
  std::string out = "\"";
  for (char c : a[0].text()) {
    size_t i = kRaw.find(c);
    if (i == std::string_view::npos) {
      out += c;
    } else {
      out += '\\';
      out += kName[i];
    }
  }
  return Value::string(out + '"');
}

Value join_list(Args a) {
  std::string out;
  for (size_t i = 0; i < a[0].list().size(); ++i) {
    Value part = a[0].list().at(i);
    if (!part.is(Value::Kind::kString)) return Value::error("join: invalid input");
    if (i > 0 && a.size() > 1) out += a[1].text();
    out += part.text();
    if (out.size() > kMaxText) return too_long();
  }
  return Value::string(std::move(out));
}

/// The matches of a pattern, at most `limit` (negative: all).
Value found_in(Args a, int64_t limit, std::vector<Value>& all) {
  re2::StringPiece text(a[0].text().data(), a[0].text().size());
  re2::RE2 pattern(re2::StringPiece(a[1].text().data(), a[1].text().size()), re2::RE2::Quiet);
  if (!pattern.ok()) return Value::error(concat("Illegal regex: ", pattern.error()));
  // An empty match is not taken right behind another match, as Go does.
  size_t at = 0, last_end = std::string_view::npos;
  while (at <= a[0].text().size() && (limit < 0 || static_cast<int64_t>(all.size()) < limit)) {
    re2::StringPiece hit;
    if (!pattern.Match(text, at, text.size(), re2::RE2::UNANCHORED, &hit, 1)) break;
    size_t start = static_cast<size_t>(hit.data() - text.data()), end = start + hit.size();
    if (!hit.empty() || start != last_end) all.push_back(Value::string(std::string(hit.data(), hit.size())));
    last_end = end;
    at = end;
    if (hit.empty()) {
      ++at;
      while (at < a[0].text().size() && (a[0].text()[at] & 0xC0) == 0x80) ++at;
    }
  }
  return Value::null();
}
Value find(Args a) {
  std::vector<Value> all;
  if (Value error = found_in(a, 1, all); error.is_error()) return error;
  return all.empty() ? Value::string("") : all[0];
}
Value find_all(Args a) {
  std::vector<Value> all;
  if (Value error = found_in(a, a.size() > 2 ? a[2].integer() : -1, all); error.is_error()) return error;
  return Value::list(std::move(all));
}

Value format_text(Args a) { return format_string(a[0].text(), a[1].list()); }

constexpr Row kRows[] = {
    {"string_char_at_int", "string:charAt(int) string", char_at},
    {"string_index_of_string", "string:indexOf(string) int", index_of, Cost::kScan},
    {"string_index_of_string_int", "string:indexOf(string, int) int", index_of, Cost::kScan},
    {"string_last_index_of_string", "string:lastIndexOf(string) int", last_index_of, Cost::kScan},
    {"string_last_index_of_string_int", "string:lastIndexOf(string, int) int", last_index_of, Cost::kScan},
    {"string_lower_ascii", "string:lowerAscii() string", lower_ascii, Cost::kTextSized},
    {"string_replace_string_string", "string:replace(string, string) string", replace, Cost::kReplace},
    {"string_replace_string_string_int", "string:replace(string, string, int) string", replace, Cost::kReplace},
    {"string_split_string", "string:split(string) list(string)", split_text, Cost::kSplit},
    {"string_split_string_int", "string:split(string, int) list(string)", split_text, Cost::kSplit},
    {"string_substring_int", "string:substring(int) string", substring, Cost::kTextSized},
    {"string_substring_int_int", "string:substring(int, int) string", substring, Cost::kTextSized},
    {"string_trim", "string:trim() string", trim_space, Cost::kTextSized},
    {"string_upper_ascii", "string:upperAscii() string", upper_ascii, Cost::kTextSized},
    {"string_format", "string:format(list(dyn)) string", format_text, Cost::kText},
    {"strings_quote", "strings.quote(string) string", quote, Cost::kQuote},
    {"list_join", "list(string):join() string", join_list, Cost::kJoin},
    {"list_join_string", "list(string):join(string) string", join_list, Cost::kJoin},
    {"string_find_string", "string:find(string) string", find, Cost::kFind},
    {"string_find_all_string", "string:findAll(string) list(string)", find_all, Cost::kFind},
    {"string_find_all_string_int", "string:findAll(string, int) list(string)", find_all, Cost::kFind},
};

}  // namespace

std::span<const Row> string_rows() { return kRows; }

}  // namespace serin::kube::cel
