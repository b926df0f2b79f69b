// ReplicaSets and Deployments as they live in a whole cluster, under the virtual clock.

#include <gtest/gtest.h>

#include "cluster/deployment.h"
#include "cluster/testing/memory_cluster.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;
using namespace kube;

std::string reason_of(const Object& object, const char* condition) {
  const json::value* found = find_condition(object, condition);
  return found ? std::string(json::get_string(*found, "reason")) : "";
}

size_t images(TestCluster& cluster, const std::string& image, bool active = true) {
  size_t count = 0;
  for (const Object& pod : cluster.list(kPods))
    count += json::get_string(json::items(pod.doc(), "spec", "containers").at(0), "image") == image &&
             (!active || !pod.deleting());
  return count;
}

bool complete(TestCluster& cluster, const std::string& name) {
  Object deployment = cluster.get(kDeployments, name);
  int64_t wanted = cluster.number(deployment, "spec", "replicas");
  return cluster.number(deployment, "status", "observedGeneration") == deployment.generation() &&
         cluster.number(deployment, "status", "updatedReplicas") == wanted &&
         cluster.number(deployment, "status", "replicas") == wanted &&
         cluster.number(deployment, "status", "availableReplicas") == wanted;
}

TEST(ReplicaSetSimulation, MakesScalesAndReports) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 3)));
  cluster.simulation.run_for(10s);
  EXPECT_EQ(cluster.list(kPods).size(), 3u);
  EXPECT_EQ(cluster.number(cluster.get(kReplicaSets, "web"), "status", "availableReplicas"), 3);
  cluster.patch(kReplicaSets, "web", R"({"spec":{"replicas":1}})");
  cluster.simulation.run_for(10s);
  EXPECT_EQ(cluster.list(kPods).size(), 1u);
  EXPECT_EQ(cluster.number(cluster.get(kReplicaSets, "web"), "status", "replicas"), 1);
  uint64_t settled = cluster.api.revision();
  cluster.simulation.run_for(10min);
  EXPECT_EQ(cluster.api.revision(), settled) << "a settled cluster writes nothing";
}

TEST(ReplicaSetSimulation, NeverMakesAPodTwiceWhileTheWatchLags) {
  TestCluster cluster;
  cluster.simulation.run_for(1s);
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 5)));
  cluster.simulation.run_until([&] { return !cluster.list(kPods).empty(); }, 1s);
  cluster.api.hold_watches(true);
  for (const auto* controller : cluster.manager().controllers())
    for (int i = 0; i < 3; ++i) {
      const_cast<client::Controller*>(controller)->enqueue({"", {"demo", "web"}});
      cluster.simulation.run_until_idle();
    }
  cluster.api.hold_watches(false);
  cluster.simulation.run_for(1min);
  EXPECT_EQ(cluster.list(kPods).size(), 5u);
  size_t created = 0;
  for (const auto& call : cluster.api.take_calls()) created += call.verb == "create" && call.resource == kPods && call.subresource.empty();
  EXPECT_EQ(created, 5u);
}

TEST(ReplicaSetSimulation, ARefusedPodIsToldAndTriedAgain) {
  TestCluster cluster;
  bool refuse = true;
  cluster.api.before_write([&](const client::testing::MemoryClient::Call& call) -> Result<void> {
    if (refuse && call.verb == "create" && call.resource == kPods && call.subresource.empty())
      return fail(Code::kForbidden, "quota");
    return {};
  });
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 2)));
  cluster.simulation.run_for(1s);
  EXPECT_TRUE(condition_true(cluster.get(kReplicaSets, "web"), "ReplicaFailure"));
  refuse = false;
  cluster.simulation.run_for(1min);
  EXPECT_EQ(cluster.list(kPods).size(), 2u);
  EXPECT_FALSE(condition_true(cluster.get(kReplicaSets, "web"), "ReplicaFailure"));
}

