#pragma once

/// The columns of `kubectl get`: computed ones for built-in kinds that have them, JSON paths for the rest. Pure.

#include <functional>
#include <vector>

#include "apiserver/catalog.h"
#include "apiserver/http/json_path.h"
#include "kube/object.h"

namespace serin::apiserver {

/// One column and how its cell is made.
struct Column {
  std::string name, type, format, description;
  int priority = 0;
  std::function<json::value(const json::value& doc, TimePoint now)> cell;
};

class TableLayout {
 public:
  explicit TableLayout(const ServedResource&);
  json::value definitions() const;
  std::vector<json::value> cells(const kube::Object&, TimePoint now) const;

 private:
  std::vector<Column> columns_;
  const kube::Conversion* conversion_;  ///< columns read the stored form
};

/// The columns of a built-in kind that cannot be said by paths (NAME left out); empty where there are none.
std::vector<Column> computed_columns(const kube::Resource&);

/// "5m", or "<unknown>" without a time.
json::value age_cell(std::string_view time, TimePoint now);

}  // namespace serin::apiserver
