#pragma once

/// Text to expression: CEL's grammar, with the macros of Kubernetes' environment (has, all, exists, exists_one,
/// map, filter, optMap, optFlatMap, and the forms of two variables with transformList, transformMap,
/// transformMapEntry) and optional syntax (`.?`, `[?]`, `?` before elements and entries).

#include <string_view>
#include <vector>

#include "kube/cel/ast.h"

namespace serin::kube::cel {

/// One thing wrong with an expression. `offset` is in bytes.
struct Issue {
  size_t offset = 0;
  std::string message;
};

/// Issues as cel-go prints them: "ERROR: <input>:1:5: message\n | source\n | ....^".
std::string format_issues(std::string_view source, const std::vector<Issue>& issues);

struct Parsed {
  ExprPtr expr;  ///< null where there are issues
  std::vector<Issue> issues;
};
Parsed parse(std::string_view source);

/// The accumulator of a macro's fold; no identifier can be written so.
inline constexpr std::string_view kAccu = "@result";

}  // namespace serin::kube::cel
