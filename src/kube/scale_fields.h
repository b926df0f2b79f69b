#pragma once

/// Server-side apply on a scale subresource: who owns a parent's replicas is told as ownership of a Scale's
/// spec.replicas, and what apply makes of that is written back. Pure.

#include <string>
#include <vector>

#include "data/json.h"

namespace serin::kube {

/// `scale` with the managedFields of those who own the field at `path` ("spec", "replicas") of `parent`.
void add_scale_managed_fields(json::value& scale, const json::value& parent, const std::vector<std::string>& path);

/// Makes the owners of `scale`'s spec.replicas those of the parent's field at `path`; other fields keep theirs.
void take_scale_managed_fields(json::value& parent, const json::value& scale, const std::vector<std::string>& path);

}  // namespace serin::kube
