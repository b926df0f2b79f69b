#pragma once

/// The roles and bindings that every cluster has (api/rbac/bootstrap.txt), and what is missing of them in a cluster.

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/json.h"
#include "kube/types.h"

namespace serin::apiserver {
class Rest;
class LogicalCluster;
}  // namespace serin::apiserver

namespace serin::apiserver::rbac {

struct BootstrapObject {
  kube::Resource resource;
  json::value doc;
};

/// Roles before bindings. Aggregated roles have their rules filled in.
const std::vector<BootstrapObject>& bootstrap_objects();

/// What `live` must become so that nothing of `wanted` is missing: rules, subjects, labels and annotations are added and
/// none is taken away. Equal to `live` where nothing is missing or its annotation
/// rbac.authorization.kubernetes.io/autoupdate is "false". Pure.
json::value with_missing(const BootstrapObject& wanted, const json::value& live);

/// Makes or completes them all in one cluster, which has its namespaces; returns when all is durable.
Result<void> ensure_bootstrap_policy(Rest& rest, const std::shared_ptr<LogicalCluster>& cluster);

}  // namespace serin::apiserver::rbac
