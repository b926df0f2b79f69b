// PodDisruptionBudgets: the arithmetic, and the status in a whole cluster.

#include <gtest/gtest.h>

#include "cluster/disruption/budget_planner.h"
#include "cluster/testing/memory_cluster.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;
using kube::Object;

const TimePoint kNow = TimePoint(std::chrono::seconds(1767225600));

Object budget(std::string_view spec, std::string_view status = "{}") {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":"web","generation":3},"spec":)", spec, R"(,"status":)", status, "}"));
}

Object pod(const std::string& name, bool ready = true, bool deleting = false) {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":")", name, R"("},"status":{"conditions":[{"type":"Ready","status":")",
                          ready ? "True" : "False", R"("}]}})"))
      .edit([&](json::value& doc) {
        if (deleting) json::set(doc, {"metadata", "deletionTimestamp"}, json::value(format_time(kNow)));
      });
}

std::string numbers(const BudgetDecision& decision) {
  auto number = [&](const char* field) { return json::get_int(decision.status, -1, field); };
  return concat("expected ", number("expectedPods"), " healthy ", number("currentHealthy"), "/", number("desiredHealthy"),
                " allowed ", number("disruptionsAllowed"));
}

TEST(Budget, Arithmetic) {
  struct {
    const char* spec;
    int pods, ready;
    int64_t scale;
    const char* wanted;
  } cases[] = {
      {R"({"minAvailable":2})", 3, 3, 9, "expected 3 healthy 3/2 allowed 1"},
      {R"({"minAvailable":2})", 3, 1, 9, "expected 3 healthy 1/2 allowed 0"},
      {R"({"minAvailable":"50%"})", 5, 5, 5, "expected 5 healthy 5/3 allowed 2"},
      {R"({"minAvailable":"100%"})", 5, 5, 5, "expected 5 healthy 5/5 allowed 0"},
      {R"({"maxUnavailable":1})", 4, 4, 4, "expected 4 healthy 4/3 allowed 1"},
      {R"({"maxUnavailable":1})", 2, 2, 4, "expected 4 healthy 2/3 allowed 0"},
      {R"({"maxUnavailable":"30%"})", 7, 7, 7, "expected 7 healthy 7/4 allowed 3"},
      {R"({"maxUnavailable":9})", 4, 4, 4, "expected 4 healthy 4/0 allowed 4"},
      {R"({"minAvailable":0})", 0, 0, 0, "expected 0 healthy 0/0 allowed 0"},
      {R"({})", 2, 2, 0, "expected 2 healthy 2/0 allowed 2"},
  };
  for (const auto& each : cases) {
    BudgetObserved observed{budget(each.spec), {}, each.scale};
    for (int i = 0; i < each.pods; ++i) observed.pods.push_back(pod(concat("p", i), i < each.ready));
    EXPECT_EQ(numbers(plan(observed, kNow)), each.wanted) << each.spec;
  }
}

TEST(Budget, AnEvictedPodCountsAsGoneUntilItIsOrTwoMinutesLater) {
  Object it = budget(R"({"minAvailable":1})",
                     R"({"disruptedPods":{"a":"2025-12-31T23:59:00Z","b":"2025-12-31T23:57:00Z","c":"2025-12-31T23:59:00Z","gone":"2025-12-31T23:59:00Z"}})");
  BudgetDecision decision = plan({it, {pod("a"), pod("b"), pod("c", true, true), pod("d")}}, kNow);
  EXPECT_EQ(json::dump(*json::find(decision.status, "disruptedPods")), R"({"a":"2025-12-31T23:59:00Z"})");
  EXPECT_EQ(numbers(decision), "expected 4 healthy 2/1 allowed 1");
  EXPECT_EQ(decision.not_deleted, std::vector<std::string>{"b"});
  EXPECT_EQ(decision.look_again, kNow + 1min);
}

TEST(Budget, AllowsNothingWhereTheScaleIsUnknown) {
  BudgetObserved observed{budget(R"({"maxUnavailable":1})", R"({"disruptionsAllowed":5})"), {pod("a")},
                          fail(Code::kNotFound, "found no controllers for pod \"a\"")};
  BudgetDecision decision = plan(observed, kNow);
  EXPECT_EQ(json::get_int(decision.status, -1, "disruptionsAllowed"), 0);
  const json::value& condition = json::items(decision.status, "conditions").at(0);
  EXPECT_EQ(json::get_string(condition, "reason"), "SyncFailed");
  EXPECT_EQ(json::get_int(condition, 0, "observedGeneration"), 3);
}

TEST(BudgetSimulation, FollowsADeploymentThroughItsScaleAndRollout) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kube::kDeployments, workload("Deployment", "web", 4)));
  ASSERT_TRUE(cluster.api.create(kube::kPodDisruptionBudgets, from_json(
      R"({"metadata":{"namespace":"demo","name":"web"},"spec":{"maxUnavailable":"25%","selector":{"matchLabels":{"app":"web"}}}})")));
  cluster.simulation.run_for(1min);
  auto number = [&](const char* field) { return cluster.number(cluster.get(kube::kPodDisruptionBudgets, "web"), "status", field); };
  EXPECT_EQ(number("expectedPods"), 4);
  EXPECT_EQ(number("disruptionsAllowed"), 1);
  EXPECT_TRUE(kube::condition_true(cluster.get(kube::kPodDisruptionBudgets, "web"), "DisruptionAllowed"));
  cluster.set_image("web", "app:v2");
  cluster.simulation.run_for(1min);
  EXPECT_EQ(number("expectedPods"), 4) << "two sets, one Deployment";
  EXPECT_EQ(number("currentHealthy"), 4);
  cluster.patch(kube::kDeployments, "web", R"({"spec":{"replicas":8}})");
  cluster.simulation.run_for(1min);
  EXPECT_EQ(number("expectedPods"), 8);
  EXPECT_EQ(number("disruptionsAllowed"), 2);
  uint64_t settled = cluster.api.revision();
  cluster.simulation.run_for(20min);
  EXPECT_EQ(cluster.api.revision(), settled);
}

}  // namespace
}  // namespace serin::cluster
