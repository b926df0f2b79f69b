#pragma once

/// Reads and runs a table of expressions (src/kube/cel/testdata/expressions.txt). For tests.
///
/// A line is `EXPRESSION => RESULT ; COST ESTIMATE` (the result and what follows may be missing). Lines that begin with
/// `@schema`, `@self` and `@old` give, as JSON on one line, the schema and the values of self and oldSelf for what follows;
/// `@none` takes them away. `#` begins a comment. Results: `invalid` (does not compile), `error`, or the value with its
/// type: `int 5`, `string "x"`, `list [int 1]`.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "kube/cel/cost.h"
#include "kube/cel/declared.h"
#include "kube/cel/evaluator.h"
#include "kube/cel/library.h"
#include "kube/schema.h"

namespace serin::kube::cel {

inline std::string shown_value(const Value& v) {
  using Kind = Value::Kind;
  auto hex = [](std::string_view bytes) {
    std::string out;
    for (unsigned char c : bytes) out += concat("0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]);
    return out;
  };
  switch (v.kind()) {
    case Kind::kError: return "error";
    case Kind::kNull: return "null";
    case Kind::kBool: return v.boolean() ? "true" : "false";
    case Kind::kInt: return concat("int ", v.integer());
    case Kind::kUint: return concat("uint ", v.uinteger());
    case Kind::kDouble: return concat("double ", shortest_double(v.real()));
    case Kind::kString: return concat("string ", json::dump_go(json::value(v.text())));
    case Kind::kBytes: return concat("bytes ", hex(v.text()));
    case Kind::kTimestamp: return concat("timestamp ", to_string(v).text());
    case Kind::kDuration: return concat("duration ", to_string(v).text());
    case Kind::kType: return concat("type ", to_string(v).text());
    case Kind::kOptional: return v.optional() ? concat("optional ", shown_value(*v.optional())) : "optional none";
    case Kind::kOpaque: return std::string(v.opaque().type_name());
    case Kind::kUnknown: return "unknown";
    case Kind::kList: {
      std::string out = "list [";
      for (size_t i = 0; i < v.list().size(); ++i) out += concat(i > 0 ? ", " : "", shown_value(v.list().at(i)));
      return out + "]";
    }
    case Kind::kMap: {
      std::map<std::string, std::string> sorted;
      for (const Value& key : v.map().keys())
        if (auto member = v.map().find(key)) sorted[shown_value(key)] = shown_value(*member);
      std::string out = "map {";
      bool first = true;
      for (const auto& [key, member] : sorted) {
        out += concat(first ? "" : ", ", key, ": ", member);
        first = false;
      }
      return out + "}";
    }
  }
  return "?";
}

struct TableLine {
  size_t number = 0;
  std::string expression, expected, result, detail;  ///< detail: why it is invalid or an error
  std::string expected_cost, cost;                   ///< "COST ESTIMATE"; empty: not given, or nothing ran
};

inline std::vector<TableLine> run_table(std::string_view text) {
  std::vector<TableLine> lines;
  json::value schema_json, self, old;
  SchemaPtr schema;
  size_t number = 0;
  auto value_of = [](std::string_view from) {
    auto parsed = json::parse(from);
    return parsed ? *std::move(parsed) : json::value();
  };
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty() || line.starts_with('#')) continue;
    if (line.starts_with("@none")) {
      schema = nullptr;
    } else if (line.starts_with("@schema ")) {
      schema_json = value_of(line.substr(8));
      auto read = schema_from_openapi(schema_json);
      schema = read ? *read : nullptr;
      self = old = json::value();
      if (!read) lines.push_back({number, "@schema", "a schema", read.error().message, {}, {}, {}});
    } else if (line.starts_with("@self ")) {
      self = value_of(line.substr(6));
    } else if (line.starts_with("@old ")) {
      old = value_of(line.substr(5));
    } else {
      TableLine out;
      out.number = number;
      size_t arrow = line.rfind(" => ");
      out.expression = trim(line.substr(0, arrow));
      if (arrow != std::string_view::npos) {
        std::string_view rest = line.substr(arrow + 4);
        size_t cost = rest.rfind(" ; ");
        out.expected = trim(rest.substr(0, cost));
        if (cost != std::string_view::npos) out.expected_cost = trim(rest.substr(cost + 3));
      }
      std::vector<Variable> variables;
      std::vector<Value> values;
      std::map<std::string, SizesPtr, std::less<>> sizes;
      if (schema) {
        Declarations declarations(*schema);
        const Declared* declared = declarations.find(schema.get());
        variables = {{"self", declared->type}, {"oldSelf", declared->type}};
        values = {from_resource(self, *schema), old.is_null() ? Value::null() : from_resource(old, *schema)};
        sizes = {{"self", declared->sizes}, {"oldSelf", declared->sizes}};
      }
      Compiled compiled = compile(out.expression, variables);
      if (!compiled.issues.empty()) {
        out.result = "invalid";
        out.detail = compiled.issues[0].message;
      } else {
        Evaluated run = evaluate(compiled.program, values);
        out.result = shown_value(run.value);
        if (run.value.is_error()) out.detail = run.value.text();
        out.cost = concat(run.cost, ' ', estimate_cost(compiled.program, sizes).max);
      }
      lines.push_back(std::move(out));
    }
  }
  return lines;
}

}  // namespace serin::kube::cel