TEST(ReplicaSetSimulation, MinReadySecondsCountByTheClock) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 1).edit([](json::value& doc) {
    json::set(doc, {"spec", "minReadySeconds"}, 60);
  })));
  cluster.simulation.run_for(30s);
  EXPECT_EQ(cluster.number(cluster.get(kReplicaSets, "web"), "status", "readyReplicas"), 1);
  EXPECT_EQ(cluster.number(cluster.get(kReplicaSets, "web"), "status", "availableReplicas"), 0);
  cluster.simulation.run_for(40s);
  EXPECT_EQ(cluster.number(cluster.get(kReplicaSets, "web"), "status", "availableReplicas"), 1);
}

TEST(ReplicaSetSimulation, AdoptsAnOrphanInPlaceOfMakingAPod) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kPods, Object(json::object{
      {"metadata", json::object{{"namespace", "demo"}, {"name", "orphan"}, {"labels", labels("web")}}},
      {"spec", json::object{{"containers", json::array{json::object{{"name", "main"}, {"image", "app:v1"}}}}}}})));
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 2)));
  cluster.simulation.run_for(10s);
  EXPECT_EQ(cluster.list(kPods).size(), 2u);
  EXPECT_EQ(cluster.get(kPods, "orphan").controller()->name, "web");
  cluster.patch(kPods, "orphan", R"({"metadata":{"labels":{"app":"quarantine"}}})");
  cluster.simulation.run_for(10s);
  EXPECT_FALSE(cluster.get(kPods, "orphan").controller());
  EXPECT_EQ(cluster.list(kPods).size(), 3u);
}

TEST(DeploymentSimulation, RollsOutWithinItsBoundsForEverySeed) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TestCluster cluster(seed);
    ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 4)));
    ASSERT_TRUE(cluster.simulation.run_until([&] { return complete(cluster, "web"); }, 1min));
    EXPECT_EQ(reason_of(cluster.get(kDeployments, "web"), "Progressing"), "NewReplicaSetAvailable");
    cluster.set_image("web", "app:v2");
    size_t most = 0, least = 4;
    ASSERT_TRUE(cluster.simulation.run_until(
        [&] {
          size_t active = images(cluster, "app:v1") + images(cluster, "app:v2"), ready = 0;
          for (const Object& pod : cluster.list(kPods)) ready += !pod.deleting() && condition_true(pod, "Ready");
          most = std::max(most, active);
          if (images(cluster, "app:v2") > 0) least = std::min(least, ready);
          return complete(cluster, "web");
        },
        5min));
    EXPECT_LE(most, 5u) << "25 % of 4 is a surge of 1; seed " << seed;
    EXPECT_GE(least, 3u) << "25 % of 4 is 1 unavailable; seed " << seed;
    EXPECT_EQ(images(cluster, "app:v2"), 4u);
    EXPECT_EQ(cluster.get(kDeployments, "web").annotation(kRevision), "2");
    cluster.simulation.run_for(1min);
    uint64_t settled = cluster.api.revision();
    cluster.simulation.run_for(20min);
    EXPECT_EQ(cluster.api.revision(), settled) << "a settled cluster writes nothing, seed " << seed;
  }
}

TEST(DeploymentSimulation, RollingBackTakesTheOldSetAndANewRevision) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 2)));
  cluster.simulation.run_for(1min);
  cluster.set_image("web", "app:v2");
  cluster.simulation.run_for(1min);
  ASSERT_EQ(cluster.list(kReplicaSets).size(), 2u);
  cluster.set_image("web", "app:v1");
  cluster.simulation.run_for(1min);
  ASSERT_EQ(cluster.list(kReplicaSets).size(), 2u);
  EXPECT_EQ(images(cluster, "app:v1"), 2u);
  EXPECT_EQ(cluster.get(kDeployments, "web").annotation(kRevision), "3");
  for (const Object& set : cluster.list(kReplicaSets))
    if (cluster.number(set, "spec", "replicas") == 2) {
      EXPECT_EQ(set.annotation(kRevision), "3");
      EXPECT_EQ(set.annotation(kRevisionHistory), "1");
    }
}

