#include "cluster/replica_set_planner.h"

#include <gtest/gtest.h>

#include "cluster/pods.h"
#include "cluster/testing/objects.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;

const TimePoint kNow = TimePoint(std::chrono::seconds(1767225600));

Object set_of(int64_t replicas) {
  return workload("ReplicaSet", "web", replicas).edit([](json::value& doc) {
    json::set(doc, {"metadata", "uid"}, "set-uid");
    json::set(doc, {"metadata", "generation"}, 4);
  });
}

struct PodIs {
  std::string name;
  std::string node = "node-1";
  std::string phase = "Running";
  std::optional<Duration> ready_for = 1h;
  bool owned = true, deleting = false;
  std::string cost = "";
  int64_t restarts = 0;
  Duration age = 2h;
  std::string app = "web";
};

Object pod(const PodIs& is) {
  json::value doc = json::object{
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", json::object{{"namespace", "demo"}, {"name", is.name}, {"uid", is.name}, {"labels", labels(is.app)},
                                {"creationTimestamp", format_time(kNow - is.age)}}},
      {"spec", json::object{{"nodeName", is.node}}},
      {"status", json::object{{"phase", is.phase},
                              {"containerStatuses", json::array{json::object{{"restartCount", is.restarts}}}},
                              {"conditions", json::array{json::object{
                                                 {"type", "Ready"},
                                                 {"status", is.ready_for ? "True" : "False"},
                                                 {"lastTransitionTime", format_time(kNow - is.ready_for.value_or(0s))}}}}}}};
  if (is.owned) json::set(doc, {"metadata", "ownerReferences"}, json::array{kube::controller_reference(set_of(1))});
  if (is.deleting) json::set(doc, {"metadata", "deletionTimestamp"}, json::value(format_time(kNow)));
  if (!is.cost.empty())
    json::set(doc, {"metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"}, json::value(is.cost));
  return Object(doc);
}

std::string first_to_go(const std::vector<PodIs>& pods, std::vector<Object> related = {}) {
  std::vector<Object> sorted;
  for (const PodIs& is : pods) sorted.push_back(pod(is));
  sort_for_deletion(sorted, related.empty() ? sorted : related, kNow);
  std::vector<Object> reversed(sorted.rbegin(), sorted.rend());
  sort_for_deletion(reversed, related.empty() ? sorted : related, kNow);
  EXPECT_EQ(reversed.front().name(), sorted.front().name());
  return std::string(sorted.front().name());
}

TEST(SortForDeletion, RanksAsKubernetesDoes) {
  EXPECT_EQ(first_to_go({{"a"}, {"b", ""}}), "b") << "unassigned first";
  EXPECT_EQ(first_to_go({{"a"}, {"b", "node-1", "Pending"}}), "b") << "pending first";
  EXPECT_EQ(first_to_go({{"a"}, {.name = "b", .ready_for = std::nullopt}}), "b") << "not ready first";
  EXPECT_EQ(first_to_go({{.name = "a", .cost = "5"}, {.name = "b", .cost = "-1"}}), "b") << "cheap first";
  EXPECT_EQ(first_to_go({{"a"}, {.name = "b", .ready_for = 1min}}), "b") << "ready for the shortest time first";
  EXPECT_EQ(first_to_go({{"a"}, {.name = "b", .restarts = 3}}), "b") << "often restarted first";
  EXPECT_EQ(first_to_go({{"a"}, {.name = "b", .age = 1min}}), "b") << "youngest first";
  EXPECT_EQ(first_to_go({{.name = "a", .cost = "1"}, {.name = "b", .ready_for = std::nullopt, .cost = "9"}}), "b")
      << "not ready weighs more than cost";
  EXPECT_EQ(first_to_go({{"a", "node-1"}, {"b", "node-2"}},
                        {pod({"a", "node-1"}), pod({"b", "node-2"}), pod({"c", "node-2"})}),
            "b")
      << "doubled up first";
  EXPECT_EQ(first_to_go({{.name = "b", .ready_for = 100min}, {.name = "a", .ready_for = 90min}}), "a") << "about as long";
  EXPECT_EQ(first_to_go({{.name = "a", .ready_for = 100min}, {.name = "b", .ready_for = 90min}}), "a") << "so by uid";
}

