#include "kube/cel/escape.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace serin::kube::cel {
namespace {

constexpr std::array<std::string_view, 21> kReserved = {"true",   "false", "null",  "in",       "as",   "break",   "const",
                                                        "continue", "else", "for",  "function", "if",   "import",  "let",
                                                        "loop",   "package", "namespace", "return", "var", "void", "while"};
bool is_reserved(std::string_view name) { return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end(); }

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kParts = {
    {{"__underscores__", "__"}, {"__dot__", "."}, {"__dash__", "-"}, {"__slash__", "/"}}};

}  // namespace

std::optional<std::string> escape_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return std::nullopt;
  if (is_reserved(name)) return concat("__", name, "__");
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c == '_' && i + 1 < name.size() && name[i + 1] == '_') {
      out += "__underscores__";
      ++i;
    } else if (c == '.') {
      out += "__dot__";
    } else if (c == '-') {
      out += "__dash__";
    } else if (c == '/') {
      out += "__slash__";
    } else if (c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      out += c;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::string> unescape_name(std::string_view identifier) {
  if (identifier.find("__") == std::string_view::npos) return std::string(identifier);
  if (identifier.size() > 4 && identifier.starts_with("__") && identifier.ends_with("__") &&
      is_reserved(identifier.substr(2, identifier.size() - 4)))
    return std::string(identifier.substr(2, identifier.size() - 4));
  std::string out;
  while (!identifier.empty()) {
    auto part = std::find_if(kParts.begin(), kParts.end(), [&](const auto& p) { return identifier.starts_with(p.first); });
    if (part != kParts.end()) {
      out += part->second;
      identifier.remove_prefix(part->first.size());
    } else if (identifier.starts_with("__") && identifier.substr(2).find("__") != std::string_view::npos) {
      return std::nullopt;
    } else {
      out += identifier[0];
      identifier.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace serin::kube::cel
