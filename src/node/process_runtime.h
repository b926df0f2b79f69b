#pragma once

/// Containers as processes of this machine, at their pod's loopback address. Each runs under a supervisor
/// process (node/shim/shim.h), so that pods outlive this object and the whole program: a new runtime on the same
/// directory finds them again by pid and start tick, and destroying it stops none.
///
///   DIR/pods/UID/sandbox.json
///   DIR/pods/UID/containers/NAME/ATTEMPT/{spec.json,state.json}
///   DIR/pods/UID/logs/NAME/ATTEMPT.log[.1 ...]

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "node/runtime.h"

namespace serin::node {

struct ProcessRuntimeOptions {
  std::string directory;                   ///< absolute, made 0700 where missing; one runtime per directory
  std::vector<std::string> shim_command;   ///< such as {"/usr/bin/serin", "shim"}
  int64_t log_max_bytes = 10 << 20;
  int log_files = 5;
  int kept_attempts = 2;                   ///< per container; older records and logs are removed
};

class ProcessRuntime final : public Runtime {
 public:
  static Result<std::unique_ptr<ProcessRuntime>> open(ProcessRuntimeOptions options, const Clock& clock);
  ~ProcessRuntime() override;

  Result<void> start_sandbox(const SandboxSpec&) override;
  Result<void> start_container(const ContainerSpec&) override;
  Result<void> stop(const ContainerId&, Duration grace) override;
  std::vector<Sandbox> list() override;
  std::optional<Sandbox> find(const std::string& pod_uid) override;
  Result<ExecResult> exec(const ContainerId&, const std::vector<std::string>& argv, Duration timeout) override;
  Result<void> remove_sandbox(const std::string& pod_uid) override;
  RuntimeLimits limits() const override { return limits_; }
  void on_change(std::function<void(const std::string&)> changed) override;

 private:
  struct Container {
    ContainerRecord record;
    ProcessRef shim;
    Fd shim_handle;  ///< a pidfd, readable when the shim is gone; valid while kRunning
  };
  struct Pod {
    SandboxSpec spec;
    std::map<std::pair<std::string, int>, Container> containers;
  };

  ProcessRuntime(ProcessRuntimeOptions options, const Clock& clock);
  Result<void> probe_limits();
  /// Reads what an earlier runtime left, and ends what lost its supervisor.
  void adopt();
  void watch();
  /// Waits for ended supervisors once and reads their last word.
  void collect();
  Container read_container(const std::string& pod_uid, const std::string& name, int attempt);
  void end_leftovers(const ContainerId& id);
  void prune(Pod& pod, const std::string& container);
  static Sandbox snapshot(const Pod& pod);

  std::string pod_directory(const std::string& pod_uid) const { return options_.directory + "/pods/" + pod_uid; }
  std::string container_directory(const ContainerId& id) const;
  std::string log_path(const ContainerId& id) const;
  void wake();
  void tell(const std::string& pod_uid);

  ProcessRuntimeOptions options_;
  const Clock& clock_;
  RuntimeLimits limits_;
  std::string boot_;
  Fd wake_;

  std::mutex mutex_;
  std::map<std::string, Pod> pods_;  // guarded by mutex_
  bool stopping_ = false;            // guarded by mutex_
  std::mutex callback_mutex_;
  std::function<void(const std::string&)> changed_;  // guarded by callback_mutex_
  std::thread watcher_;
};

}  // namespace serin::node
