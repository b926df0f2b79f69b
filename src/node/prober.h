#pragma once

/// Runs the probes of running containers on a few threads and keeps what they say. Safe from any thread;
/// destroying it waits for checks under way.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "node/check_runner.h"

namespace serin::node {

struct ProberOptions {
  int workers = 8;  ///< checks at one time
};

class Prober {
 public:
  /// Called from a prober's thread, without a lock.
  struct Listener {
    /// The container's health changed.
    std::function<void(const ContainerId&)> changed;
    /// A check failed; of those in a hurry (probe.h) only the first is told.
    std::function<void(const ContainerId&, ProbeKind, const std::string& message)> failed;
  };

  Prober(CheckRunner& checks, Clock& clock, Listener listener, ProberOptions options = {});
  ~Prober();

  /// Probes the container from now on; nothing where it is known already. `was_ready` is what the last agent
  /// said of it: readiness then holds until a threshold of failures.
  void watch(const ContainerId& id, TimePoint started_at, const ContainerProbes& probes, bool was_ready);
  /// Only readiness is probed from now on: the container is asked to end.
  void set_ending(const ContainerId& id);
  void forget(const ContainerId& id);
  /// Of a container that is watched; nullopt for others.
  std::optional<ContainerHealth> health(const ContainerId& id) const;
  /// Ends all probing and waits for the checks under way.
  void stop();

 private:
  struct Probe {
    ProbeKind kind;
    ProbeSpec spec;
    ProbeState state;
    bool running = false;
  };
  struct Watched {
    std::vector<Probe> probes;
    bool ending = false;
    const Probe* find(ProbeKind kind) const;
    bool started() const;
    /// Whether the probe takes its turns now.
    bool active(const Probe& probe) const;
  };
  void work();
  /// The probe that is due first, and when.
  Probe* next_locked(ContainerId& id, TimePoint& due);

  CheckRunner& checks_;
  Clock& clock_;
  const Listener listener_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<ContainerId, Watched> watched_;  // guarded by mutex_
  uint64_t changes_ = 0;                    // guarded by mutex_
  bool stopping_ = false;                   // guarded by mutex_
  std::vector<std::thread> workers_;
};

}  // namespace serin::node
