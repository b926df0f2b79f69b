#include "cluster/disruption/budget_planner.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "cluster/pods.h"
#include "cluster/status_change.h"
#include "kube/quantity.h"

namespace serin::cluster {
namespace {

using kube::Object;

struct Wanted {
  int64_t expected = 0, healthy = 0;
};

Result<Wanted> wanted(const BudgetObserved& observed) {
  auto pods = static_cast<int64_t>(observed.pods.size());
  const json::value* most_down = json::find(observed.budget.doc(), "spec", "maxUnavailable");
  const json::value* least_up = json::find(observed.budget.doc(), "spec", "minAvailable");
  if (most_down && !most_down->is_null()) {
    int64_t scale = SERIN_TRY(Result<int64_t>(observed.scale));
    int64_t down = SERIN_TRY(kube::resolve_int_or_percent(*most_down, scale, true));
    return Wanted{scale, std::max<int64_t>(0, scale - down)};
  }
  if (!least_up || least_up->is_null()) return Wanted{pods, 0};
  if (least_up->is_number()) return Wanted{pods, json::as_int(least_up).value_or(0)};
  int64_t scale = SERIN_TRY(Result<int64_t>(observed.scale));
  return Wanted{scale, SERIN_TRY(kube::resolve_int_or_percent(*least_up, scale, true))};
}

}  // namespace

bool needs_scale(const Object& budget) {
  const json::value* most_down = json::find(budget.doc(), "spec", "maxUnavailable");
  const json::value* least_up = json::find(budget.doc(), "spec", "minAvailable");
  return (most_down && !most_down->is_null()) || (least_up && least_up->is_string());
}

BudgetDecision plan(const BudgetObserved& observed, TimePoint now) {
  BudgetDecision decision;
  decision.status = status_of(observed.budget);
  json::object& status = decision.status.as_object();

  json::object disrupted;
  const json::object* noted = json::find_object(decision.status, "disruptedPods");
  for (const Object& pod : observed.pods) {
    const json::value* since = noted ? noted->if_contains(pod.name()) : nullptr;
    std::optional<TimePoint> at = since ? parse_time(json::as_string(since)) : std::nullopt;
    if (!at || pod.deleting()) continue;
    TimePoint end = *at + kEvictionTimeout;
    if (end <= now) {
      decision.not_deleted.emplace_back(pod.name());
      continue;
    }
    disrupted[pod.name()] = *since;
    if (!decision.look_again || end < *decision.look_again) decision.look_again = end;
  }
  int64_t healthy = std::count_if(observed.pods.begin(), observed.pods.end(), [&](const Object& pod) {
    return pod_ready(pod) && !pod.deleting() && !disrupted.contains(pod.name());
  });

  auto set = [&](bool allowed, std::string_view reason, std::string_view message) {
    kube::set_condition(decision.status, "DisruptionAllowed", allowed ? "True" : "False", reason, message, now);
    for (json::value& condition : status.at("conditions").as_array())
      if (json::get_string(condition, "type") == "DisruptionAllowed")
        condition.as_object()["observedGeneration"] = observed.budget.generation();
  };
  status["observedGeneration"] = observed.budget.generation();
  Result<Wanted> budget = wanted(observed);
  if (!budget) {
    // Nothing is allowed while nobody knows how many there should be.
    status["disruptionsAllowed"] = 0;
    set(false, "SyncFailed", budget.error().message);
    return decision;
  }
  int64_t allowed = budget->expected > 0 ? std::max<int64_t>(0, healthy - budget->healthy) : 0;
  status["currentHealthy"] = healthy;
  status["desiredHealthy"] = budget->healthy;
  status["expectedPods"] = budget->expected;
  status["disruptionsAllowed"] = allowed;
  if (disrupted.empty())
    status.erase("disruptedPods");
  else
    status["disruptedPods"] = std::move(disrupted);
  set(allowed > 0, allowed > 0 ? "SufficientPods" : "InsufficientPods", "");
  return decision;
}

}  // namespace serin::cluster
