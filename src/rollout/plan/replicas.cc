#include "rollout/plan/replicas.h"

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "rollout/plan/steps.h"

namespace serin::rollout {
namespace {

int64_t ceil_percent(int64_t total, int64_t percent) { return (total * percent + 99) / 100; }

int64_t with_minimum(const Rollout& rollout, int64_t pods) {
  int64_t minimum = rollout.canary().min_pods_per_replica_set;
  return pods <= 0 ? 0 : std::min(std::max(pods, minimum), std::max(pods, rollout.replicas()));
}

/// The stable pods that the weights now in force and the wanted one both leave room for.
int64_t dynamic_stable(const Situation& s, int64_t weight) {
  int64_t replicas = s.rollout.replicas();
  int64_t in_force =
      json::get_int(s.rollout.status(), 0, "canary", "weights", "canary", "weight");
  return with_minimum(s.rollout, ceil_percent(replicas, 100 - std::min(weight, in_force)));
}

CanaryCounts routed_counts(const Situation& s) {
  const CanaryStrategy& strategy = s.rollout.canary();
  int64_t replicas = s.rollout.replicas();
  if (s.aborted()) {
    // The canary keeps what it has until its deadline (plan/scaling.cc).
    return {s.newest ? s.newest->wanted : 0, replicas};
  }
  CanaryCounts counts{replicas, replicas};
  if (!s.promoting_fully()) {
    int64_t weight = weight_at(strategy.steps, s.step_index);
    auto scale = canary_scale_at(strategy.steps, s.step_index);
    int64_t share = scale && scale->weight ? *scale->weight : weight;
    counts.canary = scale && scale->replicas
                        ? *scale->replicas
                        : with_minimum(s.rollout, pods_for_weight(replicas, share));
    if (strategy.dynamic_stable_scale) counts.stable = dynamic_stable(s, weight);
  }
  return counts;
}

/// What a side contributes to availability while pods are taken away.
int64_t counted(const ReplicaSet* set, bool ignore_availability) {
  if (!set) return 0;
  if (ignore_availability || set->wanted < set->available) return set->wanted;
  return set->available;
}

}  // namespace

std::optional<int64_t> int_or_percent(const json::value& v, int64_t total, bool round_up) {
  if (auto number = json::as_int(&v)) return *number;
  std::string_view text = json::as_string(&v);
  if (text.ends_with('%')) text.remove_suffix(1);
  auto percent = parse_int<int64_t>(text);
  if (!percent) return std::nullopt;
  return round_up ? ceil_percent(total, *percent) : total * *percent / 100;
}

int64_t max_surge(const Rollout& rollout) {
  const json::value& written = rollout.canary().max_surge;
  return int_or_percent(written.is_null() ? json::value("25") : written, rollout.replicas(), true).value_or(0);
}

int64_t max_unavailable(const Rollout& rollout) {
  const json::value& written = rollout.canary().max_unavailable;
  int64_t pods =
      int_or_percent(written.is_null() ? json::value("25") : written, rollout.replicas(), false).value_or(0);
  if (pods == 0 && max_surge(rollout) == 0) return 1;
  return std::min(pods, rollout.replicas());
}

CanaryCounts nearest_split(int64_t replicas, int64_t weight, bool may_surge) {
  if (replicas <= 0) return {};
  weight = std::clamp<int64_t>(weight, 0, 100);
  if (weight == 0) return {0, replicas};
  if (weight == 100) return {replicas, 0};
  const bool zero_allowed = replicas == 1 && !may_surge;
  const int64_t up = ceil_percent(replicas, weight), down = replicas * weight / 100;
  std::optional<CanaryCounts> best;
  double best_distance = 0;
  auto consider = [&](int64_t canary, int64_t total) {
    CanaryCounts pair{canary, total - canary};
    if (pair.stable < 0 || (!zero_allowed && (pair.canary == 0 || pair.stable == 0))) return;
    double distance =
        std::abs(100.0 * static_cast<double>(canary) / static_cast<double>(total) - static_cast<double>(weight));
    if (best && distance >= best_distance) return;
    best = pair;
    best_distance = distance;
  };
  auto tied = [&](int64_t total) { return (total * weight) % 100 == 50; };
  consider(up, replicas);
  if (!tied(replicas)) consider(down, replicas);
  if (may_surge) {
    consider(up, replicas + 1);
    if (!tied(replicas + 1)) consider(down, replicas + 1);
  }
  return best.value_or(CanaryCounts{0, replicas});
}

int64_t pods_for_weight(int64_t replicas, int64_t weight) { return ceil_percent(replicas, weight); }

CanaryCounts wanted_counts(const Situation& s) {
  int64_t replicas = s.rollout.replicas();
  if (s.promoted() || s.initial() || !s.stable) return {replicas, 0};
  if (s.rollout.canary().routes_traffic()) return routed_counts(s);
  if (s.aborted()) return {0, replicas};
  int64_t weight = s.promoting_fully() ? 100 : weight_at(s.rollout.canary().steps, s.step_index);
  return nearest_split(replicas, weight, max_surge(s.rollout) > 0);
}

CanaryCounts next_basic_counts(const Situation& s) {
  const CanaryCounts wanted = wanted_counts(s);
  const ReplicaSet* stable = s.stable == s.newest ? nullptr : s.stable;
  CanaryCounts next{s.newest ? s.newest->wanted : 0, stable ? stable->wanted : 0};
  int64_t older = 0;
  for (const ReplicaSet* set : s.others) older += set->wanted;

  int64_t room = s.rollout.replicas() + max_surge(s.rollout) - s.sum(&ReplicaSet::wanted);
  auto grow = [&](int64_t& count, int64_t to) {
    int64_t more = std::clamp<int64_t>(to - count, 0, std::max<int64_t>(room, 0));
    count += more;
    room -= more;
  };
  if (stable) grow(next.stable, wanted.stable);
  grow(next.canary, wanted.canary);
  if (older > 0) return next;

  int64_t before = s.newest ? s.newest->wanted : 0;
  bool canary_grows = wanted.canary >= before;
  int64_t spare = counted(s.newest, !canary_grows) + counted(stable, canary_grows) -
                  (s.rollout.replicas() - max_unavailable(s.rollout));
  auto shrink = [&](int64_t& count, int64_t to) {
    int64_t fewer = std::clamp<int64_t>(count - to, 0, std::max<int64_t>(spare, 0));
    count -= fewer;
    spare -= fewer;
  };
  shrink(next.canary, wanted.canary);
  if (stable) shrink(next.stable, wanted.stable);
  return next;
}

int64_t drain_budget(const Situation& s) {
  return std::max<int64_t>(
      0, s.sum(&ReplicaSet::available) - (s.rollout.replicas() - max_unavailable(s.rollout)));
}

int64_t drain_older(const ReplicaSet& set, int64_t& budget) {
  int64_t idle = std::max<int64_t>(set.wanted - set.available, 0);
  int64_t leave = std::min(set.wanted - idle, budget);
  budget -= leave;
  return set.wanted - idle - leave;
}

bool at_wanted_counts(const Situation& s) {
  if (!s.newest) return false;
  const CanaryCounts wanted = wanted_counts(s);
  if (s.newest->wanted != wanted.canary || s.newest->available != wanted.canary) return false;
  const bool routes = s.rollout.canary().routes_traffic();
  if (s.stable && s.stable != s.newest && !(routes && s.rollout.canary().dynamic_stable_scale) &&
      (s.stable->wanted != wanted.stable || s.stable->created != wanted.stable))
    return false;
  if (!routes)
    for (const ReplicaSet* set : s.others)
      if (set->available > 0) return false;
  return true;
}

}  // namespace serin::rollout
