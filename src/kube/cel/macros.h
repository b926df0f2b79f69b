#pragma once

/// Making nodes, and the macros: calls that the parser replaces by what they stand for.

#include <string>
#include <string_view>
#include <vector>

#include "kube/cel/ast.h"

namespace serin::kube::cel {

ExprPtr make_literal(Value value, size_t offset);
ExprPtr make_ident(std::string_view name, size_t offset);
ExprPtr make_call(std::string_view function, size_t offset, std::vector<ExprPtr> args);
ExprPtr make_member_call(std::string_view function, size_t offset, ExprPtr target, std::vector<ExprPtr> args);

/// Works out a node's depth from its children's; false where it is too deep.
bool seal(Expr& expr);

struct Expansion {
  ExprPtr expr;       ///< null: no macro of this name, form and number of arguments
  std::string error;  ///< a macro, but not with these arguments
  size_t offset = 0;  ///< of the error
};
/// `target` is null for calls that have none.
Expansion expand_macro(std::string_view name, size_t offset, const ExprPtr& target, const std::vector<ExprPtr>& args);

}  // namespace serin::kube::cel
