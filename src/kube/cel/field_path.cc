#include "kube/cel/field_path.h"

#include "base/strings.h"
#include "kube/schema_path.h"

namespace serin::kube::cel {
namespace {

/// The text of 'x' with its escapes undone; `path` moves behind the closing quote.
std::optional<std::string> quoted(std::string_view& path) {
  static constexpr std::string_view kNames = "abfnrtv'\\", kValues = "\a\b\f\n\r\t\v'\\";
  if (!path.starts_with('\'')) return std::nullopt;
  std::string out;
  for (size_t i = 1; i < path.size(); ++i) {
    if (path[i] == '\'') {
      path.remove_prefix(i + 1);
      return out;
    }
    if (path[i] != '\\') {
      out += path[i];
      continue;
    }
    size_t name = ++i < path.size() ? kNames.find(path[i]) : std::string_view::npos;
    if (name == std::string_view::npos) return std::nullopt;
    out += kValues[name];
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> resolve_field_path(std::string_view path, const Schema& schema) {
  if (path.empty()) return std::nullopt;
  std::string out;
  const Schema* at = &schema;
  while (!path.empty()) {
    std::string name;
    if (path.starts_with('.')) {
      path.remove_prefix(1);
      size_t end = path.find_first_of(".[]");
      name = path.substr(0, end);
      path.remove_prefix(name.size());
      if (name.empty()) return std::nullopt;
    } else if (path.starts_with('[')) {
      path.remove_prefix(1);
      auto key = quoted(path);
      if (!key || !path.starts_with(']')) return std::nullopt;
      path.remove_prefix(1);
      name = *std::move(key);
    } else {
      return std::nullopt;
    }
    if (const Field* field = at->field(name)) {
      if (!out.empty()) out += '.';
      out += name;
      at = field->schema.get();
    } else if (at->fields.empty() && at->values) {
      out += concat('[', name, ']');
      at = at->values.get();
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace serin::kube::cel
