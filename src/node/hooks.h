#pragma once

/// Runs preStop hooks, each on a thread of its own for as long as it takes. Safe from any thread.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "node/check_runner.h"

namespace serin::node {

/// What to do before a container is asked to end: a check that is run for its effect, or a pause.
struct Hook {
  std::optional<Check> check;
  Duration pause{};
};

/// The container's lifecycle.preStop; nullopt where there is none. kInvalid says what is wrong with it.
Result<std::optional<Hook>> pre_stop_hook(const json::value& container, const std::string& pod_ip);

class HookRunner {
 public:
  HookRunner(CheckRunner& checks, Clock& clock) : checks_(checks), clock_(clock) {}
  ~HookRunner() { stop(); }

  /// `done` is called once, from a thread of this object, with the hook's outcome, `timeout` later at the most.
  /// Nothing where a hook of this container runs already.
  void run(const ContainerId& id, const Hook& hook, Duration timeout, std::function<void(const Outcome&)> done);
  /// Ends pauses at once and waits for the checks under way.
  void stop();

 private:
  struct Running {
    std::thread thread;
    bool over = false;
  };
  CheckRunner& checks_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<ContainerId, Running> running_;  // guarded by mutex_
  bool stopping_ = false;                   // guarded by mutex_
};

}  // namespace serin::node
