#pragma once

/// What Kubernetes demands of an openAPIV3Schema besides that it can be read: structural schemas (KEP-1155), list and map
/// types. The words are those of apiextensions/v1. Pure.

#include <vector>

#include "base/error.h"
#include "data/json.h"

namespace serin::kube {

/// Causes with fields that begin with "openAPIV3Schema".
std::vector<Cause> check_structure(const json::value& openapi);

}  // namespace serin::kube
