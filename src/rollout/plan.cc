#include "rollout/plan.h"

#include "base/strings.h"
#include "kube/resources.h"
#include "rollout/plan/blockers.h"
#include "rollout/plan/history.h"
#include "rollout/plan/look_again.h"
#include "rollout/plan/progress.h"
#include "rollout/plan/scaling.h"
#include "rollout/plan/status.h"
#include "rollout/plan/validation.h"

namespace serin::rollout {
namespace {

/// How soon a Rollout that names missing objects is looked at again, should no watch tell.
constexpr Duration kInvalidRetry = std::chrono::seconds(20);

void append(std::vector<client::Write>& to, const std::vector<client::Write>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// A Rollout without spec.replicas gets 1, as an autoscaler needs a number there.
void write_replicas(const Situation& s, Decision& decision) {
  if (s.rollout.has_replicas()) return;
  json::value body = json::object();
  json::set(body, {"spec", "replicas"}, 1);
  decision.writes.push_back(client::merge_patch(kube::kRollouts, s.rollout.key(), std::move(body),
                                                "default spec.replicas"));
}

Decision invalid(const Situation& s, Decision decision, const std::vector<Cause>& causes) {
  set_invalid(s, decision.status, causes);
  look_again_at(decision, s.now + kInvalidRetry);
  for (const Cause& cause : causes)
    decision.blockers.push_back({"InvalidSpec", concat(cause.field, ": ", cause.message),
                                 s.rollout.object().describe(), {}, "when the spec or the missing object is there"});
  return decision;
}

}  // namespace

Decision plan(const Observed& observed, TimePoint now) {
  Situation s(observed, now);
  Decision decision;
  decision.status = s.rollout.status();
  auto router = make_router(s.rollout);
  std::vector<Cause> causes = validate(s.rollout);
  if (causes.empty()) causes = router->problems(observed.traffic);
  if (!causes.empty()) return invalid(s, std::move(decision), causes);

  write_replicas(s, decision);
  plan_history(s, decision);
  TrafficPlan traffic;
  // A pass that starts a release over decides from what it starts with; the next one acts on it.
  if (!start_over(s, decision.status) && s.newest) {
    obey_orders(s, decision.status);
    traffic = plan_traffic(s, *router);
    append(decision.writes, traffic.writes);
    plan_scaling(s, traffic, decision);
    advance(s, traffic, decision.status, decision);
    json::value weights = weights_status(s, traffic);
    if (!weights.is_null()) json::set(decision.status, {"canary", "weights"}, std::move(weights));
    else if (!traffic.weighted && json::find(decision.status, "canary"))
      json::erase(decision.status, {"canary", "weights"});
  }
  count_pods(s, decision.status);
  set_conditions(s, decision.status, !s.newest, decision);
  decision.blockers = find_blockers(s, traffic, decision.status);
  return decision;
}

std::vector<kube::Blocker> why(const Observed& observed, TimePoint now) { return plan(observed, now).blockers; }

}  // namespace serin::rollout
