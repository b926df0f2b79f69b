// The real controller on the in-memory API, minutes of release in milliseconds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/resources.h"
#include "rollout/names.h"
#include "rollout/testing/cluster.h"
#include "rollout/verbs.h"

namespace serin::rollout::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using std::chrono::minutes;
using std::chrono::seconds;

class WeightStory : public ::testing::TestWithParam<uint64_t> {
 protected:
  explicit WeightStory(ClusterOptions options = {}) : cluster(GetParam(), options) {}

  void deploy(int replicas = 4) {
    cluster.create(kube::kServices, service("provider"));
    cluster.create(kube::kVirtualServices, subset_virtual_service());
    cluster.create(kube::kDestinationRules, subset_rule());
    cluster.create(kube::kRollouts, weight_rollout(replicas));
    ASSERT_TRUE(cluster.until_phase("Healthy"));
    ASSERT_TRUE(cluster.run_until([&] { return !cluster.subset_hash("stable").empty(); }));
    cluster.run_for(seconds(10));
  }

  Cluster cluster;
};

TEST_P(WeightStory, FirstDeploymentNarrowsTheSubsetsAndKeepsTheRest) {
  deploy();
  std::string hash = cluster.rollout().stable_hash();
  EXPECT_EQ(cluster.subset_hash("stable"), hash);
  EXPECT_EQ(cluster.subset_hash("canary"), hash);
  EXPECT_EQ(cluster.weight("stable"), 100);
  json::value rule = cluster.get(kube::kDestinationRules, "provider").doc();
  EXPECT_EQ(json::get_string(rule, "metadata", "annotations", kManagedBy), "provider");
  EXPECT_EQ(json::items(rule, "spec", "subsets").size(), 3u);
  EXPECT_EQ(json::get_int(rule, 0, "spec", "trafficPolicy", "connectionPool", "http", "maxRetries"), 3);
  EXPECT_EQ(cluster.rollout().step_index(), 4);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(WeightStory, PlaysTheDocumentedWeights) {
  deploy();
  std::string v1 = cluster.rollout().stable_hash();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  TimePoint first_pause = cluster.clock.now();
  std::string v2 = cluster.rollout().current_hash();
  EXPECT_NE(v1, v2);
  EXPECT_EQ(cluster.rollout().step_index(), 1);
  EXPECT_EQ(cluster.weight("canary"), 5);
  EXPECT_EQ(cluster.weight("stable"), 95);
  EXPECT_EQ(cluster.subset_hash("canary"), v2);
  EXPECT_EQ(cluster.subset_hash("stable"), v1);
  EXPECT_EQ(cluster.set_of("v2").available, 1);
  EXPECT_TRUE(json::get_bool(cluster.rollout().status(), false, "canary", "weights", "verified"));

  ASSERT_TRUE(cluster.run_until([&] { return cluster.weight("canary") == 50; }, minutes(20)));
  EXPECT_EQ(cluster.set_of("v2").available, 2);  // the pods come before the traffic
  ASSERT_TRUE(cluster.until_step(3));
  EXPECT_GE(cluster.clock.now() - first_pause, minutes(10));
  EXPECT_EQ(cluster.weight("canary"), 50);
  EXPECT_EQ(cluster.set_of("v2").available, 2);

  ASSERT_TRUE(cluster.until_phase("Healthy"));
  EXPECT_GE(cluster.clock.now() - first_pause, minutes(20));
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.rollout().stable_hash(), v2);
  EXPECT_EQ(cluster.rollout().step_index(), 4);
  EXPECT_EQ(cluster.weight("canary"), 0);
  EXPECT_EQ(cluster.weight("stable"), 100);
  EXPECT_EQ(cluster.subset_hash("stable"), v2);
  EXPECT_EQ(cluster.subset_hash("canary"), v2);
  EXPECT_EQ(cluster.set_of("v1").created, 0);
  EXPECT_EQ(cluster.set_of("v2").available, 4);
  EXPECT_THAT(cluster.losses(), IsEmpty());
  for (const char* reason : {"RolloutUpdated", "NewReplicaSetCreated", "ScalingReplicaSet", "RolloutStepCompleted",
                             "RolloutPaused", "RolloutCompleted", "RolloutNotCompleted"})
    EXPECT_THAT(cluster.event_reasons(), Contains(reason));
}

TEST_P(WeightStory, RestsWithoutWriting) {
  deploy();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_settled());
  cluster.run_for(minutes(2));
  cluster.api.take_calls();
  uint64_t before = cluster.api.revision();
  cluster.run_for(minutes(60));
  EXPECT_EQ(cluster.api.revision(), before);
  EXPECT_EQ(cluster.api.take_calls().size(), 0u);
}

