#include "cluster/disruption/budget_reconciler.h"

#include <map>

#include "base/strings.h"
#include "cluster/disruption/budget_planner.h"
#include "cluster/status_change.h"
#include "kube/resources.h"

namespace serin::cluster {

using client::Again;
using kube::Object;

BudgetReconciler::BudgetReconciler(client::CachedClient& client, client::Informer& budgets, client::Informer& pods,
                                   Clock& clock)
    : client_(client), budgets_(budgets), pods_(pods), clock_(clock), events_(client, clock, "controllermanager") {}

Result<Object> BudgetReconciler::owner_of(const Object& object, const kube::OwnerReference& reference) {
  kube::GroupVersion gv = kube::GroupVersion::parse(reference.api_version);
  client::Resource resource = SERIN_TRY(client_.resource_for({gv.group, gv.version, reference.kind}));
  Object owner = SERIN_TRY(client_.get(resource, {resource.namespaced ? std::string(object.ns()) : "", reference.name}));
  if (owner.uid() != reference.uid) return fail(Code::kNotFound, concat(owner.describe(), " is another one"));
  return owner;
}

Result<int64_t> BudgetReconciler::scale_of(const std::vector<Object>& pods) {
  std::map<std::string, int64_t> sizes;  // by uid
  for (const Object& pod : pods) {
    auto reference = pod.controller();
    if (!reference) continue;
    if (sizes.count(reference->uid)) continue;
    Result<Object> owner = owner_of(pod, *reference);
    if (failed_with(owner, Code::kNotFound)) return fail(Code::kNotFound, concat("found no controllers for pod \"", pod.name(), "\""));
    Object found = SERIN_TRY(std::move(owner));
    sizes[reference->uid] = 0;
    auto above = found.controller();
    if (found.kind() == kube::kReplicaSets.kind && above && above->kind == kube::kDeployments.kind) {
      Result<Object> deployment = owner_of(found, *above);
      if (deployment)
        found = *std::move(deployment);
      else if (!failed_with(deployment, Code::kNotFound))
        return fail(deployment.error());
    }
    std::optional<int64_t> replicas = json::as_int(json::find(found.doc(), "spec", "replicas"));
    if (!replicas) return fail(Code::kInvalid, concat(found.describe(), " does not implement the scale subresource"));
    sizes[std::string(found.uid())] = *replicas;
  }
  int64_t total = 0;
  for (const auto& [uid, size] : sizes) total += size;
  return total;
}

Result<Again> BudgetReconciler::reconcile(const client::Key& key) {
  std::optional<Object> budget = budgets_.get(key.name);
  if (!budget || budget->deleting()) return Again{};
  BudgetObserved observed{*budget, {}};
  Result<kube::LabelSelector> selector = kube::LabelSelector::from_object(json::find(budget->doc(), "spec", "selector"));
  if (!selector) {
    observed.scale = fail(selector.error());
  } else {
    observed.pods = pods_.list(key.name.ns, *selector);
    if (needs_scale(*budget)) observed.scale = scale_of(observed.pods);
  }
  TimePoint now = clock_.now();
  BudgetDecision decision = plan(observed, now);
  if (auto change = status_change(kube::kPodDisruptionBudgets, *budget, decision.status)) {
    Result<Object> stored = execute(client_, *change);
    if (!stored && stored.error().code != Code::kNotFound) return fail(stored.error());
  }
  for (const std::string& name : decision.not_deleted)
    if (auto pod = pods_.get({key.name.ns, name}))
      events_.warning(*pod, "NotDeleted", concat("Pod was expected by PDB ", key.name.str(), " to be deleted but it wasn't"));
  if (decision.look_again) return Again{std::max(Duration(1), *decision.look_again - now)};
  return Again{};
}

client::MapFunction budgets_of_pod(const client::Informer& budgets, std::string cluster) {
  return [&budgets, cluster = std::move(cluster)](const Object* old, const Object* now) {
    std::vector<client::Key> keys;
    for (const Object& budget : budgets.list(std::string((now ? now : old)->ns()))) {
      auto selector = kube::LabelSelector::from_object(json::find(budget.doc(), "spec", "selector"));
      auto selects = [&](const Object* pod) {
        return pod && selector && selector->matches(json::find(pod->doc(), "metadata", "labels"));
      };
      if (selects(old) || selects(now)) keys.push_back({cluster, budget.key()});
    }
    return keys;
  };
}

}  // namespace serin::cluster
