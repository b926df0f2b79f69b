#include "rollout/plan/situation.h"

#include <algorithm>

#include "rollout/plan/pod_template.h"

namespace serin::rollout {
namespace {

/// The ReplicaSet of the template: the one the status names where its template still is the same, then one with
/// the label that the hash gives, then the oldest with an equal template (made by another controller). Never by
/// the label alone: a hash that differs does not mean that the template has changed, nor the reverse.
const ReplicaSet* find_newest(const std::vector<const ReplicaSet*>& sets, const json::value& pod_template,
                              const std::string& current, const std::string& computed) {
  auto equal = [&](const ReplicaSet* set) {
    const json::value* own = json::find(set->object.doc(), "spec", "template");
    return own && normalized_template(*own) == pod_template;
  };
  for (const std::string& hash : {current, computed})
    for (const ReplicaSet* set : sets)
      if (!hash.empty() && set->hash == hash && equal(set)) return set;
  for (const ReplicaSet* set : sets)
    if (set->hash != current && set->hash != computed && equal(set)) return set;
  return nullptr;
}

}  // namespace

Situation::Situation(const Observed& seen, TimePoint at)
    : observed(seen), rollout(seen.rollout), now(at), pod_template(normalized_template(rollout.pod_template())) {
  std::vector<const ReplicaSet*> sets;
  for (const ReplicaSet& set : observed.replica_sets)
    if (!set.object.deleting()) sets.push_back(&set);
  std::sort(sets.begin(), sets.end(), [](const ReplicaSet* a, const ReplicaSet* b) {
    auto age = [](const ReplicaSet* s) { return s->object.created().value_or(TimePoint()); };
    return std::pair(age(a), a->object.name()) < std::pair(age(b), b->object.name());
  });
  int64_t collisions = json::get_int(rollout.status(), 0, "collisionCount");
  std::string computed = pod_template_hash(pod_template, collisions);
  newest = find_newest(sets, pod_template, rollout.current_hash(), computed);
  new_hash = newest ? newest->hash : computed;
  stable_hash = rollout.stable_hash();
  for (const ReplicaSet* set : sets) {
    if (set->hash == stable_hash) stable = set;
    if (set != newest && set->hash != stable_hash) others.push_back(set);
  }
  step_index = std::clamp<int64_t>(rollout.step_index().value_or(initial() || promoted() ? steps() : 0), 0, steps());
}

const Step* Situation::step() const {
  return all_steps_done() ? nullptr : &rollout.canary().steps[static_cast<size_t>(step_index)];
}

const ReplicaSet* Situation::by_hash(const std::string& hash) const {
  if (newest && newest->hash == hash) return newest;
  if (stable && stable->hash == hash) return stable;
  for (const ReplicaSet* set : others)
    if (set->hash == hash) return set;
  return nullptr;
}

int64_t Situation::sum(int64_t ReplicaSet::*count) const {
  int64_t total = newest ? newest->*count : 0;
  if (stable && stable != newest) total += stable->*count;
  for (const ReplicaSet* set : others) total += set->*count;
  return total;
}

}  // namespace serin::rollout
