#pragma once

/// Running a compiled expression under a limit of cost.
///
/// Cost is counted as Kubernetes counts it (cel-go's cost tracker with Kubernetes' rules): a unit is about 50 ns of work. An
/// expression that comes to its limit ends at once. Errors are values: `a || b` is true where one side is true and the
/// other an error.

#include <cstdint>
#include <vector>

#include "kube/cel/checker.h"

namespace serin::kube::cel {

/// The cost that one expression may come to (Kubernetes' PerCallLimit).
inline constexpr uint64_t kPerCallLimit = 1'000'000;

struct Evaluated {
  Value value;
  uint64_t cost = 0;
  bool over_limit = false;  ///< the value is an error that says so
};

/// `variables` are the values of those that the program was compiled with, in that order. The value may borrow from them
/// and from the program.
Evaluated evaluate(const Program& program, std::vector<Value> variables, uint64_t limit = kPerCallLimit);

}  // namespace serin::kube::cel
