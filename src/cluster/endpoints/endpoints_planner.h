#pragma once

/// The Endpoints object (core/v1, the older form of EndpointSlices) of a Service. Pure.
///
/// Pods that are being deleted are left out (unless the Service publishes addresses that are not ready), Ready pods stand
/// under `addresses`, others under `notReadyAddresses`, grouped by their ports. At most kMostEndpoints addresses, ready
/// ones first; the annotation kOverCapacity says where some were left out.

#include <optional>
#include <vector>

#include "client/write.h"
#include "kube/object.h"

namespace serin::cluster {

inline constexpr size_t kMostEndpoints = 1000;
inline constexpr char kOverCapacity[] = "endpoints.kubernetes.io/over-capacity";
inline constexpr char kLastChange[] = "endpoints.kubernetes.io/last-change-trigger-time";
inline constexpr char kEndpointsManagedByLabel[] = "endpoints.kubernetes.io/managed-by";
inline constexpr char kEndpointsManagedBy[] = "endpoint-controller";

struct EndpointsObserved {
  kube::Object service;
  std::vector<kube::Object> pods;         ///< those it selects
  std::optional<kube::Object> endpoints;  ///< of its name
};

/// Nullopt where nothing is to be written, and for a Service without a selector.
std::optional<client::Write> plan(const EndpointsObserved& observed, size_t most = kMostEndpoints);

}  // namespace serin::cluster
