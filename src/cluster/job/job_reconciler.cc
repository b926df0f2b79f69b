#include "cluster/job/job_reconciler.h"

#include "base/strings.h"
#include "cluster/job/job_planner.h"
#include "cluster/status_change.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Again;
using client::Write;

std::string job_name_of(const Object& pod) {
  if (auto owner = pod.controller(); owner && owner->kind == kube::kJobs.kind) return owner->name;
  return std::string(pod.label(kJobName));
}

bool gone(const Result<Object>& done) {
  // A failed `test` of the patch: somebody else has taken the finalizer off.
  return failed_with(done, Code::kNotFound) || failed_with(done, Code::kInvalid) || failed_with(done, Code::kConflict);
}

}  // namespace

JobReconciler::JobReconciler(client::CachedClient& client, client::Informer& jobs, client::Informer& pods, Clock& clock)
    : client_(client), jobs_(jobs), pods_(pods), clock_(clock), events_(client, clock, "job-controller") {}

Result<Again> JobReconciler::let_go(const client::Key& key, std::string_view except_owner) {
  for (const Object& pod : pods_.by_index(kTrackedIndex, key.name.str())) {
    auto owner = pod.controller();
    if (owner && (owner->kind != kube::kJobs.kind || owner->uid == except_owner)) continue;
    // Without an owner it may be about to be adopted.
    if (!owner && !except_owner.empty()) continue;
    Result<Object> done = execute(client_, untrack(pod));
    if (!done && !gone(done)) return fail(done.error());
  }
  return Again{};
}

Result<Again> JobReconciler::reconcile(const client::Key& key) {
  std::optional<Object> job = jobs_.get(key.name);
  if (!job) {
    // A cache may not know it yet.
    Result<Object> live = client_.live().get(kube::kJobs, key.name);
    if (failed_with(live, Code::kNotFound)) return let_go(key, "");
    SERIN_TRY(std::move(live));
    return Again{};
  }
  SERIN_TRY(let_go(key, job->uid()));
  JobObserved observed{*job, pods_.by_index(kControllerIndex, std::string(job->uid()))};
  for (Object& orphan : pods_.by_index(kControllerIndex, orphans_of(job->ns()))) observed.pods.push_back(std::move(orphan));

  TimePoint now = clock_.now();
  JobDecision decision = SERIN_TRY(plan(observed, now));

  if (decision.expired) {
    client::DeleteOptions options;
    options.uid = job->uid();
    options.version = job->version();
    options.propagation = "Foreground";
    Result<void> removed = client_.remove(kube::kJobs, key.name, options);
    if (!removed && removed.error().code != Code::kNotFound) return fail(removed.error());
    return Again{};
  }
  if (!decision.claims.adopt.empty()) {
    Object live = SERIN_TRY(client_.live().get(kube::kJobs, key.name));
    if (live.uid() != job->uid() || live.deleting())
      return fail(Code::kConflict, concat(job->describe(), " is being deleted and adopts no pods"));
    SERIN_TRY(execute(client_, decision.claims.adopt));
  }
  SERIN_TRY(execute(client_, decision.claims.release));

  std::optional<Error> failure;
  for (const Write& write : decision.creates) {
    Result<Object> pod = execute(client_, write);
    if (pod) {
      events_.normal(*job, "SuccessfulCreate", concat("Created pod: ", pod->name()));
      continue;
    }
    if (client::namespace_terminating(pod.error())) break;
    failure = pod.error();
    events_.warning(*job, "FailedCreate", concat("Error creating: ", failure->message));
    break;
  }
  for (const Write& write : decision.deletes) {
    Result<Object> done = execute(client_, write);
    if (done && write.verb == Write::Verb::kRemove) events_.normal(*job, "SuccessfulDelete", concat("Deleted pod: ", write.name.name));
    if (done || gone(done)) continue;
    failure = done.error();
    events_.warning(*job, "FailedDelete", concat("Error deleting: ", failure->message));
    break;
  }
  if (std::optional<Write> change = status_change(kube::kJobs, *job, decision.status)) {
    Result<Object> stored = execute(client_, *change);
    if (failed_with(stored, Code::kNotFound)) return Again{};
    SERIN_TRY(std::move(stored));
  }
  for (const JobEvent& event : decision.events)
    event.warning ? events_.warning(*job, event.reason, event.message) : events_.normal(*job, event.reason, event.message);
  for (const Write& write : decision.untrack) {
    Result<Object> done = execute(client_, write);
    if (!done && !gone(done)) return fail(done.error());
  }
  if (failure) return fail(*failure);
  // What was let go is counted now.
  if (!decision.untrack.empty()) return Again{Duration(1)};
  if (decision.look_again) return Again{std::max(Duration(1), *decision.look_again - now)};
  return Again{};
}

std::vector<std::string> tracked_index(const Object& pod) {
  if (!pod.has_finalizer(kJobTracking)) return {};
  return {concat(pod.ns(), "/", job_name_of(pod))};
}

client::MapFunction job_of_tracked(std::string cluster) {
  return [cluster = std::move(cluster)](const Object* old, const Object* now) {
    const Object& pod = *(now ? now : old);
    if (!pod.has_finalizer(kJobTracking)) return std::vector<client::Key>{};
    return std::vector<client::Key>{{cluster, {std::string(pod.ns()), job_name_of(pod)}}};
  };
}

}  // namespace serin::cluster
