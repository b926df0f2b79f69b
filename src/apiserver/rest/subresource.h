#pragma once

/// What a write through a subresource may change of its object. Pure.

#include "apiserver/rest/rest.h"

namespace serin::apiserver {

/// `current` with that of `next` which the target lets a caller decide about: `/status` the status, `/finalize` a
/// Namespace's spec.finalizers, `/approval` the conditions Approved and Denied of a certificate request,
/// `/ephemeralcontainers` those of a pod, `/resize` the resources of its containers, `/binding` everything that
/// bound_pod has set; the resource itself everything but its status. managedFields of `next` are kept for
/// track_update to judge.
json::value merge_subresource(const Target&, const kube::Object& current, json::value next);

/// A pod after a Binding (core/v1): its node, condition PodScheduled, the binding's labels and annotations.
/// kConflict where the pod has a node or goes, kInvalid for a target that is no Node.
Result<json::value> bound_pod(const kube::Object& pod, const json::value& binding, TimePoint now);

}  // namespace serin::apiserver
