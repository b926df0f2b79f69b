#pragma once

/// What to do about one pod now, and what to say about it. Pure.
///
/// Life: init containers one after the other (a sidecar counts as done once it has started), then all others;
/// a container that ended is started again by the restart policy, after 0, 10, 20 ... 300 s when it keeps
/// failing (ten good minutes forget that); one whose liveness or startup probe fails is ended and comes back the
/// same way.
///
/// Death: preStop hooks and, for a pod that was an endpoint, the drain barrier run side by side from the moment
/// of deletion; then SIGTERM; SIGKILL at the deletion timestamp (two more seconds where preStop used it all up);
/// sidecars last, in reverse; then the object is removed. The barrier lifts when the pod's condition
/// serin.io/Drained is True, after min(5 s, grace/2), or at once where the pod's annotation serin.io/drain is
/// "strict".

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/blocker.h"
#include "kube/object.h"
#include "node/probe.h"
#include "node/runtime.h"

namespace serin::node {

inline constexpr std::string_view kDrainedCondition = "serin.io/Drained";
inline constexpr std::string_view kDrainAnnotation = "serin.io/drain";
inline constexpr Duration kMaxDrain = std::chrono::seconds(5);

/// Why a container could not be started before it had a process.
struct StartProblem {
  std::string reason;   ///< "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"
  std::string message;
  TimePoint retry_at{};
};

/// The way out of one run of a container, from the decision to the last signal.
struct Ending {
  TimePoint since{};
  Duration grace{};
  bool pre_stop_done = false;
  std::optional<TimePoint> kill_at;  ///< SIGTERM was sent, and what is left is killed then
};

/// All that one decision depends on, read at one moment.
struct PodObserved {
  kube::Object pod;
  std::optional<Sandbox> sandbox;
  std::map<ContainerId, ContainerHealth> health;
  std::map<std::string, StartProblem> problems;  ///< by container
  std::map<ContainerId, Ending> endings;
  bool endpoint = false;                         ///< it was Ready and a Service selected it when its deletion began
  std::string pod_ip, host_ip;
};

struct PodAction {
  enum class Kind {
    kStart,     ///< start `id`
    kBeginEnd,  ///< note an Ending of `id` and run its preStop hook; `message` says why
    kStop,      ///< SIGTERM now, SIGKILL after `grace`
    kFinish,    ///< nothing runs any more: remove the object
  } kind;
  ContainerId id;
  Duration grace{};
  int64_t crashes = 0;  ///< kStart
  std::string message;
  bool operator==(const PodAction&) const = default;
};

struct PodPlan {
  std::vector<PodAction> actions;
  json::value status;                  ///< the pod's whole status, foreign fields and conditions included
  std::optional<TimePoint> look_again;
  std::vector<kube::Blocker> blockers;  ///< why the pod is not ready, or not gone
};

PodPlan plan_pod(const PodObserved& observed, TimePoint now);

/// When a container that ended may start again, and the crash count of that start.
TimePoint restart_at(const ContainerRecord& ended);
int64_t crashes_after(const ContainerRecord& ended);

}  // namespace serin::node
