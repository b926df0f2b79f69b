#pragma once

/// Keeps the rules of aggregated ClusterRoles what their selectors choose, as Kubernetes' clusterrole-aggregation
/// controller does.

#include <memory>
#include <string>

#include "apiserver/auth/rbac/authorizer.h"

namespace serin::apiserver {
class Rest;
class LogicalCluster;
}  // namespace serin::apiserver

namespace serin::apiserver::rbac {

/// Starts a write for each aggregated role that is not what it should be; to be called after a ClusterRole has been
/// written, and once when a cluster starts. Does not wait. A role that another writer changes meanwhile is looked at
/// again after that write.
void update_aggregated_roles(Rest& rest, RbacAuthorizer& authorizer, const std::shared_ptr<LogicalCluster>& cluster);

}  // namespace serin::apiserver::rbac