TEST_P(WeightStory, AbortGivesTheTrafficBackAndLetsTheCanaryGo) {
  deploy();
  std::string v1 = cluster.rollout().stable_hash();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_step(3));
  cluster.carry_out(abort(cluster.rollout()));
  ASSERT_TRUE(cluster.until_phase("Degraded"));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.set_of("v2").created == 0; }));
  EXPECT_EQ(cluster.weight("stable"), 100);
  EXPECT_EQ(cluster.subset_hash("canary"), v1);
  EXPECT_EQ(cluster.rollout().step_index(), 0);
  EXPECT_EQ(cluster.rollout().stable_hash(), v1);
  EXPECT_THAT(cluster.event_reasons(), Contains("RolloutAborted"));

  cluster.carry_out(retry(cluster.rollout()));
  ASSERT_TRUE(cluster.until_phase("Paused"));
  EXPECT_EQ(cluster.weight("canary"), 5);
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.set_of("v2").available, 4);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(WeightStory, AThirdVersionReplacesTheCanaryWithoutALostRequest) {
  deploy();
  std::string v1 = cluster.rollout().stable_hash();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_step(3));
  EXPECT_EQ(cluster.weight("canary"), 50);
  cluster.apply_template_label("v3");
  ASSERT_TRUE(cluster.run_until([&] { return cluster.weight("canary") == 0; }));
  ASSERT_TRUE(cluster.until_phase("Paused"));
  EXPECT_EQ(cluster.rollout().step_index(), 1);
  EXPECT_EQ(cluster.subset_hash("canary"), cluster.set_of("v3").hash);
  EXPECT_EQ(cluster.subset_hash("stable"), v1);
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.rollout().stable_hash(), cluster.set_of("v3").hash);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(WeightStory, AThirdVersionRightAfterPromotionIsSafeToo) {
  deploy();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Healthy"));  // weights still 0/100, the stable subset still at v1
  cluster.apply_template_label("v3");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  EXPECT_EQ(cluster.subset_hash("stable"), cluster.set_of("v2").hash);
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.rollout().stable_hash(), cluster.set_of("v3").hash);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(WeightStory, TheOldTemplateAgainEndsTheReleaseAtOnce) {
  deploy();
  std::string v1 = cluster.rollout().stable_hash();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_step(3));
  cluster.carry_out(undo(cluster.rollout(), cluster.sets()));
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.rollout().stable_hash(), v1);
  EXPECT_EQ(cluster.set_of("v1").revision, 3);
  EXPECT_EQ(cluster.set_of("v2").created, 0);
  EXPECT_EQ(cluster.weight("stable"), 100);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(WeightStory, PromotionEndsAPauseAndFullPromotionAllOfThem) {
  deploy();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  TimePoint before = cluster.clock.now();
  cluster.carry_out(promote(cluster.rollout()));
  ASSERT_TRUE(cluster.until_step(3));
  cluster.carry_out(promote_full(cluster.rollout()));
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_LT(cluster.clock.now() - before, minutes(5));
  EXPECT_EQ(cluster.rollout().stable_hash(), cluster.set_of("v2").hash);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(WeightStory, PodsThatNeverBecomeReadyGetNoTraffic) {
  deploy();
  cluster.broken.insert("v2");
  cluster.apply_template_label("v2");
  cluster.run_for(minutes(9));
  EXPECT_EQ(cluster.weight("canary"), 0);
  EXPECT_EQ(json::get_string(cluster.rollout().status(), "phase"), "Progressing");
  ASSERT_TRUE(cluster.until_phase("Degraded", minutes(10)));
  EXPECT_EQ(cluster.rollout().step_index(), 0);
  EXPECT_EQ(cluster.set_of("v1").available, 4);
  auto observed = observe(cluster.api, {"demo", "provider"}, {.pods = true});
  ASSERT_TRUE(observed);
  std::vector<std::string> reasons;
  for (const kube::Blocker& blocker : why(*observed, cluster.clock.now())) reasons.push_back(blocker.reason);
  EXPECT_THAT(reasons, Contains("PodsNotAvailable"));
  cluster.broken.clear();
  cluster.change_rollout([](json::value& doc) { json::set(doc, {"spec", "minReadySeconds"}, 1); });
  ASSERT_TRUE(cluster.until_phase("Paused"));
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(WeightStory, ACanaryThatDiesLosesItsTraffic) {
  deploy();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_step(3));
  cluster.broken.insert("v2");
  cluster.change_rollout([](json::value& doc) { json::set(doc, {"metadata", "labels", "touched"}, "yes"); });
  ASSERT_TRUE(cluster.run_until([&] { return cluster.weight("canary") == 0; }));
  EXPECT_EQ(cluster.weight("stable"), 100);
}

TEST_P(WeightStory, AManualWeightIsSetBack) {
  deploy();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  Object vs = cluster.get(kube::kVirtualServices, "provider");
  ASSERT_TRUE(cluster.api.update(kube::kVirtualServices, vs.edit([](json::value& doc) {
    json::array& entries =
        json::find(doc, "spec", "http")->get_array()[0].get_object()["route"].get_array();
    entries[0].get_object()["weight"] = 40;
    entries[1].get_object()["weight"] = 60;
    json::set(doc, {"spec", "exportTo"}, json::array{"."});
  })));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.weight("canary") == 5; }));
  json::value doc = cluster.get(kube::kVirtualServices, "provider").doc();
  EXPECT_TRUE(json::find(doc, "spec", "exportTo"));
  EXPECT_EQ(json::get_string(json::items(doc, "spec", "http")[0], "timeout"), "3s");
}

