#include "cluster/deployment_scaling.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace serin::cluster {
namespace {

template <class Field>
int64_t sum(const std::vector<SetSize>& sets, Field SetSize::*field) {
  int64_t total = 0;
  for (const SetSize& set : sets) total += set.*field;
  return total;
}

void grow_current(const Deployment& deployment, SetSizes& sets) {
  SetSize& current = *sets.current;
  if (current.replicas >= deployment.replicas) {
    current.replicas = deployment.replicas;
    return;
  }
  // Pods that a set was told to delete and still has take room, too.
  int64_t room = deployment.most() - std::max(current.replicas, current.reported);
  for (const SetSize& set : sets.old) room -= std::max(set.replicas, set.reported);
  if (room > 0) current.replicas += std::min(room, deployment.replicas - current.replicas);
}

void shrink_old(const Deployment& deployment, SetSizes& sets, int64_t current_before) {
  const SetSize& current = *sets.current;
  int64_t all = current_before + sum(sets.old, &SetSize::replicas);
  int64_t current_missing = current_before - std::min(current_before, current.available);
  int64_t may_go = all - deployment.least_available() - current_missing;
  // What is not available serves nobody: it goes first.
  for (SetSize& set : sets.old) {
    int64_t broken = std::min(std::max<int64_t>(0, may_go), set.replicas - std::min(set.replicas, set.available));
    set.replicas -= broken;
    may_go -= broken;
  }
  if (may_go <= 0) return;
  int64_t available = std::min(current_before, current.available);
  for (const SetSize& set : sets.old) available += std::min(set.replicas, set.available);
  int64_t spare = std::min(may_go, available - deployment.least_available());
  for (SetSize& set : sets.old) {
    int64_t gone = std::min(std::max<int64_t>(0, spare), set.replicas);
    set.replicas -= gone;
    spare -= gone;
  }
}

std::vector<SetSize*> all_sets(SetSizes& sets) {
  std::vector<SetSize*> all;
  for (SetSize& set : sets.old) all.push_back(&set);
  if (sets.current) all.push_back(&*sets.current);
  return all;
}

/// The only set with pods, or the newest where none has.
SetSize* sole_set(SetSizes& sets) {
  std::vector<SetSize*> active;
  for (SetSize* set : all_sets(sets))
    if (set->replicas > 0) active.push_back(set);
  if (active.size() == 1) return active.front();
  if (!active.empty()) return nullptr;
  if (sets.current) return &*sets.current;
  return sets.old.empty() ? nullptr : &sets.old.back();
}

}  // namespace

void roll(const Deployment& deployment, SetSizes& sets) {
  if (!sets.current) return;
  int64_t current_before = sets.current->replicas;
  grow_current(deployment, sets);
  shrink_old(deployment, sets, std::min(current_before, sets.current->replicas));
}

bool resized(const Deployment& deployment, const SetSizes& sets) {
  auto changed = [&](const SetSize& set) {
    std::optional<int64_t> noted = parse_int<int64_t>(set.set.annotation(kDesiredReplicas));
    return set.replicas > 0 && noted && *noted != deployment.replicas;
  };
  return (sets.current && changed(*sets.current)) || std::any_of(sets.old.begin(), sets.old.end(), changed);
}

void spread(const Deployment& deployment, SetSizes& sets) {
  if (SetSize* sole = sole_set(sets)) {
    sole->replicas = deployment.replicas;
    return;
  }
  const auto& current = sets.current;
  if (current && current->replicas == deployment.replicas && current->available == deployment.replicas) {
    for (SetSize& set : sets.old) set.replicas = 0;
    return;
  }
  if (deployment.recreate) return;
  std::vector<SetSize*> active;
  for (SetSize* set : all_sets(sets))
    if (set->replicas > 0) active.push_back(set);
  int64_t total = 0;
  for (SetSize* set : active) total += set->replicas;
  int64_t left = deployment.most() - total;
  if (left == 0) return;
  std::stable_sort(active.begin(), active.end(), [&](const SetSize* a, const SetSize* b) {
    if (a->replicas != b->replicas) return a->replicas > b->replicas;
    // Growing prefers the newer set, shrinking the older.
    return left > 0 ? a->set.created() > b->set.created() : a->set.created() < b->set.created();
  });
  for (SetSize* set : active) {
    int64_t share = -set->replicas;
    if (deployment.replicas > 0) {
      int64_t most_before = parse_int<int64_t>(set->set.annotation(kMaxReplicas)).value_or(total);
      double size = static_cast<double>(set->replicas * deployment.most()) / static_cast<double>(std::max<int64_t>(1, most_before));
      share = static_cast<int64_t>(std::llround(size)) - set->replicas;
    }
    share = left > 0 ? std::clamp<int64_t>(share, 0, left) : std::clamp<int64_t>(share, left, 0);
    set->replicas = std::max<int64_t>(0, set->replicas + share);
    left -= share;
  }
  active.front()->replicas = std::max<int64_t>(0, active.front()->replicas + left);
}

int64_t first_size(const Deployment& deployment, const std::vector<SetSize>& old) {
  if (deployment.recreate) return deployment.replicas;
  int64_t room = deployment.most() - sum(old, &SetSize::replicas);
  return std::clamp<int64_t>(room, 0, deployment.replicas);
}

}  // namespace serin::cluster
