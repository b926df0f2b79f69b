#include "data/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

namespace serin::json {
namespace {

/// Builds the document from the parser's events, as boost::json::parse does, but reads doubles exactly: Boost 1.81
/// may be off by one in the last place.
struct Builder {
  using error_code = boost::json::error_code;
  using text_view = boost::json::string_view;
  static constexpr size_t max_object_size = object::max_size(), max_array_size = array::max_size(),
                          max_key_size = boost::json::string::max_size(), max_string_size = boost::json::string::max_size();
  boost::json::value_stack stack;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(size_t n, error_code&) { return stack.push_object(n), true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(size_t n, error_code&) { return stack.push_array(n), true; }
  bool on_key_part(text_view text, size_t, error_code&) { return stack.push_chars(text), true; }
  bool on_key(text_view text, size_t, error_code&) { return stack.push_key(text), true; }
  bool on_string_part(text_view text, size_t, error_code&) { return stack.push_chars(text), true; }
  bool on_string(text_view text, size_t, error_code&) { return stack.push_string(text), true; }
  bool on_number_part(text_view, error_code&) { return true; }
  bool on_int64(int64_t number, text_view, error_code&) { return stack.push_int64(number), true; }
  bool on_uint64(uint64_t number, text_view, error_code&) { return stack.push_uint64(number), true; }
  bool on_double(double number, text_view text, error_code& error) {
    std::from_chars(text.data(), text.data() + text.size(), number);
    if (!std::isfinite(number)) error = boost::json::error::exponent_overflow;
    return !error && (stack.push_double(number), true);
  }
  bool on_bool(bool flag, error_code&) { return stack.push_bool(flag), true; }
  bool on_null(error_code&) { return stack.push_null(), true; }
  bool on_comment_part(text_view, error_code&) { return true; }
  bool on_comment(text_view, error_code&) { return true; }
};

/// A double as Go and JavaScript write it: the shortest digits that read back to the same value, without an
/// exponent from 1e-6 to below 1e21. What JSON cannot say becomes the largest number it can.
void write_double(double number, std::string& out) {
  if (!std::isfinite(number)) number = std::isnan(number) ? 0 : std::copysign(1.7976931348623157e308, number);
  number += 0.0;  // "-0" would be read as an integer, which has no such zero
  double size = std::abs(number);
  bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
  char text[64];
  auto end = std::to_chars(text, text + sizeof text, number, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr;
  std::string_view digits(text, static_cast<size_t>(end - text));
  size_t e = digits.rfind('e');
  // "1e-07" is written 1e-7.
  if (e != digits.npos && digits.size() == e + 4 && digits[e + 2] == '0') out.append(digits.substr(0, e + 2)).append(digits.substr(e + 3));
  else out += digits;
}

bool has_double(const value& v) {
  if (const array* list = v.if_array()) return std::any_of(list->begin(), list->end(), has_double);
  const object* members = v.if_object();
  if (!members) return v.is_double();
  return std::any_of(members->begin(), members->end(), [](const auto& member) { return has_double(member.value()); });
}

/// As boost::json::serialize, but for doubles.
void write_compact(const value& v, std::string& out) {
  if (const object* members = v.if_object()) {
    out += '{';
    for (bool first = true; const auto& [name, item] : *members) {
      if (!first) out += ',';
      first = false;
      out += boost::json::serialize(value(name)) + ":";
      write_compact(item, out);
    }
    out += '}';
  } else if (const array* list = v.if_array()) {
    out += '[';
    for (bool first = true; const value& item : *list) {
      if (!first) out += ',';
      first = false;
      write_compact(item, out);
    }
    out += ']';
  } else if (const double* number = v.if_double()) {
    write_double(*number, out);
  } else {
    out += boost::json::serialize(v);
  }
}

/// Writes `v` with members sorted by name. `go` adds the escapes of Go's encoder.
void write_sorted(const value& v, bool go, std::string& out) {
  switch (v.kind()) {
    case kind::object: {
      std::vector<const object::value_type*> members;
      for (const auto& member : v.get_object()) members.push_back(&member);
      std::sort(members.begin(), members.end(),
                [](const auto* a, const auto* b) { return a->key() < b->key(); });
      out += '{';
      bool first = true;
      for (const auto* member : members) {
        if (!first) out += ',';
        first = false;
        write_sorted(value(member->key()), go, out);
        out += ':';
        write_sorted(member->value(), go, out);
      }
      out += '}';
      return;
    }
    case kind::array: {
      out += '[';
      bool first = true;
      for (const value& item : v.get_array()) {
        if (!first) out += ',';
        first = false;
        write_sorted(item, go, out);
      }
      out += ']';
      return;
    }
    case kind::string: {
      std::string text = boost::json::serialize(v);
      if (!go) {
        out += text;
        return;
      }
      for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '<') out += "\\u003c";
        else if (c == '>') out += "\\u003e";
        else if (c == '&') out += "\\u0026";
        else if (text.compare(i, 3, "\xe2\x80\xa8") == 0) out += "\\u2028", i += 2;
        else if (text.compare(i, 3, "\xe2\x80\xa9") == 0) out += "\\u2029", i += 2;
        else out += c;
      }
      return;
    }
    case kind::double_:
      write_double(v.get_double(), out);
      return;
    default:
      out += boost::json::serialize(v);
  }
}

void write_pretty(const value& v, size_t indent, std::string& out) {
  auto line = [&](size_t depth) { out += '\n', out.append(depth * 2, ' '); };
  if (const object* members = v.if_object(); members && !members->empty()) {
    out += '{';
    bool first = true;
    for (const auto& [name, item] : *members) {
      if (!first) out += ',';
      first = false;
      line(indent + 1);
      out += boost::json::serialize(value(name)) + ": ";
      write_pretty(item, indent + 1, out);
    }
    line(indent);
    out += '}';
  } else if (const array* list = v.if_array(); list && !list->empty()) {
    out += '[';
    bool first = true;
    for (const value& item : *list) {
      if (!first) out += ',';
      first = false;
      line(indent + 1);
      write_pretty(item, indent + 1, out);
    }
    line(indent);
    out += ']';
  } else {
    write_compact(v, out);
  }
}

}  // namespace

Result<value> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::basic_parser<Builder> parser(options);
  parser.handler().stack.reset();
  boost::json::error_code error;
  size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  if (error) return fail(Code::kBadRequest, "invalid JSON: " + error.message());
  return parser.handler().stack.release();
}

