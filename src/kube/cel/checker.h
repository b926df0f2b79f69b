#pragma once

/// Compiling an expression: parse, check types, resolve overloads, reject what could only fail when it runs.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kube/cel/ast.h"
#include "kube/cel/parser.h"

namespace serin::kube::cel {

/// What an expression may refer to besides functions and type names.
struct Variable {
  std::string name;
  TypePtr type;
};

/// An expression ready to run. Immutable; safe from any thread.
struct Program {
  ExprPtr root;
  TypePtr type;  ///< of its value
  std::set<std::string, std::less<>> used;  ///< the variables it refers to
};

struct Compiled {
  Program program;
  std::vector<Issue> issues;  ///< not empty: the program is not to be run
};

/// `variables` get slots 0, 1, ... in the frame that `evaluate` is given.
Compiled compile(std::string_view source, const std::vector<Variable>& variables);

}  // namespace serin::kube::cel
