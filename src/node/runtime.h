#pragma once

/// The agent's boundary: starts and watches containers, knows nothing of the API. `ProcessRuntime` is the first
/// implementation. Safe from any thread; calls block no longer than a process takes to start.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "node/shim/spec.h"

namespace serin::node {

/// One run of one container: each restart is a new attempt, from 0.
struct ContainerId {
  std::string pod_uid;
  std::string container;
  int attempt = 0;
  auto operator<=>(const ContainerId&) const = default;
  /// "POD-UID/CONTAINER/ATTEMPT"
  std::string str() const;
};

/// What the containers of a pod share.
struct SandboxSpec {
  std::string pod_uid, ns, pod_name;
  std::string ip;          ///< the pod's address
  std::string hosts_file;  ///< kept up to date by the caller, in place
};

struct ContainerSpec {
  ContainerId id;
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< "NAME=value", the whole environment
  std::string cwd;               ///< empty: "/"
  std::vector<Mount> mounts;
  int64_t crashes = 0;           ///< kept with the record
};

struct ContainerRecord {
  enum class State { kRunning, kExited };
  ContainerId id;
  State state = State::kRunning;
  TimePoint started_at{};
  TimePoint finished_at{};  ///< kExited
  int exit_code = 0;        ///< kExited; 128 + signal where a signal ended it
  int signal = 0;
  /// kExited: why it never ran ("exec foo: No such file or directory"), or empty.
  std::string start_error;
  /// kExited: it ended unseen (its supervisor was killed, the machine was restarted).
  bool lost = false;
  std::vector<std::string> bind_failures;  ///< addresses that were taken when it wanted them
  int64_t crashes = 0;
  std::string log_path;
};

struct Sandbox {
  SandboxSpec spec;
  std::vector<ContainerRecord> containers;  ///< by name, then attempt; the last two attempts at the least
};

struct ExecResult {
  int exit_code = 0;
  bool timed_out = false;
  std::string output;  ///< standard output and error, the first 10 KiB
};

/// What the machine lets containers have. Empty: granted; else the reason why not.
struct RuntimeLimits {
  std::string no_namespaces;  ///< then: no hosts file, no volumes
  std::string no_bind_moves;  ///< then: wildcard binds stay, and collide
};

class Runtime {
 public:
  virtual ~Runtime() = default;

  /// Makes or refreshes the pod's place. Starts nothing.
  virtual Result<void> start_sandbox(const SandboxSpec&) = 0;
  /// Returns when the program runs. A failed start is an error and leaves an exited record with `start_error`.
  virtual Result<void> start_container(const ContainerSpec&) = 0;
  /// Asks the container to end, and kills what is left after `grace`, even if the agent dies meanwhile. Calling
  /// it again can only shorten the wait. kNotFound where it does not run.
  virtual Result<void> stop(const ContainerId&, Duration grace) = 0;
  /// Cheap. `bind_failures` of running containers may be old; `find` looks them up.
  virtual std::vector<Sandbox> list() = 0;
  virtual std::optional<Sandbox> find(const std::string& pod_uid) = 0;

  /// Runs a program inside a running container.
  virtual Result<ExecResult> exec(const ContainerId&, const std::vector<std::string>& argv, Duration timeout) = 0;
  /// Forgets a pod with its logs and volumes. kConflict while a container of it runs.
  virtual Result<void> remove_sandbox(const std::string& pod_uid) = 0;
  virtual RuntimeLimits limits() const = 0;
  /// `changed` is called with the pod's uid whenever a container ended, from a thread of the runtime or of the
  /// caller of `start_container`. Set once, before the first container; an empty function ends it, and returns
  /// when no call is under way.
  virtual void on_change(std::function<void(const std::string& pod_uid)> changed) = 0;
};

/// Asks every running container to end (Runtime::stop); how many still run. 0: all have ended.
size_t stop_all(Runtime& runtime, Duration grace);

}  // namespace serin::node