std::string dump(const value& v) {
  if (!has_double(v)) return boost::json::serialize(v);
  std::string out;
  write_compact(v, out);
  return out;
}

std::string dump_pretty(const value& v) {
  std::string out;
  write_pretty(v, 0, out);
  return out;
}

std::string dump_canonical(const value& v) {
  std::string out;
  write_sorted(v, false, out);
  return out;
}

std::string dump_go(const value& v) {
  std::string out;
  write_sorted(v, true, out);
  return out;
}

const value* find_at(const value& v, Path path) {
  const value* at = &v;
  for (std::string_view name : path) {
    const object* members = at->if_object();
    if (!members) return nullptr;
    at = members->if_contains(name);
    if (!at) return nullptr;
  }
  return at;
}

value* find_at(value& v, Path path) {
  return const_cast<value*>(find_at(static_cast<const value&>(v), path));
}

std::optional<int64_t> as_int(const value* v) {
  if (!v) return std::nullopt;
  if (const int64_t* number = v->if_int64()) return *number;
  if (const uint64_t* number = v->if_uint64(); number && *number <= uint64_t(INT64_MAX))
    return static_cast<int64_t>(*number);
  if (const double* number = v->if_double();
      number && std::abs(*number) < 9e18 && *number == std::floor(*number))
    return static_cast<int64_t>(*number);
  return std::nullopt;
}

std::string_view as_string(const value* v, std::string_view otherwise) {
  if (!v || !v->is_string()) return otherwise;
  const auto& text = v->get_string();
  return {text.data(), text.size()};
}

bool as_bool(const value* v, bool otherwise) {
  const bool* flag = v ? v->if_bool() : nullptr;
  return flag ? *flag : otherwise;
}

object& ensure_object(value& v, Path path) {
  value* at = &v;
  if (!at->is_object()) *at = object();
  for (std::string_view name : path) {
    at = &at->get_object()[name];
    if (!at->is_object()) *at = object();
  }
  return at->get_object();
}

void set(value& v, Path path, value to) {
  value* at = &v;
  for (std::string_view name : path) {
    if (!at->is_object()) *at = object();
    at = &at->get_object()[name];
  }
  *at = std::move(to);
}

bool erase(value& v, Path path) {
  if (path.size() == 0) return false;
  value* at = &v;
  for (auto name = path.begin(); name + 1 != path.end(); ++name) {
    at = find_at(*at, {*name});
    if (!at) return false;
  }
  object* members = at->if_object();
  return members && members->erase(*(path.end() - 1)) > 0;
}

}  // namespace serin::json