TEST_P(WeightStory, DeletionTakesTheHashFromTheRule) {
  deploy();
  ASSERT_TRUE(cluster.api.remove(kube::kRollouts, {"demo", "provider"}));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.subset_hash("stable").empty(); }));
  EXPECT_EQ(cluster.subset_hash("canary"), "");
  EXPECT_FALSE(cluster.get(kube::kDestinationRules, "provider").has_annotation(kManagedBy));
}

INSTANTIATE_TEST_SUITE_P(Seeds, WeightStory, ::testing::Range<uint64_t>(1, 6));

/// A mesh that reports nothing: the behaviour of Argo Rollouts.
class SilentMesh : public WeightStory {
 protected:
  SilentMesh() : WeightStory(ClusterOptions{std::chrono::seconds(3), std::nullopt}) {}
};

TEST_P(SilentMesh, StepsCountWithoutConfirmation) {
  deploy();
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  EXPECT_EQ(cluster.weight("canary"), 5);
  EXPECT_FALSE(json::find(cluster.rollout().status(), "canary", "weights", "verified"));
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.weight("stable"), 100);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, SilentMesh, ::testing::Values(1));

class HeaderStory : public ::testing::TestWithParam<uint64_t> {
 protected:
  HeaderStory() : cluster(GetParam()) {}

  void deploy(int replicas = 1) {
    cluster.create(kube::kServices, service("provider"));
    cluster.create(kube::kServices, service("provider-canary"));
    cluster.create(kube::kVirtualServices, service_virtual_service());
    cluster.create(kube::kRollouts, header_rollout(replicas));
    ASSERT_TRUE(cluster.until_phase("Healthy"));
    cluster.run_for(seconds(10));
  }

  std::vector<std::string> route_names() {
    std::vector<std::string> names;
    Object vs = cluster.get(kube::kVirtualServices, "provider");
    for (const json::value& route : json::items(vs.doc(), "spec", "http"))
      names.emplace_back(json::get_string(route, "name"));
    return names;
  }
  std::string selector(const std::string& name) {
    return std::string(json::get_string(cluster.get(kube::kServices, name).doc(), "spec", "selector", kHashLabel));
  }

  Cluster cluster;
};

