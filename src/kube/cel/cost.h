#pragma once

/// What calls cost while they run, and the worst case of an expression's cost before it runs, from what its schema bounds.

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "kube/cel/checker.h"
#include "kube/cel/library.h"

namespace serin::kube::cel {

/// The cost of a call beyond that of its arguments.
uint64_t call_cost(const Overload& overload, Args args, const Value& result);

/// Whether cel-go finds this rule by the overload's name, not by the function's.
bool by_overload(Cost cost);

inline constexpr uint64_t kUnbounded = std::numeric_limits<uint64_t>::max();

/// A tree of the sizes that a schema bounds, beside the types: how many elements, entries, code points or bytes at most.
struct Sizes {
  uint64_t max = kUnbounded;
  std::shared_ptr<const Sizes> element;  ///< of lists, and the values of maps
  std::map<std::string, std::shared_ptr<const Sizes>, std::less<>> fields;  ///< by the name that expressions use
};
using SizesPtr = std::shared_ptr<const Sizes>;

struct Range {
  uint64_t min = 0, max = 0;
};
/// The least and the greatest cost of running the expression. `sizes` are those of its variables, by name.
Range estimate_cost(const Program& program, const std::map<std::string, SizesPtr, std::less<>>& sizes);

}  // namespace serin::kube::cel
