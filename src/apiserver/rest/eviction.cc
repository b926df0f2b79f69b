#include "apiserver/rest/eviction.h"

#include "base/strings.h"
#include "base/time.h"
#include "kube/selector.h"

namespace serin::apiserver {
namespace {

/// More evictions than this that no disruption controller has confirmed: it is not working.
constexpr size_t kMaxDisruptedPods = 2000;
constexpr std::chrono::seconds kRetryAfter{10};

bool needs_no_budget(const kube::Object& pod) {
  std::string_view phase = json::get_string(pod.doc(), "status", "phase");
  return phase == "Succeeded" || phase == "Failed" || phase == "Pending" || pod.deleting();
}

bool covers(const kube::Object& budget, const kube::Object& pod) {
  auto selector = kube::LabelSelector::from_object(json::find(budget.doc(), "spec", "selector"));
  // An empty selector of policy/v1 selects every pod of the namespace.
  return selector && selector->matches(json::find(pod.doc(), "metadata", "labels"));
}

Error too_many(std::string cause, std::optional<std::chrono::seconds> retry_after) {
  return {Code::kTooManyRequests, "Cannot evict pod as it would violate the pod's disruption budget.",
          {{"DisruptionBudget", std::move(cause), ""}}, retry_after, false};
}

Error forbidden(const kube::Object& budget, std::string_view why) {
  return {Code::kForbidden, concat("poddisruptionbudgets.policy \"", budget.name(), "\" is forbidden: ", why), {}, {}, false};
}

/// An unhealthy pod does not count for its budget: it may go where the policy or the budget's state allows.
bool may_ignore(const kube::Object& budget, const kube::Object& pod) {
  if (kube::condition_true(pod, "Ready")) return false;
  if (json::get_string(budget.doc(), "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow") return true;
  int64_t healthy = json::get_int(budget.doc(), 0, "status", "currentHealthy");
  int64_t desired = json::get_int(budget.doc(), 0, "status", "desiredHealthy");
  return desired > 0 && healthy >= desired;
}

}  // namespace

Result<EvictionVerdict> judge_eviction(const kube::Object& pod, const std::vector<kube::Object>& budgets, TimePoint now) {
  if (needs_no_budget(pod)) return EvictionVerdict{};
  const kube::Object* budget = nullptr;
  for (const kube::Object& candidate : budgets) {
    if (!covers(candidate, pod)) continue;
    if (budget)
      return fail(Code::kInternal, "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
    budget = &candidate;
  }
  if (!budget || may_ignore(*budget, pod)) return EvictionVerdict{};
  const json::value& doc = budget->doc();
  if (json::get_int(doc, 0, "status", "observedGeneration") < budget->generation())
    return fail(too_many(concat("The disruption budget ", budget->name(), " is still being processed by the server."), kRetryAfter));
  int64_t allowed = json::get_int(doc, 0, "status", "disruptionsAllowed");
  if (allowed < 0) return fail(forbidden(*budget, "pdb disruptions allowed is negative"));
  const json::object* disrupted = json::find_object(doc, "status", "disruptedPods");
  if (disrupted && disrupted->size() > kMaxDisruptedPods)
    return fail(forbidden(*budget, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
  if (allowed == 0)
    return fail(too_many(concat("The disruption budget ", budget->name(), " needs ", json::get_int(doc, 0, "status", "desiredHealthy"),
                                " healthy pods and has ", json::get_int(doc, 0, "status", "currentHealthy"), " currently"),
                         std::nullopt));
  json::value next = doc;
  json::set(next, {"status", "disruptionsAllowed"}, allowed - 1);
  json::set(next, {"status", "disruptedPods", pod.name()}, json::value(format_time(now)));
  if (allowed == 1)
    kube::set_condition(*json::find(next, "status"), "DisruptionAllowed", "False", "InsufficientPods", "", now);
  return EvictionVerdict{std::move(next)};
}

}  // namespace serin::apiserver
