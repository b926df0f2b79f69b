#include "rollout/plan/replicas.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "rollout/names.h"
#include "rollout/plan/pod_template.h"
#include "rollout/testing/objects.h"

namespace serin::rollout {
namespace {

using testing::weight_rollout;

ReplicaSet replica_set(const json::value& rollout, const std::string& version, const std::string& hash,
                       int64_t wanted, int64_t available) {
  json::value doc = json::object{{"kind", "ReplicaSet"}};
  json::set(doc, {"metadata", "name"}, json::value("provider-" + hash));
  json::set(doc, {"metadata", "labels", kHashLabel}, json::value(hash));
  json::set(doc, {"spec", "replicas"}, wanted);
  json::set(doc, {"spec", "template"}, *json::find(rollout, "spec", "template"));
  json::set(doc, {"spec", "template", "metadata", "labels", "version"}, json::value(version));
  json::set(doc, {"status", "replicas"}, wanted);
  json::set(doc, {"status", "availableReplicas"}, available);
  return ReplicaSet(Object(std::move(doc)));
}

/// A release from v1 (hash "old") to v2 (hash "new") without traffic routing unless `routed`.
Observed release(int replicas, const std::string& steps, int64_t index, bool routed = false) {
  json::value doc = weight_rollout(replicas, steps);
  if (!routed) json::erase(doc, {"spec", "strategy", "canary", "trafficRouting"});
  json::set(doc, {"spec", "template", "metadata", "labels", "version"}, json::value("v2"));
  json::set(doc, {"status"}, json::object{{"stableRS", "old"}, {"currentPodHash", "new"}, {"currentStepIndex", index}});
  Observed observed;
  observed.rollout = Rollout(Object(doc));
  return observed;
}

void add(Observed& observed, const std::string& version, const std::string& hash, int64_t wanted,
         int64_t available) {
  observed.replica_sets.push_back(replica_set(observed.rollout.doc(), version, hash, wanted, available));
}

TEST(NearestSplit, EqualsArgoRollouts) {
  struct Row {
    int64_t replicas, weight;
    bool surge;
    CanaryCounts want;
  };
  for (const Row& row : std::vector<Row>{
           {10, 0, true, {0, 10}},
           {10, 100, true, {10, 0}},
           {10, 20, true, {2, 8}},
           {1, 20, true, {1, 1}},   // one pod more, so that both sides have one
           {1, 20, false, {0, 1}},  // nothing nearer is possible
           {1, 80, false, {1, 0}},
           {5, 1, false, {1, 4}},   // never 0 for a weight above 0
           {5, 99, false, {4, 1}},
           {4, 50, true, {2, 2}},
           {3, 50, false, {2, 1}},  // a tie rounds up
           {0, 50, true, {0, 0}},
       }) {
    EXPECT_EQ(nearest_split(row.replicas, row.weight, row.surge), row.want)
        << row.replicas << " at " << row.weight << (row.surge ? " with surge" : "");
  }
}

RC_GTEST_PROP(NearestSplit, IsNoFurtherThanOnePodFromTheWeight, ()) {
  auto replicas = *rc::gen::inRange<int64_t>(2, 200);
  auto weight = *rc::gen::inRange<int64_t>(1, 100);
  bool surge = *rc::gen::arbitrary<bool>();
  CanaryCounts split = nearest_split(replicas, weight, surge);
  int64_t total = split.canary + split.stable;
  RC_ASSERT(total == replicas || (surge && total == replicas + 1));
  RC_ASSERT(split.canary > 0 && split.stable > 0);
  double ideal = static_cast<double>(total * weight) / 100;
  RC_ASSERT(std::abs(static_cast<double>(split.canary) - ideal) <= 1.0);
}

RC_GTEST_PROP(PodsForWeight, CoverTheWeightWithLessThanOnePodTooMany, ()) {
  auto replicas = *rc::gen::inRange<int64_t>(0, 500);
  auto weight = *rc::gen::inRange<int64_t>(0, 101);
  int64_t pods = pods_for_weight(replicas, weight);
  RC_ASSERT(pods * 100 >= replicas * weight);
  RC_ASSERT((pods - 1) * 100 < replicas * weight);
}

/// Whatever pods there are: within surge, never below what may be unavailable, and it arrives.
RC_GTEST_PROP(BasicCounts, StayWithinLimitsAndArrive, ()) {
  auto replicas = *rc::gen::inRange(1, 30);
  auto weight = *rc::gen::inRange(0, 101);
  Observed start = release(replicas, "[{\"setWeight\": " + std::to_string(weight) + "}, {\"pause\": {}}]", 1);
  int64_t canary = 0, stable = replicas;
  for (int round = 0; round < 200; ++round) {
    Observed observed = start;
    add(observed, "v2", "new", canary, canary);
    add(observed, "v1", "old", stable, stable);
    Situation s(observed, TimePoint());
    RC_ASSERT(s.newest != nullptr && s.newest->hash == "new");
    CanaryCounts next = next_basic_counts(s);
    RC_ASSERT(next.canary >= 0 && next.stable >= 0);
    RC_ASSERT(next.canary + next.stable <= replicas + max_surge(observed.rollout));
    RC_ASSERT(next.canary + next.stable >= replicas - max_unavailable(observed.rollout));
    if (next == CanaryCounts{canary, stable}) {
      RC_ASSERT(next == wanted_counts(s));
      return;
    }
    canary = next.canary;
    stable = next.stable;
  }
  RC_FAIL("does not arrive");
}

TEST(Limits, AreCountsOrPercentages) {
  auto with = [](const char* surge, const char* unavailable, int replicas) {
    json::value doc = weight_rollout(replicas);
    json::set(doc, {"spec", "strategy", "canary", "maxSurge"}, testing::parse(surge));
    json::set(doc, {"spec", "strategy", "canary", "maxUnavailable"}, testing::parse(unavailable));
    return Rollout(Object(doc));
  };
  EXPECT_EQ(max_surge(Rollout(Object(weight_rollout(5)))), 2);        // 25 % of 5, up
  EXPECT_EQ(max_unavailable(Rollout(Object(weight_rollout(5)))), 1);  // 25 % of 5, down
  EXPECT_EQ(max_surge(with("3", "0", 10)), 3);
  EXPECT_EQ(max_surge(with("\"15%\"", "0", 10)), 2);
  EXPECT_EQ(max_surge(with("\"15\"", "0", 10)), 2);  // a string is a percentage, with the sign or without
  EXPECT_EQ(max_unavailable(with("0", "\"5%\"", 10)), 1);
}

TEST(WantedCounts, FollowTheStepWithTrafficRouting) {
  auto wanted = [](int replicas, const std::string& steps, int64_t index) {
    Observed observed = release(replicas, steps, index, true);
    add(observed, "v2", "new", 0, 0);
    add(observed, "v1", "old", replicas, replicas);
    return wanted_counts(Situation(observed, TimePoint()));
  };
  const std::string steps = R"([{"setCanaryScale": {"replicas": 3}}, {"setWeight": 5},
                                {"setCanaryScale": {"weight": 50}}, {"pause": {}},
                                {"setCanaryScale": {"matchTrafficWeight": true}}, {"setWeight": 21}])";
  EXPECT_EQ(wanted(10, steps, 0), (CanaryCounts{3, 10}));
  EXPECT_EQ(wanted(10, steps, 1), (CanaryCounts{3, 10}));
  EXPECT_EQ(wanted(10, steps, 2), (CanaryCounts{5, 10}));
  EXPECT_EQ(wanted(10, steps, 3), (CanaryCounts{5, 10}));
  EXPECT_EQ(wanted(10, steps, 4), (CanaryCounts{1, 10}));
  EXPECT_EQ(wanted(10, steps, 5), (CanaryCounts{3, 10}));
  EXPECT_EQ(wanted(10, steps, 6), (CanaryCounts{10, 10}));
}

