#pragma once

/// The EndpointSlices of a Service: who serves it, and whether each is ready, serving or terminating. Pure.
///
/// A pod counts from the moment it has an address until it is gone. It is `serving` while it is Ready,
/// `terminating` as soon as it has a deletionTimestamp, and `ready` only while it serves and does not terminate
/// (always, where the Service publishes addresses that are not ready). Named target ports are looked up in each
/// pod, so pods with different numbers stand in different slices. How endpoints are spread over slices is
/// cluster/endpoints/slice_set.h.

#include <vector>

#include "client/write.h"
#include "cluster/endpoints/slice_set.h"
#include "kube/object.h"

namespace serin::cluster {

inline constexpr size_t kMostEndpointsPerSlice = 100;
inline constexpr char kManagedBy[] = "endpointslice-controller.k8s.io";

struct EndpointSliceObserved {
  kube::Object service;
  std::vector<kube::Object> pods;    ///< of its namespace; the selector is applied here
  std::vector<kube::Object> slices;  ///< labelled with its name
};

/// Nothing for a Service without a selector: its endpoints are somebody else's.
std::vector<client::Write> plan(const EndpointSliceObserved& observed,
                                size_t most_per_slice = kMostEndpointsPerSlice);

}  // namespace serin::cluster
