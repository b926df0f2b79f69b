#pragma once

/// The last pass over a checked expression: what is constant is worked out once, and literals that could only fail when
/// the expression runs (durations, timestamps, patterns, formats, time zones) are reported now.

#include <vector>

#include "kube/cel/ast.h"
#include "kube/cel/parser.h"
#include "kube/cel/type_mapping.h"

namespace serin::kube::cel {

/// Also replaces type variables in every node by what they stand for.
std::vector<Issue> finish(Expr& root, const TypeMapping& types);

}  // namespace serin::kube::cel
