// Jobs in a whole cluster, under the virtual clock, with faults.

#include <gtest/gtest.h>

#include "cluster/job/job.h"
#include "cluster/testing/memory_cluster.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;
using namespace kube;

Object job(const std::string& name, const std::string& spec, const std::string& image = "job") {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":")", name, R"("},"spec":)", spec, "}")).edit([&](json::value& doc) {
    json::set(doc, {"spec", "template"}, pod_template(name, image));
  });
}

bool holds(TestCluster& cluster, const std::string& name, const char* condition) {
  return condition_true(cluster.get(kJobs, name), condition);
}

TEST(JobSimulation, RunsToCompletionAndSettles) {
  TestCluster cluster;
  cluster.agent.runs["job"] = {5s};
  ASSERT_TRUE(cluster.api.create(kJobs, job("sum", R"({"completions":7,"parallelism":3})")));
  ASSERT_TRUE(cluster.simulation.run_until([&] { return holds(cluster, "sum", "Complete"); }, 2min));
  Object done = cluster.get(kJobs, "sum");
  EXPECT_EQ(cluster.number(done, "status", "succeeded"), 7);
  EXPECT_EQ(cluster.number(done, "status", "active"), 0);
  EXPECT_EQ(cluster.list(kPods).size(), 7u);
  for (const Object& pod : cluster.list(kPods)) EXPECT_FALSE(pod.has_finalizer(kJobTracking));
  cluster.simulation.run_for(1min);
  uint64_t settled = cluster.api.revision();
  cluster.simulation.run_for(20min);
  EXPECT_EQ(cluster.api.revision(), settled) << "a settled cluster writes nothing";
}

TEST(JobSimulation, FailsAfterItsBackoff) {
  TestCluster cluster;
  cluster.agent.runs["job"] = {1s, 3};
  ASSERT_TRUE(cluster.api.create(kJobs, job("sum", R"({"backoffLimit":2})")));
  TimePoint begin = cluster.clock.now();
  ASSERT_TRUE(cluster.simulation.run_until([&] { return holds(cluster, "sum", "Failed"); }, 5min));
  EXPECT_EQ(cluster.number(cluster.get(kJobs, "sum"), "status", "failed"), 3);
  EXPECT_GE(cluster.clock.now() - begin, 30s) << "10 s and 20 s between the tries";
}

TEST(JobSimulation, DeletedInAnyModeItLeavesNoPodBehind) {
  for (const char* mode : {"Background", "Foreground"}) {
    TestCluster cluster;
    cluster.agent.runs["job"] = {1h};
    ASSERT_TRUE(cluster.api.create(kJobs, job("sum", R"({"parallelism":3})")));
    cluster.simulation.run_for(10s);
    ASSERT_EQ(cluster.list(kPods).size(), 3u);
    client::DeleteOptions options;
    options.propagation = mode;
    ASSERT_TRUE(cluster.api.remove(kJobs, {"demo", "sum"}, options));
    EXPECT_TRUE(cluster.simulation.run_until([&] { return cluster.list(kPods).empty() && cluster.list(kJobs).empty(); }, 1min)) << mode;
  }
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kJobs, job("sum", "{}")));
  cluster.simulation.run_for(10s);
  client::DeleteOptions orphan;
  orphan.propagation = "Orphan";
  ASSERT_TRUE(cluster.api.remove(kJobs, {"demo", "sum"}, orphan));
  cluster.simulation.run_for(10s);
  ASSERT_EQ(cluster.list(kPods).size(), 1u);
  EXPECT_FALSE(cluster.list(kPods)[0].has_finalizer(kJobTracking)) << "nobody else would take it off";
}

TEST(JobSimulation, ExpiresByItself) {
  TestCluster cluster;
  cluster.agent.runs["job"] = {1s};
  ASSERT_TRUE(cluster.api.create(kJobs, job("sum", R"({"ttlSecondsAfterFinished":100})")));
  ASSERT_TRUE(cluster.simulation.run_until([&] { return holds(cluster, "sum", "Complete"); }, 1min));
  cluster.simulation.run_for(90s);
  EXPECT_EQ(cluster.list(kJobs).size(), 1u);
  cluster.simulation.run_for(1min);
  EXPECT_TRUE(cluster.list(kJobs).empty());
  EXPECT_TRUE(cluster.list(kPods).empty());
}

// Every pod that ends is counted once, whatever write is refused, however the watches break, and although the
// controllers are started anew every now and then.
TEST(JobSimulation, CountsEachPodOnceUnderFaults) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    bool indexed = seed % 2 == 0;
    TestCluster cluster(seed);
    Random random(seed);
    cluster.agent.runs["job"] = {2s};
    std::map<std::string, int64_t> ends;  // by uid
    cluster.agent.exit_code = [&](const Object& pod) {
      // One in four fails, and never more than allowed.
      int64_t failed = 0;
      for (auto& [uid, code] : ends) failed += code != 0;
      int64_t code = random.next() % 4 == 0 && failed < 6 ? 1 : 0;
      ends.emplace(pod.uid(), code);
      return code;
    };
    bool faulty = false;
    int64_t until_death = -1;  // writes of the controllers until their process dies
    cluster.api.before_write([&](const client::testing::MemoryClient::Call& call) -> Result<void> {
      bool controllers = call.resource == kJobs || (call.resource == kPods && call.subresource.empty());
      if (controllers && until_death >= 0 && until_death-- <= 0) {
        until_death = 0;
        return fail(Code::kUnavailable, "dead");
      }
      if (faulty && controllers && random.next() % 5 == 0) return fail(Code::kUnavailable, "chance");
      return {};
    });
    ASSERT_TRUE(cluster.api.create(kJobs, job("sum", concat(R"({"completions":12,"parallelism":4,"backoffLimit":6,"completionMode":")",
                                                            indexed ? "Indexed" : "NonIndexed", R"("})"))));
    faulty = true;
    for (int round = 0; round < 200 && !holds(cluster, "sum", "Complete"); ++round) {
      cluster.simulation.run_for(Duration(random.next() % 8'000'000'000));
      if (random.next() % 2 == 0) {
        until_death = static_cast<int64_t>(random.next() % 6);
        cluster.simulation.run_for(3s);
        cluster.restart();
        until_death = -1;
      }
      if (random.next() % 3 == 0) cluster.api.break_watches(random.next() % 2 ? Code::kUnavailable : Code::kExpired);
    }
    Object done = cluster.get(kJobs, "sum");
    ASSERT_TRUE(condition_true(done, "Complete")) << "seed " << seed << ": " << json::dump(done.doc());
    int64_t good = 0, bad = 0;
    for (auto& [uid, code] : ends) (code == 0 ? good : bad) += 1;
    EXPECT_EQ(cluster.number(done, "status", "succeeded"), 12) << "seed " << seed;
    EXPECT_EQ(good, 12) << "seed " << seed;
    EXPECT_EQ(cluster.number(done, "status", "failed"), bad) << "seed " << seed;
    EXPECT_EQ(json::get_string(done.doc(), "status", "completedIndexes"), indexed ? "0-11" : "");
  }
}

}  // namespace
}  // namespace serin::cluster