TEST(ReplicaSetPlan, MakesWhatIsMissing) {
  ReplicaSetDecision decision = plan({set_of(3), {pod({"a"})}, {}}, kNow).value();
  ASSERT_EQ(decision.creates.size(), 2u);
  const Object& made = decision.creates[0].object;
  EXPECT_EQ(json::get_string(made.doc(), "metadata", "generateName"), "web-");
  EXPECT_EQ(made.label("app"), "web");
  EXPECT_EQ(made.controller()->uid, "set-uid");
  EXPECT_EQ(json::get_int(decision.status, 0, "replicas"), 1);
  EXPECT_EQ(json::get_int(decision.status, 0, "observedGeneration"), 4);
}

TEST(ReplicaSetPlan, MakesAndDeletesFiveHundredAtATime) {
  ReplicaSetDecision decision = plan({set_of(2000), {}, {}}, kNow).value();
  EXPECT_EQ(decision.creates.size(), 500u);
  std::vector<Object> many;
  for (int i = 0; i < 600; ++i) many.push_back(pod({concat("p", i)}));
  EXPECT_EQ(plan({set_of(0), many, {}}, kNow)->deletes.size(), 500u);
}

TEST(ReplicaSetPlan, PodsThatEndOrGoCountAsMissing) {
  ReplicaSetDecision decision =
      plan({set_of(2), {pod({.name = "a", .phase = "Failed"}), pod({.name = "b", .deleting = true})}, {}}, kNow).value();
  EXPECT_EQ(decision.creates.size(), 2u);
  EXPECT_EQ(json::get_int(decision.status, 0, "terminatingReplicas"), 1);
}

TEST(ReplicaSetPlan, DeletesTheSurplusByUid) {
  ReplicaSetDecision decision =
      plan({set_of(1), {pod({"a"}), pod({.name = "b", .ready_for = std::nullopt}), pod({"c"})}, {}}, kNow).value();
  ASSERT_EQ(decision.deletes.size(), 2u);
  EXPECT_EQ(decision.deletes[0].name.name, "b");
  EXPECT_EQ(decision.deletes[0].remove.uid, "b");
}

TEST(ReplicaSetPlan, APodBecomesAvailableAfterMinReadySeconds) {
  Object set = set_of(2).edit([](json::value& doc) { json::set(doc, {"spec", "minReadySeconds"}, 30); });
  ReplicaSetDecision decision =
      plan({set, {pod({.name = "a", .ready_for = 20s}), pod({.name = "b", .ready_for = 1min})}, {}}, kNow).value();
  EXPECT_EQ(json::get_int(decision.status, 0, "readyReplicas"), 2);
  EXPECT_EQ(json::get_int(decision.status, 0, "availableReplicas"), 1);
  EXPECT_EQ(decision.look_again, kNow + 10s);
}

TEST(ReplicaSetPlan, AdoptsAndLetsGo) {
  std::vector<Object> pods{pod({.name = "orphan", .owned = false}), pod({.name = "foreign", .owned = false, .app = "x"}),
                           pod({.name = "changed", .app = "x"})};
  ReplicaSetDecision decision = plan({set_of(1), pods, {}}, kNow).value();
  ASSERT_EQ(decision.claims.adopt.size(), 1u);
  EXPECT_EQ(decision.claims.adopt[0].name.name, "orphan");
  ASSERT_EQ(decision.claims.release.size(), 1u);
  EXPECT_EQ(decision.claims.release[0].name.name, "changed");
  EXPECT_TRUE(decision.creates.empty());
  EXPECT_TRUE(decision.deletes.empty());
}

TEST(ReplicaSetPlan, ASetThatIsBeingDeletedTouchesNothing) {
  Object set = set_of(3).edit([](json::value& doc) { json::set(doc, {"metadata", "deletionTimestamp"}, "2026-01-01T00:00:00Z"); });
  ReplicaSetDecision decision = plan({set, {pod({.name = "orphan", .owned = false})}, {}}, kNow).value();
  EXPECT_TRUE(decision.creates.empty());
  EXPECT_TRUE(decision.claims.adopt.empty());
}

}  // namespace
}  // namespace serin::cluster
