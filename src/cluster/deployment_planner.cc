#include "cluster/deployment_planner.h"

#include <algorithm>

#include "base/strings.h"
#include "cluster/deployment_status.h"
#include "cluster/pods.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Write;

bool older(const Object& a, const Object& b) {
  return std::make_pair(a.created(), a.name()) < std::make_pair(b.created(), b.name());
}

/// The oldest set of the template is the current one, as Kubernetes chooses.
SetSizes sort_out(const Object& deployment, std::vector<Object> sets) {
  std::sort(sets.begin(), sets.end(), older);
  const json::value* pod_template = json::find(deployment.doc(), "spec", "template");
  SetSizes sizes;
  for (const Object& set : sets) {
    if (!sizes.current && pod_template && same_template(*pod_template, set))
      sizes.current = size_of(set);
    else
      sizes.old.push_back(size_of(set));
  }
  return sizes;
}

int64_t next_revision(const SetSizes& sets) {
  int64_t newest = 0;
  for (const SetSize& set : sets.old) newest = std::max(newest, set.revision);
  return newest + 1;
}

/// The patch that brings a live set to a size, and its notes up to date; nullopt where nothing differs.
std::optional<Write> settle(const Deployment& deployment, const SetSize& before, const SetSize& after,
                            std::optional<int64_t> revision) {
  json::object annotations;
  auto note = [&](std::string_view name, const std::string& value) {
    if (before.set.annotation(name) != value) annotations[name] = value;
  };
  if (after.replicas > 0 || revision) {
    note(kDesiredReplicas, std::to_string(deployment.replicas));
    note(kMaxReplicas, std::to_string(deployment.most()));
  }
  json::object spec;
  if (after.replicas != before.replicas) spec["replicas"] = after.replicas;
  if (revision) {
    for (const auto& [name, value] : inherited_annotations(deployment.object))
      note(name, std::string(json::as_string(&value)));
    if (before.revision < *revision) {
      note(kRevision, std::to_string(*revision));
      if (before.revision > 0) {
        std::string history(before.set.annotation(kRevisionHistory));
        note(kRevisionHistory, concat(history, history.empty() ? "" : ",", before.revision));
      }
    }
    int64_t min_ready = json::get_int(before.set.doc(), 0, "spec", "minReadySeconds");
    if (min_ready != deployment.min_ready_seconds) spec["minReadySeconds"] = deployment.min_ready_seconds;
  }
  json::object patch;
  if (!annotations.empty()) patch["metadata"] = json::object{{"annotations", std::move(annotations)}};
  if (!spec.empty()) patch["spec"] = std::move(spec);
  if (patch.empty()) return std::nullopt;
  return client::merge_patch(kube::kReplicaSets, before.set.key(), std::move(patch),
                             concat("set ", before.set.name(), " to ", after.replicas));
}

std::string scaled(std::string_view set, int64_t from, int64_t to) {
  return concat("Scaled ", to > from ? "up" : "down", " replica set ", set, " from ", from, " to ", to);
}

bool any_left(const DeploymentObserved& observed, const SetSizes& sets) {
  for (const SetSize& set : sets.old) {
    if (set.reported > 0) return true;
    for (const Object& pod : observed.pods) {
      auto controller = pod.controller();
      if (controller && controller->uid == set.set.uid() && !pod_ended(pod)) return true;
    }
  }
  return false;
}

/// Whether the stored status says that the update is done.
bool finished(const Deployment& deployment) {
  auto is = [&](const char* field) { return json::get_int(deployment.object.doc(), 0, "status", field) == deployment.replicas; };
  return is("updatedReplicas") && is("replicas") && is("availableReplicas") &&
         json::get_int(deployment.object.doc(), 0, "status", "observedGeneration") >= deployment.object.generation();
}

