#include "rollout/plan/history.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/resources.h"
#include "rollout/names.h"

namespace serin::rollout {
namespace {

/// The Rollout's annotations that its ReplicaSets don't take over.
bool stays_on_rollout(std::string_view name) {
  for (std::string_view own :
       {std::string_view("kubectl.kubernetes.io/last-applied-configuration"), std::string_view(kRevision),
        std::string_view(kRevisionHistory), std::string_view(kDesiredReplicas)})
    if (name == own) return true;
  return name.starts_with("notified.notifications.argoproj.io");
}

int64_t highest_other(const Situation& s) {
  int64_t highest = 0;
  for (const ReplicaSet& set : s.observed.replica_sets)
    if (&set != s.newest) highest = std::max(highest, set.revision);
  return highest;
}

void write_revision(const Situation& s, Decision& decision) {
  const int64_t revision = newest_revision(s);
  if (s.newest && s.newest->revision != revision) {
    json::value body = json::object();
    json::set(body, {"metadata", "annotations", kRevision}, json::value(std::to_string(revision)));
    if (s.newest->revision > 0) {
      std::string_view past = s.newest->object.annotation(kRevisionHistory);
      json::set(body, {"metadata", "annotations", kRevisionHistory},
                json::value(past.empty() ? std::to_string(s.newest->revision)
                                         : concat(past, ",", s.newest->revision)));
    }
    decision.writes.push_back(client::merge_patch(kube::kReplicaSets, s.newest->object.key(), std::move(body),
                                                  concat("number ReplicaSet ", s.newest->name(), " ", revision)));
  }
  if (s.rollout.object().annotation(kRevision) != std::to_string(revision)) {
    json::value body = json::object();
    json::set(body, {"metadata", "annotations", kRevision}, json::value(std::to_string(revision)));
    decision.writes.push_back(
        client::merge_patch(kube::kRollouts, s.rollout.key(), std::move(body), concat("revision ", revision)));
    decision.notes.push_back({false, "RolloutUpdated", concat("Rollout updated to revision ", revision)});
  }
}

void collect_garbage(const Situation& s, Decision& decision) {
  std::vector<const ReplicaSet*> old = s.others;
  std::sort(old.begin(), old.end(),
            [](const ReplicaSet* a, const ReplicaSet* b) { return a->revision < b->revision; });
  int64_t surplus = static_cast<int64_t>(old.size()) - std::max<int64_t>(s.rollout.history_limit(), 0);
  for (const ReplicaSet* set : old) {
    if (surplus-- <= 0) break;
    int64_t seen = json::get_int(set->object.doc(), 0, "status", "observedGeneration");
    if (set->wanted > 0 || set->created > 0 || seen < set->object.generation()) continue;
    client::DeleteOptions options;
    options.uid = set->object.uid();
    decision.writes.push_back(client::remove(kube::kReplicaSets, set->object.key(),
                                             concat("ReplicaSet ", set->name(), " is beyond revisionHistoryLimit"),
                                             std::move(options)));
  }
}

}  // namespace

Object new_replica_set(const Situation& s) {
  const Rollout& rollout = s.rollout;
  json::value doc = json::object{{"apiVersion", "apps/v1"}, {"kind", "ReplicaSet"}};
  json::object annotations;
  if (const json::object* own = json::find_object(rollout.doc(), "metadata", "annotations"))
    for (const auto& [name, value] : *own)
      if (!stays_on_rollout(name)) annotations[name] = value;
  annotations[kRevision] = std::to_string(newest_revision(s));
  annotations[kDesiredReplicas] = std::to_string(rollout.replicas());

  json::value pod_template = rollout.pod_template();
  json::object& labels = json::ensure_object(pod_template, {"metadata", "labels"});
  labels[kHashLabel] = s.new_hash;
  json::value selector = json::object();
  if (const json::value* own = json::find(rollout.doc(), "spec", "selector"); own && own->is_object())
    selector = *own;
  json::set(selector, {"matchLabels", kHashLabel}, json::value(s.new_hash));

  doc.get_object()["metadata"] = json::object{
      {"name", concat(rollout.name(), "-", s.new_hash)},
      {"namespace", rollout.key().ns},
      {"labels", labels},
      {"annotations", std::move(annotations)},
      {"ownerReferences", json::array{kube::controller_reference(rollout.object())}}};
  json::object spec{{"replicas", 0}, {"selector", std::move(selector)}, {"template", std::move(pod_template)}};
  if (rollout.min_ready_seconds() > 0) spec["minReadySeconds"] = rollout.min_ready_seconds();
  doc.get_object()["spec"] = std::move(spec);
  return Object(std::move(doc));
}

int64_t newest_revision(const Situation& s) {
  int64_t others = highest_other(s);
  return s.newest && s.newest->revision > others ? s.newest->revision : others + 1;
}

void plan_history(const Situation& s, Decision& decision) {
  if (!s.newest) {
    Object made = new_replica_set(s);
    std::string name(made.name());
    decision.writes.push_back(client::create(kube::kReplicaSets, std::move(made), "a new pod template"));
    decision.notes.push_back(
        {false, "NewReplicaSetCreated", concat("Created ReplicaSet ", name, " (revision ", newest_revision(s), ")")});
  }
  write_revision(s, decision);
  collect_garbage(s, decision);
}

}  // namespace serin::rollout
