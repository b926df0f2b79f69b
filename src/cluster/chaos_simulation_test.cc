// All controllers together, while writes are refused, watches lag and break, and their process dies in the middle of what
// it does: whatever happened, the cluster ends up as its objects say, and then nobody writes any more.

#include <gtest/gtest.h>

#include "cluster/testing/memory_cluster.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;
using namespace kube;

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : cluster(seed), random_(seed) {
    cluster.agent.renews = true;
    cluster.agent.runs["job"] = {4s};
    cluster.api.before_write([this](const client::testing::MemoryClient::Call& call) -> Result<void> {
      // The agent and the test write statuses and specs of their own; what only controllers write may fail.
      bool controllers = call.resource == kReplicaSets || call.resource == kEndpoints || call.resource == kEndpointSlices ||
                         (call.resource == kPods && call.verb == "create") ||
                         ((call.resource == kDeployments || call.resource == kJobs || call.resource == kPodDisruptionBudgets) &&
                          call.subresource == "status");
      if (!controllers || !on_) return {};
      if (until_death_ && (*until_death_)-- <= 0) {
        until_death_ = 0;
        return fail(Code::kUnavailable, "dead");
      }
      if (random_.next() % 8 == 0) return fail(random_.next() % 2 ? Code::kUnavailable : Code::kConflict, "chance");
      return {};
    });
  }

  void round() {
    on_ = true;
    switch (random_.next() % 6) {
      case 0:
        cluster.api.break_watches(random_.next() % 2 ? Code::kUnavailable : Code::kExpired);
        break;
      case 1:
        cluster.api.hold_watches(true);
        cluster.simulation.run_for(Duration(random_.next() % 3'000'000'000));
        cluster.api.hold_watches(false);
        break;
      case 2:
        until_death_ = static_cast<int64_t>(random_.next() % 8);
        cluster.simulation.run_for(2s);
        cluster.restart();
        until_death_.reset();
        break;
      default:
        break;
    }
    cluster.simulation.run_for(Duration(random_.next() % 6'000'000'000));
    on_ = false;
  }

  uint64_t next() { return random_.next(); }

  TestCluster cluster;

 private:
  Random random_;
  bool on_ = false;
  std::optional<int64_t> until_death_;
};

std::set<std::string> slice_addresses(TestCluster& cluster) {
  std::set<std::string> all;
  for (const Object& slice : cluster.list(kEndpointSlices))
    for (const json::value& endpoint : json::items(slice.doc(), "endpoints"))
      EXPECT_TRUE(all.emplace(json::as_string(&json::items(endpoint, "addresses").at(0))).second) << "an endpoint in two slices";
  return all;
}

void expect_as_declared(TestCluster& cluster, uint64_t seed) {
  SCOPED_TRACE(concat("seed ", seed));
  Object web = cluster.get(kDeployments, "web");
  int64_t wanted = cluster.number(web, "spec", "replicas");
  for (const char* field : {"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"})
    EXPECT_EQ(cluster.number(web, "status", field), wanted) << field;
  EXPECT_EQ(cluster.number(web, "status", "observedGeneration"), web.generation());
  const json::value* current = find_condition(web, "Progressing");
  ASSERT_TRUE(current);
  EXPECT_EQ(json::get_string(*current, "reason"), "NewReplicaSetAvailable");

  std::set<std::string> addresses;
  std::string image(json::get_string(json::items(web.doc(), "spec", "template", "spec", "containers").at(0), "image"));
  for (const Object& pod : cluster.list(kPods, "app=web")) {
    EXPECT_EQ(json::get_string(json::items(pod.doc(), "spec", "containers").at(0), "image"), image);
    addresses.emplace(json::get_string(pod.doc(), "status", "podIP"));
  }
  EXPECT_EQ(addresses.size(), static_cast<size_t>(wanted));
  EXPECT_EQ(slice_addresses(cluster), addresses);
  std::set<std::string> older;
  for (const json::value& subset : json::items(cluster.get(kEndpoints, "web").doc(), "subsets"))
    for (const json::value& address : json::items(subset, "addresses")) older.emplace(json::get_string(address, "ip"));
  EXPECT_EQ(older, addresses);

  Object budget = cluster.get(kPodDisruptionBudgets, "web");
  EXPECT_EQ(cluster.number(budget, "status", "expectedPods"), wanted);
  EXPECT_EQ(cluster.number(budget, "status", "disruptionsAllowed"), std::min<int64_t>(1, wanted));

  Object job = cluster.get(kJobs, "sum");
  EXPECT_TRUE(condition_true(job, "Complete")) << json::dump(job.doc());
  EXPECT_EQ(cluster.number(job, "status", "succeeded"), 9);
  EXPECT_EQ(cluster.number(job, "status", "failed"), 0);
}

TEST(ChaosSimulation, EndsAsDeclaredAndThenWritesNothing) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Chaos chaos(seed);
    TestCluster& cluster = chaos.cluster;
    ASSERT_TRUE(cluster.api.create(kServices, from_json(R"({"metadata":{"namespace":"demo","name":"web"},
        "spec":{"selector":{"app":"web"},"ports":[{"port":80}]}})")));
    ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 4)));
    ASSERT_TRUE(cluster.api.create(kPodDisruptionBudgets, from_json(
        R"({"metadata":{"namespace":"demo","name":"web"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"web"}}}})")));
    ASSERT_TRUE(cluster.api.create(kJobs, from_json(R"({"metadata":{"namespace":"demo","name":"sum"},"spec":{"completions":9,"parallelism":3}})")
                                              .edit([](json::value& doc) { json::set(doc, {"spec", "template"}, pod_template("sum", "job")); })));
    for (int i = 0; i < 25; ++i) {
      chaos.round();
      uint64_t what = chaos.next() % 8;
      if (what == 0) cluster.patch(kDeployments, "web", concat(R"({"spec":{"replicas":)", chaos.next() % 9, "}}"));
      if (what == 1) cluster.set_image("web", concat("app:v", chaos.next() % 4));
      if (what == 2) cluster.patch(kDeployments, "web", chaos.next() % 2 ? R"({"spec":{"paused":true}})" : R"({"spec":{"paused":false}})");
      if (what == 3 && !cluster.list(kPods, "app=web").empty())
        (void)cluster.api.remove(kPods, cluster.list(kPods, "app=web").front().key());
    }
    cluster.patch(kDeployments, "web", R"({"spec":{"paused":false}})");
    cluster.simulation.run_for(10min);
    expect_as_declared(cluster, seed);

    cluster.simulation.run_for(2h);  // until the Events have gone
    cluster.api.take_calls();
    cluster.simulation.run_for(1h);
    for (const auto& call : cluster.api.take_calls())
      EXPECT_EQ(call.resource, kLeases) << "seed " << seed << ": " << call.verb << " " << call.resource.plural << " " << call.name.str();
  }
}

}  // namespace
}  // namespace serin::cluster
