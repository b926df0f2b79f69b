#pragma once

/// Discovery documents, legacy and aggregated. Pure.

#include "apiserver/catalog.h"
#include "data/json.h"

namespace serin::apiserver {

json::value api_versions(const std::string& external_address);              ///< GET /api
json::value api_group_list(const Catalog&);                                 ///< GET /apis
json::value api_group(const Catalog&, const std::string& group);            ///< GET /apis/<group>
json::value api_resource_list(const Catalog&, const kube::GroupVersion&);   ///< GET /api/v1, /apis/<group>/<version>
/// APIGroupDiscoveryList: `core` for /api, else for /apis. `version` is "v2" or "v2beta1".
json::value aggregated_discovery(const Catalog&, bool core, std::string_view version);

}  // namespace serin::apiserver
