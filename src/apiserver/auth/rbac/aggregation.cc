#include "apiserver/auth/rbac/aggregation.h"

#include "apiserver/rest/rest.h"

namespace serin::apiserver::rbac {

void update_aggregated_roles(Rest& rest, RbacAuthorizer& authorizer, const std::shared_ptr<LogicalCluster>& cluster) {
  PolicyPtr policy = authorizer.policy(cluster->name());
  for (const RolePtr& role : policy->roles()) {
    if (role->aggregates.empty()) continue;
    std::vector<Rule> rules = aggregated_rules(*role, policy->roles());
    if (rules == role->rules) continue;
    client::Patch patch{client::Patch::Type::kMerge, json::object{{"rules", write_rules(rules)}}};
    client::WriteOptions options;
    options.field_manager = "clusterrole-aggregation-controller";
    Target target{cluster, cluster->catalog()->find(kGroup, "v1", "clusterroles"), role->name, {}};
    rest.patch(std::move(target), std::move(patch), options, [](Result<Outcome>) {});
  }
}

}  // namespace serin::apiserver::rbac