/// Old sets without pods beyond the history limit, lowest revision first.
void clean_up(const Deployment& deployment, const SetSizes& sets, std::vector<Write>& writes) {
  std::vector<const SetSize*> empty;
  for (const SetSize& set : sets.old) {
    bool settled = json::get_int(set.set.doc(), 0, "status", "observedGeneration") >= set.set.generation();
    if (set.replicas == 0 && set.reported == 0 && settled && !set.set.deleting()) empty.push_back(&set);
  }
  std::sort(empty.begin(), empty.end(), [](const SetSize* a, const SetSize* b) {
    return std::make_pair(a->revision, a->set.created()) < std::make_pair(b->revision, b->set.created());
  });
  int64_t surplus = static_cast<int64_t>(empty.size()) - std::max<int64_t>(0, deployment.history_limit);
  for (int64_t i = 0; i < surplus; ++i) {
    client::DeleteOptions options;
    options.uid = empty[static_cast<size_t>(i)]->set.uid();
    writes.push_back(client::remove(kube::kReplicaSets, empty[static_cast<size_t>(i)]->set.key(),
                                    "delete a set beyond the history limit", options));
  }
}

}  // namespace

Result<DeploymentDecision> plan(const DeploymentObserved& observed, TimePoint now) {
  Deployment deployment(observed.deployment);
  Result<kube::LabelSelector> selector =
      kube::LabelSelector::from_object(json::find(observed.deployment.doc(), "spec", "selector"));
  if (selector && selector->empty())
    selector = fail(Code::kInvalid, "spec.selector: the Deployment selects all pods; a non-empty selector is required");
  if (!selector) {
    Error error = selector.error();
    error.terminal = true;
    return fail(error);
  }
  DeploymentDecision decision;
  decision.claims = claim(observed.deployment, *selector, kube::kReplicaSets, observed.sets);
  SetSizes live = sort_out(observed.deployment, decision.claims.owned);
  SetSizes wanted = live;
  std::optional<Object> made;
  int64_t revision = next_revision(live);

  if (!observed.deployment.deleting()) {
    if (deployment.paused || resized(deployment, live)) {
      spread(deployment, wanted);
    } else if (deployment.recreate) {
      for (SetSize& set : wanted.old) set.replicas = 0;
      if (!any_left(observed, live)) {
        if (wanted.current)
          wanted.current->replicas = deployment.replicas;
        else
          made = new_replica_set(deployment, deployment.replicas, revision);
      }
    } else if (wanted.current) {
      roll(deployment, wanted);
    } else {
      made = new_replica_set(deployment, first_size(deployment, wanted.old), revision);
    }

    if (made) {
      decision.writes.push_back(client::create(kube::kReplicaSets, *made, concat("create set ", made->name())));
      int64_t size = json::get_int(made->doc(), 0, "spec", "replicas");
      if (size > 0) decision.events.push_back(scaled(made->name(), 0, size));
    }
    auto write_set = [&](const SetSize& before, const SetSize& after, std::optional<int64_t> at_revision) {
      if (std::optional<Write> write = settle(deployment, before, after, at_revision))
        decision.writes.push_back(std::move(*write));
      if (before.replicas != after.replicas)
        decision.events.push_back(scaled(before.set.name(), before.replicas, after.replicas));
    };
    // A paused Deployment takes no new template, so its current set keeps its revision.
    if (live.current)
      write_set(*live.current, *wanted.current, deployment.paused ? std::nullopt : std::optional(revision));
    for (size_t i = 0; i < live.old.size(); ++i) write_set(live.old[i], wanted.old[i], std::nullopt);
    if (deployment.paused || finished(deployment)) clean_up(deployment, live, decision.writes);
    bool has_current = made || live.current;
    std::string shown = std::to_string(live.current ? std::max(live.current->revision, revision) : revision);
    if (has_current && !deployment.paused && observed.deployment.annotation(kRevision) != shown)
      decision.writes.push_back(client::merge_patch(
          kube::kDeployments, observed.deployment.key(),
          json::object{{"metadata", json::object{{"annotations", json::object{{kRevision, shown}}}}}},
          concat("note revision ", shown)));
  }

  int64_t pods_wanted = made ? json::get_int(made->doc(), 0, "spec", "replicas") : 0;
  for (const SetSize& set : wanted.old) pods_wanted += set.replicas;
  if (wanted.current) pods_wanted += wanted.current->replicas;
  decision.status = deployment_status({deployment, live, pods_wanted, made ? std::string(made->name()) : ""}, now);
  decision.look_again = progress_deadline(deployment, decision.status);
  return decision;
}

}  // namespace serin::cluster
