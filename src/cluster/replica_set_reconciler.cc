#include "cluster/replica_set_reconciler.h"

#include "base/strings.h"
#include "cluster/replica_set_planner.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Write;

/// Sets or clears the condition ReplicaFailure in `status`, from the live conditions and this pass's failure.
void set_failure(const Object& set, json::value& status, std::string_view reason, const std::optional<Error>& error,
                 TimePoint now) {
  json::array kept;
  for (const json::value& condition : json::items(set.doc(), "status", "conditions"))
    if (error || json::get_string(condition, "type") != "ReplicaFailure") kept.push_back(condition);
  status.as_object()["conditions"] = std::move(kept);
  if (error) kube::set_condition(status, "ReplicaFailure", "True", reason, error->message, now);
}

}  // namespace

ReplicaSetReconciler::ReplicaSetReconciler(client::CachedClient& client, client::Informer& sets,
                                           client::Informer& pods, Clock& clock)
    : client_(client), sets_(sets), pods_(pods), clock_(clock), events_(client, clock, "replicaset-controller") {}

Result<client::Again> ReplicaSetReconciler::reconcile(const client::Key& key) {
  std::optional<Object> set = sets_.get(key.name);
  if (!set) return client::Again{};
  ReplicaSetObserved observed{*set, pods_.by_index(kControllerIndex, std::string(set->uid())), {}};
  if (auto owner = set->controller()) {
    for (const Object& sibling : sets_.by_index(kControllerIndex, owner->uid))
      for (Object& pod : pods_.by_index(kControllerIndex, std::string(sibling.uid())))
        observed.related.push_back(std::move(pod));
  } else {
    observed.related = observed.pods;
  }
  for (Object& orphan : pods_.by_index(kControllerIndex, orphans_of(set->ns())))
    observed.pods.push_back(std::move(orphan));

  TimePoint now = clock_.now();
  ReplicaSetDecision decision = SERIN_TRY(plan(observed, now));

  if (!decision.claims.adopt.empty()) {
    Object live = SERIN_TRY(client_.live().get(kube::kReplicaSets, key.name));
    if (live.uid() != set->uid() || live.deleting())
      return fail(Code::kConflict, concat(set->describe(), " is being deleted and adopts no pods"));
    SERIN_TRY(execute(client_, decision.claims.adopt));
  }
  SERIN_TRY(execute(client_, decision.claims.release));

  std::optional<Error> failure;
  std::string_view reason = "FailedCreate";
  for (const Write& write : decision.creates) {
    Result<Object> pod = execute(client_, write);
    if (pod) {
      events_.normal(*set, "SuccessfulCreate", concat("Created pod: ", pod->name()));
      continue;
    }
    failure = pod.error();
    if (client::namespace_terminating(*failure)) return client::Again{};
    events_.warning(*set, "FailedCreate", concat("Error creating: ", failure->message));
    break;
  }
  for (const Write& write : decision.deletes) {
    Result<Object> gone = execute(client_, write);
    if (gone) {
      events_.normal(*set, "SuccessfulDelete", concat("Deleted pod: ", write.name.name));
      continue;
    }
    if (gone.error().code == Code::kNotFound) continue;
    failure = gone.error();
    reason = "FailedDelete";
    events_.warning(*set, "FailedDelete", concat("Error deleting: ", failure->message));
    break;
  }

  set_failure(*set, decision.status, reason, failure, now);
  if (status_differs(*set, decision.status))
    SERIN_TRY(execute(client_, client::patch_status(kube::kReplicaSets, key.name, decision.status, "status")));
  if (failure) return fail(*failure);
  if (decision.look_again) return client::Again{*decision.look_again - now};
  return client::Again{};
}

}  // namespace serin::cluster
