// Nodes whose agents fall silent, and come back.

#include "cluster/nodes/node_health.h"

#include <gtest/gtest.h>

#include "cluster/testing/memory_cluster.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;
using kube::Object;

const TimePoint kNow = TimePoint(std::chrono::seconds(1767225600));

std::vector<std::string> taints(const Object& node) {
  std::vector<std::string> all;
  for (const json::value& taint : json::items(node.doc(), "spec", "taints"))
    all.push_back(concat(json::get_string(taint, "key"), ":", json::get_string(taint, "effect")));
  return all;
}

/// What the writes would make of the node.
std::vector<std::string> planned_taints(const NodeDecision& decision) {
  for (const client::Write& write : decision.writes)
    if (write.options.subresource.empty()) return taints(Object(write.patch.body));
  return {"unchanged"};
}

TEST(NodeHealth, TaintsFollowTheState) {
  auto with = [](Object node, const char* field, json::value value) {
    return node.edit([&](json::value& doc) { json::set(doc, {"spec", field}, std::move(value)); });
  };
  using Names = std::vector<std::string>;
  Names lost{"node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"};
  EXPECT_EQ(planned_taints(plan({node("a"), {}, kNow}, kNow)), Names{"unchanged"});
  EXPECT_EQ(planned_taints(plan({node("a"), {}, kNow - 39s}, kNow)), Names{"unchanged"});
  EXPECT_EQ(plan({node("a"), {}, kNow - 39s}, kNow).look_again, kNow + 1s);
  EXPECT_EQ(planned_taints(plan({node("a"), {}, kNow - 40s}, kNow)), lost);
  EXPECT_EQ(planned_taints(plan({node("a", false), {}, kNow}, kNow)),
            (Names{"node.kubernetes.io/not-ready:NoSchedule", "node.kubernetes.io/not-ready:NoExecute"}));
  EXPECT_EQ(planned_taints(plan({node("a", false), {}, std::nullopt}, kNow)), Names{"unchanged"}) << "nobody tends it";
  EXPECT_EQ(planned_taints(plan({with(node("a"), "unschedulable", true), {}, std::nullopt}, kNow)),
            Names{"node.kubernetes.io/unschedulable:NoSchedule"});
  json::value foreign = json::parse(R"([{"key":"k","effect":"NoSchedule"},{"key":"node.kubernetes.io/unreachable","effect":"NoExecute"}])").value();
  EXPECT_EQ(planned_taints(plan({with(node("a"), "taints", foreign), {}, kNow}, kNow)), Names{"k:NoSchedule"});
}

TEST(NodeHealthSimulation, ASilentNodeIsMarkedAndRecovers) {
  TestCluster cluster;
  cluster.agent.renews = true;
  ASSERT_TRUE(cluster.api.create(kube::kDeployments, workload("Deployment", "web", 2)));
  cluster.simulation.run_for(1min);
  auto available = [&] { return cluster.number(cluster.get(kube::kDeployments, "web"), "status", "availableReplicas"); };
  ASSERT_EQ(available(), 2);
  cluster.agent.dead = true;
  cluster.simulation.run_for(35s);
  EXPECT_TRUE(kube::condition_true(cluster.get(kube::kNodes, "node-1"), "Ready"));
  cluster.simulation.run_for(15s);
  Object lost = cluster.get(kube::kNodes, "node-1");
  const json::value* ready = kube::find_condition(lost, "Ready");
  EXPECT_EQ(json::get_string(*ready, "status"), "Unknown");
  EXPECT_EQ(json::get_string(*ready, "reason"), "NodeStatusUnknown");
  EXPECT_EQ(taints(lost).size(), 2u);
  EXPECT_EQ(available(), 0);
  EXPECT_EQ(cluster.list(kube::kPods).size(), 2u) << "nothing is evicted";
  cluster.patch(kube::kDeployments, "web", R"({"spec":{"replicas":3}})");
  cluster.simulation.run_for(10min);
  for (const Object& pod : cluster.list(kube::kPods))
    if (json::get_string(pod.doc(), "spec", "nodeName").empty()) {
      EXPECT_EQ(json::get_string(*kube::find_condition(pod, "PodScheduled"), "message"),
                "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.");
    }
  cluster.agent.dead = false;
  cluster.simulation.run_for(1min);
  EXPECT_TRUE(taints(cluster.get(kube::kNodes, "node-1")).empty());
  EXPECT_EQ(available(), 3);
}

TEST(NodeHealthSimulation, ARestartedControllerGivesTheWholeGraceAgain) {
  TestCluster cluster;
  cluster.agent.renews = true;
  cluster.simulation.run_for(1min);
  cluster.agent.dead = true;
  cluster.simulation.run_for(30s);
  cluster.clock.advance(8h);  // the machine was off
  cluster.restart();
  cluster.simulation.run_for(30s);
  EXPECT_TRUE(kube::condition_true(cluster.get(kube::kNodes, "node-1"), "Ready"));
  cluster.simulation.run_for(30s);
  EXPECT_FALSE(kube::condition_true(cluster.get(kube::kNodes, "node-1"), "Ready"));
}

TEST(NodeHealthSimulation, SleepIsNoSilence) {
  TestCluster cluster;
  cluster.agent.renews = true;
  cluster.simulation.run_for(1min);
  for (uint64_t seed = 0; seed < 10; ++seed) {
    cluster.clock.advance(8h);
    bool lost = false;
    cluster.simulation.run_until([&] { lost |= !kube::condition_true(cluster.get(kube::kNodes, "node-1"), "Ready"); return lost; }, 1min);
    EXPECT_FALSE(lost);
  }
}

TEST(SchedulerSimulation, GatesKeepAPodBackUntilTheyAreGone) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kube::kPods, from_json(R"({"metadata":{"namespace":"demo","name":"p"},"spec":{
      "schedulingGates":[{"name":"x.io/wait"}],"containers":[{"name":"main","image":"a"}]}})")));
  cluster.simulation.run_for(10s);
  EXPECT_EQ(json::get_string(*kube::find_condition(cluster.get(kube::kPods, "p"), "PodScheduled"), "reason"), "SchedulingGated");
  cluster.patch(kube::kPods, "p", R"({"spec":{"schedulingGates":null}})");
  cluster.simulation.run_for(10s);
  EXPECT_TRUE(kube::condition_true(cluster.get(kube::kPods, "p"), "Ready"));
  EXPECT_TRUE(kube::condition_true(cluster.get(kube::kPods, "p"), "PodScheduled"));
}

}  // namespace
}  // namespace serin::cluster
