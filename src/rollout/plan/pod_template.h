#pragma once

/// When two pod templates are the same, and the hash that names one. Pure.
///
/// The hash is computed from the template with all defaults filled in, as canonical JSON, so that the same
/// template has the same hash in every cluster and whatever version of Kubernetes serves it. It need not equal the
/// hash that Argo Rollouts would compute: an existing ReplicaSet is found by equality and keeps its own label.

#include <cstdint>
#include <string>

#include "data/json.h"

namespace serin::rollout {

/// The template as it is compared and hashed: defaulted, without the hash label and without values that are
/// another spelling of "unset".
json::value normalized_template(const json::value& pod_template);

/// `collisions` is status.collisionCount: another value gives another hash to a template whose name is taken.
std::string pod_template_hash(const json::value& normalized, int64_t collisions = 0);

}  // namespace serin::rollout
