#pragma once

/// Whether a node's agent lives, by its Lease, and what follows where it does not: the node's conditions become Unknown,
/// its pods are marked not ready, and taints keep new pods away until it is back. Also the taints of
/// spec.unschedulable and of pressure conditions. Pure. Rules and texts are those of Kubernetes, except that nothing is
/// evicted: an embedded cluster's pods are processes of one machine and go on serving without their agent.

#include <optional>
#include <vector>

#include "client/write.h"
#include "kube/object.h"

namespace serin::cluster {

inline constexpr char kNotReadyTaint[] = "node.kubernetes.io/not-ready";
inline constexpr char kUnreachableTaint[] = "node.kubernetes.io/unreachable";
inline constexpr char kUnschedulableTaint[] = "node.kubernetes.io/unschedulable";

/// How long after the last renewal a node counts as lost.
inline constexpr Duration kNodeGrace = std::chrono::seconds(40);

struct NodeObserved {
  kube::Object node;
  std::vector<kube::Object> pods;     ///< on it
  std::optional<TimePoint> renewed;   ///< when its Lease was last seen renewed; nullopt: it has none, so nobody tends it
};

struct NodeDecision {
  std::vector<client::Write> writes;    ///< pods first: marking them is repeated until the node has its taint
  bool lost = false;                    ///< this pass marks it not ready
  std::optional<TimePoint> look_again;  ///< when the grace ends
};

NodeDecision plan(const NodeObserved& observed, TimePoint now);

}  // namespace serin::cluster
