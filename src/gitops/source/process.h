#pragma once

/// Running a program to its end, behind an interface so that nothing else here starts processes and tests can
/// answer in a program's place. Blocking; safe from any thread.

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace serin::gitops::source {

struct Command {
  std::vector<std::string> arguments;  ///< the program first; found on PATH
  /// Added to (or replacing) the parent's environment; a name without '=' is removed from it.
  std::vector<std::string> environment;
  Duration timeout = std::chrono::seconds(60);  ///< then the whole process group is killed
  size_t max_output = 16 << 20;                 ///< bytes of stdout that are kept; more is kTooLarge
  uint64_t max_file_bytes = 0;                  ///< the largest file the program may write; 0: no bound
};

struct Outcome {
  int status = 0;      ///< exit status, or 128 + signal
  std::string out;
  std::string err;     ///< its last 16 KiB
};

class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  /// An error means that the program did not run to its end: kNotFound where there is no such program, kTimeout,
  /// kTooLarge. A program that ends with a status other than 0 is no error here.
  virtual Result<Outcome> run(const Command& command) = 0;
};

/// Programs of this machine. Standard input is empty; the process gets a group of its own.
class SystemProcessRunner final : public ProcessRunner {
 public:
  Result<Outcome> run(const Command& command) override;
};

}  // namespace serin::gitops::source
