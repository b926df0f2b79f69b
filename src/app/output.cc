#include "app/output.h"

#include <unistd.h>

#include <cstdlib>

#include "base/strings.h"
#include "data/yaml.h"

namespace serin::app {

Result<Format> parse_format(std::string_view text) {
  if (text.empty()) return Format::kTable;
  if (text == "wide") return Format::kWide;
  if (text == "json") return Format::kJson;
  if (text == "yaml") return Format::kYaml;
  if (text == "name") return Format::kName;
  return fail(Code::kBadRequest, concat("unknown output format \"", text, "\": use json, yaml, wide or name"));
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == 0x1b) {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((c & 0xc0) != 0x80) {
      ++width;
    }
  }
  return width;
}

void Table::print(std::ostream& out) const {
  constexpr size_t kGap = 3;
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      out << row[i];
      if (i + 1 < row.size()) out << std::string(widths[i] - display_width(row[i]) + kGap, ' ');
    }
    out << '\n';
  }
}

void print_value(std::ostream& out, const json::value& value, Format format) {
  if (format == Format::kYaml) out << yaml::dump(value);
  else out << json::dump_pretty(value) << '\n';
}

std::string paint(std::string_view text, Colour colour, bool enabled) {
  if (!enabled || colour == Colour::kNone) return std::string(text);
  std::string_view code;
  switch (colour) {
    case Colour::kGreen: code = "32"; break;
    case Colour::kYellow: code = "33"; break;
    case Colour::kRed: code = "31"; break;
    case Colour::kBlue: code = "34"; break;
    case Colour::kDim: code = "2"; break;
    default: code = "1";
  }
  return concat("\x1b[", code, "m", text, "\x1b[0m");
}

bool colours_wanted() {
  const char* no = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) && !(no && *no);
}

}  // namespace serin::app
