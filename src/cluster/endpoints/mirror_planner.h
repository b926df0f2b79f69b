#pragma once

/// EndpointSlices for Endpoints that somebody makes by hand, for a Service without a selector. Pure.

#include <optional>
#include <vector>

#include "cluster/endpoints/slice_set.h"

namespace serin::cluster {

inline constexpr size_t kMostMirrored = 1000;  ///< addresses per subset, and endpoints per slice
inline constexpr char kMirroredBy[] = "endpointslicemirroring-controller.k8s.io";
/// With "true" on Endpoints: not mirrored.
inline constexpr char kSkipMirrorLabel[] = "endpointslice.kubernetes.io/skip-mirror";
/// On Endpoints that are a lock of an older leader election: not mirrored.
inline constexpr char kLeaderAnnotation[] = "control-plane.alpha.kubernetes.io/leader";

struct MirrorObserved {
  std::optional<kube::Object> service, endpoints;  ///< of one name
  std::vector<kube::Object> slices;                ///< labelled with that name
};

/// Removes the mirror of Endpoints that are none of its business any more. Those of Endpoints that are gone go by their
/// owner reference.
std::vector<client::Write> plan(const MirrorObserved& observed);

}  // namespace serin::cluster
