// "...".format([...]): printf of the strings library, in the locale en_US.

#include <cmath>
#include <cstdio>

#include "base/strings.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {
namespace {

using Kind = Value::Kind;

struct Clause {
  char verb = 0;
  int precision = 6;
};

/// Walks a format: literal text to `text`, each clause to `clause`, whose error ends the walk.
template <class Text, class OnClause>
std::string walk(std::string_view format, Text text, OnClause on_clause) {
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text(format[i]);
      continue;
    }
    if (++i >= format.size()) return "unexpected end of string";
    if (format[i] == '%') {
      text('%');
      continue;
    }
    Clause clause;
    if (format[i] == '.') {
      size_t start = ++i;
      while (i < format.size() && format[i] >= '0' && format[i] <= '9') ++i;
      auto precision = parse_int<int>(format.substr(start, i - start));
      if (!precision || *precision > 1000) return "error while parsing precision";
      if (i >= format.size()) return "could not find end of precision specifier";
      clause.precision = *precision;
    }
    clause.verb = format[i];
    if (std::string_view("sdfebxXo").find(clause.verb) == std::string_view::npos)
      return concat("could not parse formatting clause: unrecognized formatting clause \"", clause.verb, '"');
    if (std::string error = on_clause(clause); !error.empty()) return error;
  }
  return {};
}