TEST(DeploymentSimulation, RecreateWaitsForTheLastOldPod) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 3).edit([](json::value& doc) {
    json::set(doc, {"spec", "strategy", "type"}, "Recreate");
  })));
  cluster.simulation.run_for(1min);
  cluster.set_image("web", "app:v2");
  bool never_both = true;
  ASSERT_TRUE(cluster.simulation.run_until(
      [&] {
        never_both &= images(cluster, "app:v1", false) == 0 || images(cluster, "app:v2", false) == 0;
        return complete(cluster, "web") && images(cluster, "app:v2") == 3;
      },
      5min));
  EXPECT_TRUE(never_both);
}

TEST(DeploymentSimulation, APausedOneScalesButDoesNotRoll) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 2)));
  cluster.simulation.run_for(1min);
  cluster.patch(kDeployments, "web", R"({"spec":{"paused":true,"replicas":4}})");
  cluster.set_image("web", "app:v2");
  cluster.simulation.run_for(1min);
  EXPECT_EQ(images(cluster, "app:v1"), 4u);
  EXPECT_EQ(images(cluster, "app:v2"), 0u);
  EXPECT_EQ(reason_of(cluster.get(kDeployments, "web"), "Progressing"), "DeploymentPaused");
  cluster.patch(kDeployments, "web", R"({"spec":{"paused":false}})");
  cluster.simulation.run_for(1min);
  EXPECT_EQ(images(cluster, "app:v2"), 4u);
}

TEST(DeploymentSimulation, ABrokenImageExceedsTheDeadlineAndKeepsTheOldPods) {
  TestCluster cluster;
  cluster.agent.broken_images = {"app:broken"};
  ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 4)));
  cluster.simulation.run_for(1min);
  cluster.set_image("web", "app:broken");
  cluster.simulation.run_for(9min);
  EXPECT_EQ(reason_of(cluster.get(kDeployments, "web"), "Progressing"), "ReplicaSetUpdated");
  cluster.simulation.run_for(2min);
  EXPECT_EQ(reason_of(cluster.get(kDeployments, "web"), "Progressing"), "ProgressDeadlineExceeded");
  EXPECT_EQ(images(cluster, "app:v1"), 3u);
  EXPECT_TRUE(condition_true(cluster.get(kDeployments, "web"), "Available"));
}

TEST(DeploymentSimulation, KeepsNoMoreHistoryThanAskedFor) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 1).edit([](json::value& doc) {
    json::set(doc, {"spec", "revisionHistoryLimit"}, 2);
  })));
  for (int i = 2; i < 7; ++i) {
    cluster.simulation.run_for(1min);
    cluster.set_image("web", concat("app:v", i));
  }
  cluster.simulation.run_for(1min);
  EXPECT_EQ(cluster.list(kReplicaSets).size(), 3u);
}

TEST(DeploymentSimulation, ATakenNameLeadsToAnotherHash) {
  TestCluster cluster;
  Object deployment = workload("Deployment", "web", 1);
  std::string hash = template_hash(*json::find(deployment.doc(), "spec", "template"), 0);
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web-" + hash, 0)));
  cluster.patch(kReplicaSets, "web-" + hash, R"({"spec":{"selector":{"matchLabels":{"app":"other"}}},"metadata":{"labels":{"app":"other"}}})");
  ASSERT_TRUE(cluster.api.create(kDeployments, deployment));
  cluster.simulation.run_for(1min);
  EXPECT_EQ(cluster.number(cluster.get(kDeployments, "web"), "status", "collisionCount"), 1);
  EXPECT_TRUE(complete(cluster, "web"));
}

}  // namespace
}  // namespace serin::cluster
