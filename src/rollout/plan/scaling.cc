#include "rollout/plan/scaling.h"

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "kube/resources.h"
#include "rollout/names.h"
#include "rollout/plan/look_again.h"
#include "rollout/plan/replicas.h"

namespace serin::rollout {
namespace {

constexpr Duration kDefaultDelay = std::chrono::seconds(30);

class Scaler {
 public:
  Scaler(const Situation& s, const TrafficPlan& traffic, Decision& decision)
      : s_(s), traffic_(traffic), decision_(decision) {}

  void run() {
    if (!s_.newest || s_.rollout.paused()) return;
    if (s_.rollout.canary().routes_traffic()) routed();
    else basic();
  }

 private:
  void routed() {
    const CanaryCounts wanted = wanted_counts(s_);
    if (s_.stable && s_.stable != s_.newest) {
      // Taking stable pods away follows the weights, and only dynamicStableScale asks for it.
      bool shrinks = wanted.stable < s_.stable->wanted;
      if (!shrinks || !s_.rollout.canary().dynamic_stable_scale || traffic_.reached())
        keep(*s_.stable, wanted.stable);
    }
    if (s_.aborted()) {
      abandon(*s_.newest);
    } else if (wanted.canary >= s_.newest->wanted || s_.promoted() || s_.initial() || traffic_.reached()) {
      keep(*s_.newest, wanted.canary);
    }
    for (const ReplicaSet* set : s_.others) retire(*set);
  }

  void basic() {
    const CanaryCounts next = next_basic_counts(s_);
    if (s_.stable && s_.stable != s_.newest) keep(*s_.stable, next.stable);
    keep(*s_.newest, next.canary);
    int64_t budget = drain_budget(s_);
    for (const ReplicaSet* set : s_.others) {
      if (set->wanted == 0) continue;
      if (traffic_.current.stable_hash == set->hash && !traffic_.current.stable_hash.empty()) continue;
      scale(*set, drain_older(*set, budget));
    }
  }

  /// A ReplicaSet in use: any deadline is off.
  void keep(const ReplicaSet& set, int64_t count) {
    if (set.wanted != count || set.deadline) scale(set, count);
  }

  /// The canary of an aborted release.
  void abandon(const ReplicaSet& set) {
    auto delay = s_.rollout.canary().abort_scale_down_delay;
    if (set.wanted == 0 || !delay) return;
    bool stable_full = s_.stable && s_.stable->available >= s_.rollout.replicas();
    if (!stable_full || !traffic_.released(set.hash)) return;
    leave(set, *delay);
  }

  /// An older ReplicaSet: it leaves when no proxy sends anything to it, after the delay.
  void retire(const ReplicaSet& set) {
    if (set.wanted == 0) return;
    if (set.available == 0 && (s_.initial() || traffic_.released(set.hash))) return scale(set, 0);
    if (s_.initial() || !traffic_.released(set.hash)) return;
    if (beyond_limit(set)) return scale(set, 0);
    leave(set, s_.rollout.canary().scale_down_delay.value_or(kDefaultDelay));
  }

  bool beyond_limit(const ReplicaSet& set) const {
    auto limit = s_.rollout.canary().scale_down_delay_revision_limit;
    if (!limit) return false;
    int64_t newer = std::count_if(s_.others.begin(), s_.others.end(), [&](const ReplicaSet* other) {
      return other->wanted > 0 && other->revision > set.revision;
    });
    return newer >= *limit;
  }

  void leave(const ReplicaSet& set, Duration delay) {
    if (set.deadline ? *set.deadline <= s_.now : delay <= Duration::zero()) return scale(set, 0);
    if (!set.deadline) {
      std::string deadline = format_time(s_.now + delay + std::chrono::milliseconds(999));
      json::value body = json::object();
      json::set(body, {"metadata", "annotations", kScaleDownDeadline}, json::value(deadline));
      decision_.writes.push_back(client::merge_patch(kube::kReplicaSets, set.object.key(), std::move(body),
                                                     concat("let ReplicaSet ", set.name(), " go at ", deadline)));
      look_again_at(decision_, parse_time(deadline).value_or(s_.now + delay));
    } else {
      look_again_at(decision_, *set.deadline);
    }
  }

  void scale(const ReplicaSet& set, int64_t count) {
    if (set.wanted == count && !set.deadline) return;
    json::array patch;
    bool written = json::find(set.object.doc(), "spec", "replicas") != nullptr;
    if (written)
      patch.push_back(json::object{{"op", "test"}, {"path", "/spec/replicas"}, {"value", set.wanted}});
    patch.push_back(json::object{{"op", "add"}, {"path", "/spec/replicas"}, {"value", count}});
    if (set.deadline)
      patch.push_back(json::object{{"op", "remove"}, {"path", concat("/metadata/annotations/", kScaleDownDeadline)}});
    if (json::find_object(set.object.doc(), "metadata", "annotations"))
      patch.push_back(json::object{{"op", "add"},
                                   {"path", "/metadata/annotations/rollout.argoproj.io~1desired-replicas"},
                                   {"value", std::to_string(s_.rollout.replicas())}});
    decision_.writes.push_back(client::json_patch(kube::kReplicaSets, set.object.key(), std::move(patch),
                                                  concat("scale ReplicaSet ", set.name(), " to ", count)));
    if (set.wanted != count)
      decision_.notes.push_back({false, "ScalingReplicaSet",
                                 concat("Scaled ", count > set.wanted ? "up" : "down", " ReplicaSet ", set.name(),
                                        " (revision ", set.revision, ") from ", set.wanted, " to ", count)});
  }

  const Situation& s_;
  const TrafficPlan& traffic_;
  Decision& decision_;
};

}  // namespace

void plan_scaling(const Situation& s, const TrafficPlan& traffic, Decision& decision) {
  Scaler(s, traffic, decision).run();
}

}  // namespace serin::rollout