/// The number with a comma between thousands.
std::string grouped(std::string text) {
  size_t start = text.starts_with('-') ? 1 : 0, end = text.find('.');
  if (end == std::string::npos) end = text.size();
  for (size_t at = end; at > start + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string special(double v) { return std::isnan(v) ? "NaN" : v > 0 ? "\u221e" : "-\u221e"; }

std::string fixed(double v, int precision) {
  if (!std::isfinite(v)) return special(v);
  char buffer[1500];
  int size = std::snprintf(buffer, sizeof(buffer), "%.*f", precision, v);
  return grouped(std::string(buffer, static_cast<size_t>(size)));
}

std::string padded(std::string text, int width) {
  size_t size = code_points(text), least = static_cast<size_t>(width);
  return size < least ? std::string(least - size, ' ') + text : text;
}

/// "2.718280×10⁰⁰". Kubernetes takes the precision for the least width, and always writes six digits.
std::string scientific(double v, int width) {
  if (!std::isfinite(v)) return padded(special(v), width);
  char buffer[40];
  std::snprintf(buffer, sizeof(buffer), "%.6e", v);
  std::string_view text(buffer);
  size_t e = text.find('e');
  std::string out(text.substr(0, e));
  out += "×10";
  static constexpr std::string_view kRaised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  for (char c : text.substr(e + 1)) {
    if (c == '-') out += "⁻";
    if (c >= '0' && c <= '9') out += kRaised[c - '0'];
  }
  return padded(std::move(out), width);
}

uint64_t magnitude(const Value& v) {
  if (v.is(Kind::kUint)) return v.uinteger();
  auto bits = static_cast<uint64_t>(v.integer());
  return v.integer() < 0 ? ~bits + 1 : bits;
}

std::string in_base(const Value& v, unsigned base, bool upper) {
  const char* symbols = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  bool negative = v.is(Kind::kInt) && v.integer() < 0;
  std::string digits;
  uint64_t rest = magnitude(v);
  do {
    digits.insert(digits.begin(), symbols[rest % base]);
    rest /= base;
  } while (rest != 0);
  return negative ? "-" + digits : digits;
}

std::string hex_bytes(std::string_view bytes, bool upper) {
  std::string out;
  for (char c : bytes) {
    const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[c & 15];
  }
  return out;
}

/// As Go's %q.
std::string go_quoted(std::string_view text) { return json::dump(json::value(text)); }

std::string member_text(const Value& v, std::string& out, int depth);

/// What %s makes of a value; the error, or empty.
std::string plain_text(const Value& v, std::string& out, int depth) {
  if (depth > 100) return "value nests too deeply";
  if (out.size() > kMaxText) return "text is too long";
  switch (v.kind()) {
    case Kind::kNull: out += "null"; return {};
    case Kind::kList: {
      out += '[';
      for (size_t i = 0; i < v.list().size(); ++i) {
        if (i > 0) out += ", ";
        if (out.size() > kMaxText) return "text is too long";
        if (std::string error = member_text(v.list().at(i), out, depth + 1); !error.empty()) return error;
      }
      out += ']';
      return {};
    }
    case Kind::kMap: {
      std::map<std::string, std::string> sorted;
      for (const Value& key : v.map().keys()) {
        if (!key.is(Kind::kString) && !key.is(Kind::kBool) && !key.is(Kind::kInt) && !key.is(Kind::kUint))
          return concat("no formatting function for map key of type ", runtime_type(key)->str());
        std::string name, text;
        if (std::string error = member_text(key, name, depth + 1); !error.empty()) return error;
        if (std::string error = member_text(*v.map().find(key), text, depth + 1); !error.empty()) return error;
        sorted[name] = text;
      }
      out += '{';
      bool first = true;
      for (const auto& [name, text] : sorted) {
        if (!first) out += ", ";
        first = false;
        out += concat(name, ':', text);
      }
      out += '}';
      return {};
    }
    case Kind::kError:
    case Kind::kOptional:
    case Kind::kOpaque:
    case Kind::kUnknown:
      return concat("error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, "
                    "types, durations, and timestamps, was given ",
                    runtime_type(v)->str());
    default: {
      Value text = to_string(v);
      if (text.is_error()) return std::string(text.text());
      out += text.text();
      return {};
    }
  }
}

std::string member_text(const Value& v, std::string& out, int depth) {
  std::string text;
  if (v.is(Kind::kDouble)) {
    char buffer[400];
    std::snprintf(buffer, sizeof(buffer), "%.6f", v.real());
    if (std::isnan(v.real())) text = "\"NaN\"";
    else if (std::isinf(v.real())) text = v.real() > 0 ? "\"+Inf\"" : "\"-Inf\"";
    else text = buffer;
    out += text;
    return {};
  }
  if (std::string error = plain_text(v, text, depth); !error.empty()) return error;
  switch (v.kind()) {
    case Kind::kString: out += go_quoted(text); break;
    case Kind::kBytes: out += "b" + go_quoted(text); break;
    case Kind::kTimestamp: out += concat("timestamp(", go_quoted(text), ")"); break;
    case Kind::kDuration: out += concat("duration(", go_quoted(text), ")"); break;
    default: out += text;
  }
  return {};
}

std::string wrong_type(std::string_view clause, const Value& v) {
  return concat("error during formatting: ", clause, ", was given ", runtime_type(v)->str());
}

std::string clause_text(const Clause& clause, const Value& v, std::string& out) {
  bool whole = v.is(Kind::kInt) || v.is(Kind::kUint);
  switch (clause.verb) {
    case 's': return plain_text(v, out, 0);
    case 'd':
      if (!whole) return wrong_type("decimal clause can only be used on integers", v);
      out += in_base(v, 10, false);
      return {};
    case 'f':
    case 'e': {
      double n = 0;
      if (v.is(Kind::kDouble)) n = v.real();
      else if (v.is(Kind::kString) && v.text() == "NaN") n = std::nan("");
      else if (v.is(Kind::kString) && v.text() == "Infinity") n = INFINITY;
      else if (v.is(Kind::kString) && v.text() == "-Infinity") n = -INFINITY;
      else return wrong_type(clause.verb == 'f' ? "fixed-point clause can only be used on doubles"
                                                : "scientific clause can only be used on doubles", v);
      out += clause.verb == 'f' ? fixed(n, clause.precision) : scientific(n, clause.precision);
      return {};
    }
    case 'b':
      if (v.is(Kind::kBool)) out += v.boolean() ? '1' : '0';
      else if (whole) out += in_base(v, 2, false);
      else return wrong_type("only integers and bools can be formatted as binary", v);
      return {};
    case 'o':
      if (!whole) return wrong_type("octal clause can only be used on integers", v);
      out += in_base(v, 8, false);
      return {};
    default:  // x and X
      if (whole) out += in_base(v, 16, clause.verb == 'X');
      else if (v.is(Kind::kString) || v.is(Kind::kBytes)) out += hex_bytes(v.text(), clause.verb == 'X');
      else return wrong_type("only integers, byte buffers, and strings can be formatted as hex", v);
      return {};
  }
}

bool suits(char verb, const Type& type) {
  if (type.is_dyn() || type.kind == Type::Kind::kParam) return true;
  bool whole = type.kind == Type::Kind::kInt || type.kind == Type::Kind::kUint;
  switch (verb) {
    case 's': return type.kind != Type::Kind::kOptional && type.kind != Type::Kind::kOpaque && type.kind != Type::Kind::kObject;
    case 'd':
    case 'o': return whole;
    case 'f':
    case 'e': return type.kind == Type::Kind::kDouble || type.kind == Type::Kind::kString;
    case 'b': return whole || type.kind == Type::Kind::kBool;
    default: return whole || type.kind == Type::Kind::kString || type.kind == Type::Kind::kBytes;
  }
}

}  // namespace

Value format_string(std::string_view format, const List& args) {
  std::string out;
  size_t next = 0;
  std::string error = walk(
      format, [&](char c) { out += c; },
      [&](const Clause& clause) {
        if (next >= args.size()) return concat("index ", next, " out of range");
        return clause_text(clause, args.at(next++), out);
      });
  return error.empty() ? Value::string(std::move(out)) : Value::error(std::move(error));
}

std::string check_format(std::string_view format, const std::vector<TypePtr>& args) {
  size_t next = 0;
  std::string error = walk(
      format, [](char) {},
      [&](const Clause& clause) -> std::string {
        if (next >= args.size()) return concat("index ", next, " out of range");
        const Type& type = *args[next++];
        if (suits(clause.verb, type)) return {};
        return concat("error during formatting: clause %", clause.verb, " cannot be used with ", type.str());
      });
  if (error.empty() && next < args.size())
    return concat("too many arguments supplied to string.format (expected ", next, ", got ", args.size(), ")");
  return error;
}

}  // namespace serin::kube::cel
