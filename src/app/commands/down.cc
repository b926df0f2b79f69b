#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include "app/commands/commands.h"
#include "app/files.h"
#include "app/session.h"
#include "base/strings.h"
#include "node/process_runtime.h"

namespace serin::app {
namespace {

/// What containers get to end by themselves.
constexpr Duration kGrace = std::chrono::seconds(5);
/// Beyond that, for what has to be killed.
constexpr Duration kPatience = std::chrono::seconds(2);

using Runtimes = std::vector<std::unique_ptr<node::ProcessRuntime>>;

/// The runtimes of all work clusters that ever ran on this state directory.
Result<Runtimes> open_runtimes(const std::string& state, const Clock& clock) {
  Runtimes out;
  std::error_code none;
  for (const auto& node : std::filesystem::directory_iterator(state + "/nodes", none)) {
    node::ProcessRuntimeOptions options;
    options.directory = node.path().string();
    options.shim_command = {own_path(), "shim"};
    out.push_back(SERIN_TRY(node::ProcessRuntime::open(std::move(options), clock)));
  }
  return out;
}

size_t ask_to_end(Runtimes& runtimes) {
  size_t running = 0;
  for (auto& runtime : runtimes) running += node::stop_all(*runtime, kGrace);
  return running;
}

/// How many containers there were.
Result<size_t> end_pods(const std::string& state, Clock& clock) {
  if (!std::filesystem::is_directory(state)) return 0;
  DirectoryLock lock = SERIN_TRY(DirectoryLock::take(state));
  Runtimes runtimes = SERIN_TRY(open_runtimes(state, clock));
  TimePoint end = clock.now() + kGrace + kPatience;
  size_t found = ask_to_end(runtimes);
  size_t left = found;
  while (left > 0 && clock.now() < end) {
    clock.sleep(std::chrono::milliseconds(20));
    left = ask_to_end(runtimes);
  }
  if (left > 0) return fail(Code::kTimeout, concat(left, " of ", found, " containers of ", state, " still run"));
  return found;
}

}  // namespace

int down(const DownFlags& flags) {
  SystemClock clock;
  std::string state = state_directory(flags.state);
  Result<size_t> ended = end_pods(state, clock);
  if (!ended) return report(ended.error());
  if (*ended == 0) std::cout << "nothing runs on " << state << '\n';
  else std::cout << "ended " << *ended << (*ended == 1 ? " container of " : " containers of ") << state << '\n';
  return kExitYes;
}

}  // namespace serin::app