TEST_P(HeaderStory, RoutesTheLaneToTheCanaryUntilPromoted) {
  deploy();
  std::string v1 = cluster.rollout().stable_hash();
  EXPECT_EQ(selector("provider"), v1);
  EXPECT_EQ(selector("provider-canary"), v1);
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  std::string v2 = cluster.rollout().current_hash();
  EXPECT_EQ(route_names(), (std::vector<std::string>{"lane-v2", "main", ""}));
  EXPECT_EQ(selector("provider-canary"), v2);
  EXPECT_EQ(selector("provider"), v1);
  EXPECT_EQ(cluster.weight("provider"), 100);
  Object vs = cluster.get(kube::kVirtualServices, "provider");
  const json::value& lane = json::items(vs.doc(), "spec", "http")[0];
  EXPECT_EQ(json::dump(*json::find(lane, "match")), R"([{"headers":{"lane":{"exact":"test-v2"}}}])");
  EXPECT_EQ(json::dump(*json::find(lane, "route")),
            R"([{"destination":{"host":"provider-canary","port":{"number":20880}},"weight":100}])");

  cluster.run_for(minutes(60));
  EXPECT_EQ(json::get_string(cluster.rollout().status(), "phase"), "Paused");
  cluster.carry_out(promote(cluster.rollout()));
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(route_names(), (std::vector<std::string>{"main", ""}));
  EXPECT_EQ(selector("provider"), v2);
  EXPECT_EQ(cluster.weight("provider"), 100);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(HeaderStory, ALostRouteComesBackAndAbortTakesItAway) {
  deploy(2);
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  Object vs = cluster.get(kube::kVirtualServices, "provider");
  ASSERT_TRUE(cluster.api.update(kube::kVirtualServices, vs.edit([](json::value& doc) {
    json::array& http = json::find(doc, "spec", "http")->get_array();
    http.erase(http.begin());
  })));
  ASSERT_TRUE(cluster.run_until([&] { return route_names().size() == 3; }));
  cluster.carry_out(abort(cluster.rollout()));
  ASSERT_TRUE(cluster.run_until([&] { return cluster.set_of("v2").created == 0; }));
  EXPECT_EQ(route_names(), (std::vector<std::string>{"main", ""}));
  EXPECT_EQ(selector("provider-canary"), cluster.rollout().stable_hash());
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(HeaderStory, WeightsBetweenTwoServices) {
  cluster.create(kube::kServices, service("provider"));
  cluster.create(kube::kServices, service("provider-canary"));
  cluster.create(kube::kVirtualServices, service_virtual_service());
  json::value doc = header_rollout(1);
  json::erase(doc, {"spec", "strategy", "canary", "trafficRouting", "managedRoutes"});
  json::set(doc, {"spec", "strategy", "canary", "steps"}, parse(R"([
      {"setCanaryScale": {"weight": 20}}, {"pause": {}}, {"setWeight": 20}, {"pause": {"duration": "10m"}},
      {"setWeight": 50}, {"pause": {"duration": "10m"}}, {"setWeight": 100}, {"pause": {}}])"));
  cluster.create(kube::kRollouts, doc);
  ASSERT_TRUE(cluster.until_settled());
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  EXPECT_EQ(cluster.rollout().step_index(), 1);
  EXPECT_EQ(cluster.set_of("v2").available, 1);
  EXPECT_EQ(cluster.weight("provider-canary"), 0);
  cluster.carry_out(promote(cluster.rollout()));
  ASSERT_TRUE(cluster.until_step(3));
  EXPECT_EQ(cluster.weight("provider-canary"), 20);
  ASSERT_TRUE(cluster.until_step(5));
  EXPECT_EQ(cluster.weight("provider-canary"), 50);
  ASSERT_TRUE(cluster.until_step(7));
  EXPECT_EQ(cluster.weight("provider-canary"), 100);
  cluster.run_for(minutes(60));
  EXPECT_EQ(cluster.rollout().step_index(), 7);
  EXPECT_EQ(cluster.set_of("v1").available, 1);
  cluster.carry_out(promote(cluster.rollout()));
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.weight("provider"), 100);
  EXPECT_EQ(selector("provider"), cluster.set_of("v2").hash);
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST_P(HeaderStory, DeletionTakesTheHashFromTheServices) {
  deploy();
  ASSERT_TRUE(cluster.api.remove(kube::kRollouts, {"demo", "provider"}));
  ASSERT_TRUE(cluster.run_until([&] { return selector("provider").empty() && selector("provider-canary").empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Seeds, HeaderStory, ::testing::Range<uint64_t>(1, 4));

TEST(InvalidStory, HealsWhenTheMissingObjectsAppearInAnyOrder) {
  Cluster cluster;
  cluster.create(kube::kRollouts, weight_rollout());
  ASSERT_TRUE(cluster.until_phase("Degraded"));
  EXPECT_THAT(std::string(json::get_string(cluster.rollout().status(), "message")),
              ::testing::HasSubstr("spec.strategy.canary.trafficRouting.istio.virtualService.name: "
                                   "VirtualService demo/provider not found"));
  EXPECT_TRUE(cluster.sets().empty());
  cluster.create(kube::kDestinationRules, subset_rule());
  cluster.create(kube::kVirtualServices, subset_virtual_service());
  ASSERT_TRUE(cluster.until_phase("Healthy"));
  EXPECT_FALSE(kube::find_condition(cluster.rollout().object(), "InvalidSpec"));
  EXPECT_THAT(cluster.losses(), IsEmpty());
}

TEST(BasicStory, WithoutTrafficRoutingPodsAreTheWeight) {
  Cluster cluster;
  json::value doc = weight_rollout(5, R"([{"setWeight": 20}, {"pause": {}}])");
  json::erase(doc, {"spec", "strategy", "canary", "trafficRouting"});
  cluster.create(kube::kRollouts, doc);
  ASSERT_TRUE(cluster.until_phase("Healthy"));
  cluster.apply_template_label("v2");
  ASSERT_TRUE(cluster.until_phase("Paused"));
  EXPECT_EQ(cluster.set_of("v2").available, 1);
  EXPECT_EQ(cluster.set_of("v1").available, 4);
  cluster.carry_out(promote(cluster.rollout()));
  ASSERT_TRUE(cluster.until_settled());
  EXPECT_EQ(cluster.set_of("v2").available, 5);
  EXPECT_EQ(cluster.set_of("v1").created, 0);
}

}  // namespace
}  // namespace serin::rollout::testing
