#pragma once

/// What commands print: tables, JSON, YAML, colours. Colours only on a terminal and without NO_COLOR.

#include <ostream>
#include <string>
#include <vector>

#include "data/json.h"

namespace serin::app {

enum class Format { kTable, kWide, kJson, kYaml, kName };
/// "", "wide", "json", "yaml", "name"; kBadRequest for anything else.
Result<Format> parse_format(std::string_view text);

/// Columns are as wide as their widest cell, three spaces apart, as kubectl prints them.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// JSON or YAML.
void print_value(std::ostream& out, const json::value& value, Format format);

enum class Colour { kNone, kGreen, kYellow, kRed, kBlue, kDim, kBold };
/// `text` in colour where `enabled`.
std::string paint(std::string_view text, Colour colour, bool enabled);
/// Whether standard output wants colours.
bool colours_wanted();
/// Characters a terminal shows for UTF-8 text without escapes.
size_t display_width(std::string_view text);

}  // namespace serin::app
