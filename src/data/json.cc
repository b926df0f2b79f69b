#include "data/json.h"

#include <algorithm>
#include <cmath>

namespace serin::json {
namespace {

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
    out += boost::json::serialize(v);
  }
}

}  // namespace

Result<value> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::error_code error;
  value v = boost::json::parse(text, error, {}, options);
  if (error) return fail(Code::kBadRequest, "invalid JSON: " + error.message());
  return v;
}

std::string dump(const value& v) { return boost::json::serialize(v); }

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
