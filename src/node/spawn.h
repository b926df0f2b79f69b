#pragma once

/// Runs a short-lived helper program to its end. Blocking; safe from any thread.

#include <string>
#include <vector>

#include "base/error.h"

namespace serin::node {

struct SpawnResult {
  int exit_code = 0;   ///< 128 + signal for one that a signal ended
  std::string output;  ///< the first 10 KiB of standard output and error
  std::string result;  ///< what it wrote to descriptor 3
};

/// `environment` holds "NAME=value" entries, the whole environment.
Result<SpawnResult> spawn_and_wait(const std::vector<std::string>& argv, const std::vector<std::string>& environment);

}  // namespace serin::node