TEST(AtWantedCounts, NeedsEveryPod) {
  auto at = [](int64_t wanted, int64_t available) {
    Observed observed = release(10, R"([{"setWeight": 20}, {"pause": {}}])", 0, true);
    add(observed, "v2", "new", wanted, available);
    add(observed, "v1", "old", 10, 10);
    return at_wanted_counts(Situation(observed, TimePoint()));
  };
  EXPECT_TRUE(at(2, 2));
  EXPECT_FALSE(at(2, 1));
  EXPECT_FALSE(at(1, 1));
}

TEST(NewestReplicaSet, IsFoundByTemplateAndNeverByLabelAlone) {
  Observed observed = release(1, "[]", 0);
  add(observed, "v1", "new", 1, 1);    // carries the status' hash, but another template
  add(observed, "v2", "taken", 1, 1);  // made by another controller with another hash
  Situation s(observed, TimePoint());
  ASSERT_NE(s.newest, nullptr);
  EXPECT_EQ(s.new_hash, "taken");
}

TEST(PodTemplateHash, IgnoresDefaultsAndTheHashLabel) {
  json::value plain = *json::find(weight_rollout(), "spec", "template");
  json::value written = plain;
  json::set(written, {"spec", "restartPolicy"}, json::value("Always"));
  json::set(written, {"metadata", "labels", kHashLabel}, json::value("abc"));
  json::set(written, {"metadata", "creationTimestamp"}, nullptr);
  EXPECT_EQ(pod_template_hash(normalized_template(plain)), pod_template_hash(normalized_template(written)));
  json::set(written, {"metadata", "labels", "version"}, json::value("v2"));
  EXPECT_NE(pod_template_hash(normalized_template(plain)), pod_template_hash(normalized_template(written)));
  EXPECT_NE(pod_template_hash(normalized_template(plain)), pod_template_hash(normalized_template(plain), 1));
}

}  // namespace
}  // namespace serin::rollout
