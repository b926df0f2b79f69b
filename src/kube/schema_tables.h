#pragma once

/// The parser of the tables under api/builtin/ (format: docs/spec/builtin-kinds.md). Pure.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/schema.h"

namespace serin::kube {

struct TableFile {
  std::string_view name, text;
};

/// What the tables say: named types ("core/v1.PodSpec") and the resources, sorted by group, version, plural.
struct SchemaTables {
  std::map<std::string, SchemaPtr, std::less<>> types;
  std::vector<ResourceInfo> resources;
};

/// kInvalid with "file:line: ..." where a table is malformed or names a type that is nowhere.
Result<SchemaTables> parse_tables(const std::vector<TableFile>& files);

}  // namespace serin::kube
