#pragma once

/// One pod's containers, spec and record side by side, as planner and status writer read them. Borrows from the
/// PodObserved that it is made of. Pure.

#include "node/pod_plan.h"

namespace serin::node {

struct ContainerView {
  const json::value* spec;
  std::string name;
  bool init = false;     ///< in spec.initContainers
  bool sidecar = false;  ///< an init container with restartPolicy Always
  const ContainerRecord* latest = nullptr;
  const ContainerRecord* previous = nullptr;
  const ContainerHealth* health = nullptr;  ///< of `latest`, where it runs and is probed
  const StartProblem* problem = nullptr;
  const Ending* ending = nullptr;

  bool running() const { return latest != nullptr && latest->state == ContainerRecord::State::kRunning; }
  bool exited() const { return latest != nullptr && latest->state == ContainerRecord::State::kExited; }
  bool started() const { return running() && (health == nullptr || health->started); }
  bool ready() const { return running() && (health == nullptr || health->ready); }
  bool succeeded() const { return exited() && latest->exit_code == 0 && !latest->lost; }
  /// Whether it is to be started again after it ended.
  bool restarts(std::string_view pod_policy) const;
};

struct PodView {
  std::string uid, restart_policy;
  std::vector<ContainerView> init, main;

  explicit PodView(const PodObserved& observed);
  bool any_running() const;
  /// A main container has been started, so init containers are over.
  bool main_begun() const;
  /// Every main container ended and stays so.
  bool finished() const;
  /// An init container failed and stays so.
  bool init_failed() const;
  /// Init containers are through, sidecars have started.
  bool initialized() const;
};

/// The whole status, made from the one the pod has: what others wrote there stays.
json::value pod_status(const PodObserved& observed, const PodView& view, TimePoint now);

}  // namespace serin::node
