#include "cluster/deployment_reconciler.h"

#include "base/strings.h"
#include "cluster/deployment.h"
#include "cluster/deployment_planner.h"
#include "cluster/deployment_status.h"
#include "cluster/replica_set_planner.h"
#include "kube/resources.h"

namespace serin::cluster {

DeploymentReconciler::DeploymentReconciler(client::CachedClient& client, client::Informer& deployments,
                                           client::Informer& sets, client::Informer& pods, Clock& clock)
    : client_(client), deployments_(deployments), sets_(sets), pods_(pods), clock_(clock),
      events_(client, clock, "deployment-controller") {}

Result<void> DeploymentReconciler::resolve_collision(const kube::Object& deployment, const kube::Object& wanted) {
  kube::Object present = SERIN_TRY(client_.live().get(kube::kReplicaSets, wanted.key()));
  auto controller = present.controller();
  if (controller && controller->uid == deployment.uid() &&
      same_template(*json::find(deployment.doc(), "spec", "template"), present)) {
    sets_.observe(present);
    return {};
  }
  int64_t collisions = json::get_int(deployment.doc(), 0, "status", "collisionCount") + 1;
  SERIN_TRY(execute(client_, client::patch_status(kube::kDeployments, deployment.key(),
                                                  json::object{{"collisionCount", collisions}}, "hash collision")));
  return {};
}

Result<client::Again> DeploymentReconciler::reconcile(const client::Key& key) {
  std::optional<kube::Object> deployment = deployments_.get(key.name);
  if (!deployment) return client::Again{};
  DeploymentObserved observed{*deployment, sets_.by_index(kControllerIndex, std::string(deployment->uid())), {}};
  for (const kube::Object& set : observed.sets)
    for (kube::Object& pod : pods_.by_index(kControllerIndex, std::string(set.uid())))
      observed.pods.push_back(std::move(pod));
  for (kube::Object& orphan : sets_.by_index(kControllerIndex, orphans_of(deployment->ns())))
    observed.sets.push_back(std::move(orphan));

  TimePoint now = clock_.now();
  DeploymentDecision decision = SERIN_TRY(plan(observed, now));

  if (!decision.claims.adopt.empty()) {
    kube::Object live = SERIN_TRY(client_.live().get(kube::kDeployments, key.name));
    if (live.uid() != deployment->uid() || live.deleting())
      return fail(Code::kConflict, concat(deployment->describe(), " is being deleted and adopts no sets"));
    SERIN_TRY(execute(client_, decision.claims.adopt));
  }
  SERIN_TRY(execute(client_, decision.claims.release));
  for (const client::Write& write : decision.writes) {
    Result<kube::Object> done = execute(client_, write);
    if (done) continue;
    if (done.error().code == Code::kAlreadyExists) {
      SERIN_TRY(resolve_collision(*deployment, write.object));
      return client::Again{Duration(1)};
    }
    if (write.verb == client::Write::Verb::kRemove && done.error().code == Code::kNotFound) continue;
    if (client::namespace_terminating(done.error())) return client::Again{};
    if (write.verb == client::Write::Verb::kCreate) {
      std::string name(write.object.name());
      events_.warning(*deployment, "ReplicaSetCreateError",
                      concat("Failed to create new replica set \"", name, "\": ", done.error().message));
      json::value status = failed_creation(Deployment(*deployment), name, done.error().message, now);
      if (status_differs(*deployment, status))
        SERIN_TRY(execute(client_, client::patch_status(kube::kDeployments, key.name, std::move(status), "refused")));
    }
    return fail(done.error());
  }
  for (const std::string& event : decision.events) events_.normal(*deployment, "ScalingReplicaSet", event);
  if (status_differs(*deployment, decision.status))
    SERIN_TRY(execute(client_, client::patch_status(kube::kDeployments, key.name, decision.status, "status")));
  if (decision.look_again) return client::Again{std::max(Duration(0), *decision.look_again - now)};
  return client::Again{};
}

}  // namespace serin::cluster
