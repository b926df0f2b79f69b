#pragma once

/// Expressions as trees. The parser makes them (macros already expanded), the checker writes types, overloads and
/// variable slots into them, and then they are immutable.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/cel/value.h"

namespace re2 {
class RE2;
}

namespace serin::kube::cel {

struct Overload;
struct Expr;
using ExprPtr = std::shared_ptr<Expr>;

/// Limits of an expression. Its depth bounds every recursion over it.
inline constexpr size_t kMaxCodePoints = 100'000;
inline constexpr int kMaxDepth = 250;

struct Expr {
  enum class Kind { kLiteral, kIdent, kSelect, kCall, kList, kMap, kStruct, kComprehension };
  Kind kind = Kind::kLiteral;
  size_t offset = 0;  ///< in bytes, of the token that errors point at
  int depth = 1;      ///< 1 + the deepest child's

  Value literal;
  bool rooted = false;     ///< an identifier written with a dot before it
  std::string name;        ///< of an identifier, a field, a function or a message type
  bool test_only = false;  ///< has(target.name)
  bool member = false;     ///< a call target.name(args)
  ExprPtr target;          ///< of a select or a member call
  std::vector<ExprPtr> args;           ///< arguments; elements of a list; key, value, key, value of a map
  std::vector<bool> optional_entries;  ///< of a list's elements or a map's entries; empty: none is optional

  /// A fold over `range`, as CEL's specification defines it.
  struct Fold {
    std::string var, var2, accu;  ///< var2 is empty in comprehensions of one variable
    ExprPtr range, init, condition, step, result;
    bool bind = false;  ///< nothing is iterated: `result` with `accu` bound to `init`
  };
  std::unique_ptr<Fold> fold;

  // Written by the checker.
  TypePtr type;
  std::vector<const Overload*> overloads;
  int slot = -1;  ///< of an identifier that is a variable
  bool appends_to_accu = false;  ///< `accu + [x]` of a macro: the list grows in place
  std::shared_ptr<const re2::RE2> pattern;             ///< of a `matches` whose pattern is a literal
  std::optional<Value> constant;  ///< a list or map of constants, a conversion of one: worked out once
  bool in_constant_set = false;   ///< `in` a constant list of plain scalars, which is looked up at once
};

}  // namespace serin::kube::cel
