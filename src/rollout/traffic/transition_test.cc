#include "rollout/traffic/transition.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace serin::rollout {
namespace {

const HeaderRoute kLane{"lane", {{"lane", "exact", "test-v2"}}};

Routing routing(std::string stable, std::string canary, int64_t weight, bool lane = false) {
  Routing r{std::move(stable), std::move(canary), weight, {}};
  if (lane) r.header_routes.push_back(kLane);
  return r;
}

Confirmation settled() { return {Ack::kYes, Ack::kYes, "", "", {}}; }
Confirmation routes_pending() { return {Ack::kNotYet, Ack::kYes, "1/3 proxies", "VirtualService demo/p", {}}; }
Confirmation subsets_pending() { return {Ack::kYes, Ack::kNotYet, "1/3 proxies", "DestinationRule demo/p", {}}; }

TransitionLimits all_there() {
  return {[](const std::string&) { return PodCount{4, true}; }, [](int64_t) { return true; }, true};
}
TransitionLimits only(std::map<std::string, PodCount> pods) {
  return {[pods](const std::string& hash) {
            auto found = pods.find(hash);
            return found == pods.end() ? PodCount{} : found->second;
          },
          [](int64_t) { return true; }, true};
}

struct Row {
  const char* name;
  Routing now, target;
  Confirmation confirmation;
  Routing next;
};

TEST(Transition, DoesOneSafeThing) {
  for (const Row& row : std::vector<Row>{
           {"nothing to do", routing("a", "b", 5), routing("a", "b", 5), settled(), routing("a", "b", 5)},
           {"a weight", routing("a", "b", 5), routing("a", "b", 50), settled(), routing("a", "b", 50)},
           {"a weight while an older one is on its way", routing("a", "b", 5), routing("a", "b", 0), routes_pending(),
            routing("a", "b", 0)},
           {"no weight while subsets are on their way", routing("a", "b", 5), routing("a", "b", 50),
            subsets_pending(), routing("a", "b", 5)},
           {"the canary subset first, at weight 0", routing("a", "a", 0), routing("a", "b", 5), settled(),
            routing("a", "b", 0)},
           {"not while the 0 is unconfirmed", routing("a", "c", 0), routing("a", "b", 5), routes_pending(),
            routing("a", "c", 0)},
           {"a superseded canary drains", routing("a", "b", 50, true), routing("a", "c", 5), settled(),
            routing("a", "b", 0)},
           {"promotion: all to the canary", routing("a", "b", 50), routing("b", "b", 0), settled(),
            routing("a", "b", 100)},
           {"promotion: not before all have that", routing("a", "b", 100), routing("b", "b", 0), routes_pending(),
            routing("a", "b", 100)},
           {"promotion: then the stable subset", routing("a", "b", 100, true), routing("b", "b", 0), settled(),
            routing("b", "b", 100, true)},
           {"promotion: not before all have the subset", routing("b", "b", 100), routing("b", "b", 0),
            subsets_pending(), routing("b", "b", 100)},
           {"promotion: then back to stable, without the lane", routing("b", "b", 100, true), routing("b", "b", 0),
            settled(), routing("b", "b", 0)},
           {"a third version during promotion finishes it first", routing("a", "b", 100), routing("b", "c", 0),
            settled(), routing("b", "b", 100)},
           {"adoption narrows both", routing("", "", 0), routing("a", "a", 0), settled(), routing("a", "", 0)},
           {"disagreeing weights are set", routing("a", "b", -1), routing("a", "b", 5), settled(),
            routing("a", "b", 5)},
       }) {
    EXPECT_EQ(next_routing(row.now, row.target, row.confirmation, all_there()).next, row.next) << row.name;
  }
}

TEST(Transition, NeverPointsAtMissingPods) {
  auto next = [](Routing now, Routing target, std::map<std::string, PodCount> pods) {
    return next_routing(now, target, settled(), only(std::move(pods)));
  };
  Transition no_canary = next(routing("a", "a", 0), routing("a", "b", 5), {{"a", {4, true}}});
  EXPECT_EQ(no_canary.next, routing("a", "a", 0));
  EXPECT_EQ(no_canary.waits_for, "pods of b");
  EXPECT_EQ(next(routing("a", "b", 5), routing("a", "b", 50), {{"a", {4, true}}}).next, routing("a", "b", 5));
  EXPECT_EQ(next(routing("a", "b", 5), routing("a", "b", 0), {{"a", {4, true}}}).next, routing("a", "b", 0));
  EXPECT_EQ(next(routing("a", "b", 5), routing("a", "b", 0), {{"b", {1, true}}}).next, routing("a", "b", 5));
  EXPECT_EQ(next(routing("", "", 0), routing("a", "a", 0), {{"a", {3, false}}}).next, routing("", "a", 0));
  EXPECT_EQ(next(routing("a", "b", 100), routing("b", "b", 0), {{"a", {4, true}}, {"b", {3, false}}}).next,
            routing("a", "b", 100));
}

/// Proxies that may have any mixture of what was written since the last confirmation never send a request to a
/// hash without pods, from any state to any target, and the target is reached.
RC_GTEST_PROP(Transition, LosesNothingAndArrives, ()) {
  auto hash = [] { return std::string(1, *rc::gen::inRange('a', 'd')); };
  Routing now = routing(hash(), hash(), *rc::gen::inRange<int64_t>(0, 101), *rc::gen::arbitrary<bool>());
  std::vector<Routing> routes{now}, subsets{now};  // what proxies may have of each object
  for (int targets = 0; targets < 3; ++targets) {
    Routing target = routing(hash(), hash(), *rc::gen::inRange<int64_t>(0, 101), *rc::gen::arbitrary<bool>());
    if (target.stable_hash == target.canary_hash) target = routing(target.stable_hash, target.stable_hash, 0);
    int rounds = *rc::gen::inRange(1, 40);
    if (targets == 2) rounds = 60;  // the last one must be reached
    for (int i = 0; i < rounds; ++i) {
      if (targets == 2 ? i % 2 == 0 : *rc::gen::arbitrary<bool>()) routes = {now};
      if (targets == 2 ? i % 3 == 0 : *rc::gen::arbitrary<bool>()) subsets = {now};
      Confirmation confirmation{routes.size() == 1 ? Ack::kYes : Ack::kNotYet,
                                subsets.size() == 1 ? Ack::kYes : Ack::kNotYet, "", "", {}};
      Routing next = next_routing(now, target, confirmation, all_there()).next;
      RC_ASSERT(next.canary_weight >= 0 && next.canary_weight <= 100);
      bool weights = next.canary_weight != now.canary_weight || next.header_routes != now.header_routes;
      bool labels = next.stable_hash != now.stable_hash || next.canary_hash != now.canary_hash;
      RC_ASSERT(!(weights && labels));
      if (next.canary_hash != now.canary_hash)  // in no proxy does anything go there
        for (const Routing& seen : routes) RC_ASSERT(!seen.canary_in_use());
      if (weights) RC_ASSERT(subsets.size() == 1u);
      now = next;
      if (weights) routes.push_back(now);
      if (labels) subsets.push_back(now);
    }
    if (targets == 2) RC_ASSERT(now == target);
  }
}

TEST(Transition, ServicesAloneFollowThePods) {
  TransitionLimits limits = only({{"a", {2, true}}, {"b", {1, false}}});
  limits.weighted = false;
  EXPECT_EQ(next_routing(routing("a", "a", 0), routing("a", "b", 0), settled(), limits).next, routing("a", "b", 0));
  EXPECT_EQ(next_routing(routing("", "a", 0), routing("b", "a", 0), settled(), limits).next, routing("", "a", 0));
  EXPECT_EQ(next_routing(routing("a", "a", 0), routing("c", "c", 0), settled(), limits).next, routing("a", "a", 0));
}

}  // namespace
}  // namespace serin::rollout
