#pragma once

/// YAML to JSON in the dialect of kubectl (sigs.k8s.io/yaml: go-yaml v2 scalars), and JSON to YAML.
/// The dialect's table is in docs/spec/yaml.md.

#include <string>
#include <string_view>
#include <vector>

#include "data/json.h"

namespace serin::yaml {

/// Where a document begins, for messages that a person can act on.
struct Document {
  json::value value;
  int line = 1;  ///< 1-based
};

struct Limits {
  size_t max_bytes = 8 << 20;
  size_t max_nodes = 1'000'000;  ///< after alias expansion, so that a "billion laughs" file is refused
};

/// All documents of a stream; empty ones are left out. Errors are kInvalid and say "line L, column C: ...".
/// `strict` refuses duplicate keys; otherwise the last one wins.
Result<std::vector<Document>> parse_all(std::string_view text, bool strict = false, Limits = {});
/// Exactly one document.
Result<json::value> parse(std::string_view text, bool strict = false, Limits = {});

/// Block style, two spaces, members in the order they stand; strings are quoted where they would read back as
/// something else.
std::string dump(const json::value& v);

}  // namespace serin::yaml
