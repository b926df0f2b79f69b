// The cluster controllers on the real API server, in memory, under the virtual clock.

#include <gtest/gtest.h>

#include "apiserver/server.h"
#include "cluster/controllers.h"
#include "cluster/testing/fake_agent.h"
#include "cluster/testing/objects.h"

namespace serin {
namespace {

using namespace std::chrono_literals;
using namespace kube;
using cluster::from_json;
using cluster::workload;

class EmbeddedClusterTest : public testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    apiserver::ServerOptions options;
    options.clock = &clock;
    options.random = &random;
    auto opened = apiserver::Server::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().message;
    server = *std::move(opened);
    ASSERT_TRUE(server->add_cluster("work-1"));
    api = server->client("work-1", "controllers");
    manager = std::make_unique<client::Manager>(clock);
    cluster::ClusterOptions controllers;
    controllers.ca_pem = "certificate";
    auto added = cluster::add_controllers(*manager, *api, controllers);
    ASSERT_TRUE(added) << added.error().message;
    agent = std::make_unique<cluster::FakeAgent>(*api, clock);
    simulation = std::make_unique<client::Simulation>(clock, GetParam());
    simulation->add(*manager);
    simulation->add(*agent);
    must(api->create(kNamespaces, from_json(R"({"metadata":{"name":"demo"}})")));
    must(api->create(kNodes, cluster::node("node-1")));
    must(execute(*api, client::patch_status(kNodes, {"", "node-1"},
                                            *json::find(cluster::node("node-1").doc(), "status"), "")));
  }
  void TearDown() override {
    simulation.reset();
    agent.reset();
    manager.reset();
    api.reset();
  }

  template <class T>
  static T must(Result<T> result) {
    EXPECT_TRUE(result) << result.error().message;
    return result ? *std::move(result) : T();
  }
  std::vector<Object> list(const Resource& resource) { return must(api->list(resource, {"demo"})).items; }
  void patch(const Resource& resource, const std::string& name, std::string_view merge) {
    must(execute(*api, client::merge_patch(resource, {"demo", name}, json::parse(merge).value(), "")));
  }
  bool complete(const std::string& name) {
    Object it = must(api->get(kDeployments, {"demo", name}));
    int64_t wanted = json::get_int(it.doc(), 1, "spec", "replicas");
    auto says = [&](const char* field) { return json::get_int(it.doc(), 0, "status", field); };
    return says("observedGeneration") == it.generation() && says("updatedReplicas") == wanted &&
           says("replicas") == wanted && says("availableReplicas") == wanted;
  }

  VirtualClock clock;
  Random random{GetParam()};
  std::unique_ptr<apiserver::Server> server;
  std::unique_ptr<client::Client> api;
  std::unique_ptr<client::Manager> manager;
  std::unique_ptr<cluster::FakeAgent> agent;
  std::unique_ptr<client::Simulation> simulation;
};

TEST_P(EmbeddedClusterTest, ADeploymentRollsOutAndSettles) {
  must(api->create(kDeployments, workload("Deployment", "web", 4)));
  ASSERT_TRUE(simulation->run_until([&] { return complete("web"); }, 1min));
  patch(kDeployments, "web", R"({"spec":{"template":{"metadata":{"labels":{"version":"v2"}}}}})");
  ASSERT_TRUE(simulation->run_until([&] { return complete("web"); }, 5min));
  EXPECT_EQ(list(kReplicaSets).size(), 2u);
  patch(kDeployments, "web", R"({"spec":{"template":{"metadata":{"labels":{"version":null}}}}})");
  ASSERT_TRUE(simulation->run_until([&] { return complete("web"); }, 5min));
  EXPECT_EQ(list(kReplicaSets).size(), 2u) << "the old set is found again, defaults and all";
  EXPECT_EQ(must(api->get(kDeployments, {"demo", "web"})).annotation("deployment.kubernetes.io/revision"), "3");
  simulation->run_for(2min);
  apiserver::Revision settled = server->revision();
  simulation->run_for(20min);
  EXPECT_EQ(server->revision(), settled) << "a settled cluster writes nothing";
}

TEST_P(EmbeddedClusterTest, AJobRunsToItsEnd) {
  agent->runs["job"] = {5s};
  must(api->create(kJobs, from_json(R"({"metadata":{"namespace":"demo","name":"sum"},"spec":{"completions":4,"parallelism":2,
      "completionMode":"Indexed","template":{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"job"}]}}}})")));
  auto job = [&] { return must(api->get(kJobs, {"demo", "sum"})); };
  ASSERT_TRUE(simulation->run_until([&] { return condition_true(job(), "Complete"); }, 2min)) << json::dump(job().doc());
  EXPECT_EQ(json::get_int(job().doc(), 0, "status", "succeeded"), 4);
  EXPECT_EQ(json::get_string(job().doc(), "status", "completedIndexes"), "0-3");
  for (const Object& pod : list(kPods)) EXPECT_FALSE(pod.has_finalizer("batch.kubernetes.io/job-tracking"));
  simulation->run_for(1min);
  apiserver::Revision settled = server->revision();
  simulation->run_for(20min);
  EXPECT_EQ(server->revision(), settled);
  client::DeleteOptions background;
  background.propagation = "Background";
  ASSERT_TRUE(api->remove(kJobs, {"demo", "sum"}, background));
  EXPECT_TRUE(simulation->run_until([&] { return list(kPods).empty(); }, 1min));
}

TEST_P(EmbeddedClusterTest, AServiceGetsItsAddressAndEndpoints) {
  must(api->create(kServices, from_json(R"({"metadata":{"namespace":"demo","name":"web"},
      "spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}})")));
  must(api->create(kDeployments, workload("Deployment", "web", 2)));
  ASSERT_TRUE(simulation->run_until([&] { return complete("web"); }, 1min));
  simulation->run_for(1s);
  Object web = must(api->get(kServices, {"demo", "web"}));
  std::string address(json::get_string(web.doc(), "spec", "clusterIP"));
  EXPECT_TRUE(address.starts_with("127.11.")) << address;
  ASSERT_EQ(json::items(web.doc(), "status", "loadBalancer", "ingress").size(), 1u);
  auto slices = list(kEndpointSlices);
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(json::items(slices[0].doc(), "endpoints").size(), 2u);
  apiserver::Revision settled = server->revision();
  simulation->run_for(1min);
  EXPECT_EQ(server->revision(), settled);
}

TEST_P(EmbeddedClusterTest, ForegroundDeletionGoesFromTheLeaves) {
  must(api->create(kDeployments, workload("Deployment", "web", 2)));
  ASSERT_TRUE(simulation->run_until([&] { return complete("web"); }, 1min));
  client::DeleteOptions foreground;
  foreground.propagation = "Foreground";
  ASSERT_TRUE(api->remove(kDeployments, {"demo", "web"}, foreground));
  bool in_order = true;
  EXPECT_TRUE(simulation->run_until(
      [&] {
        bool pods = !list(kPods).empty(), sets = !list(kReplicaSets).empty(), roots = !list(kDeployments).empty();
        in_order &= (!pods || sets) && (!sets || roots);
        return !pods && !sets && !roots;
      },
      1min));
  EXPECT_TRUE(in_order);
}

TEST_P(EmbeddedClusterTest, ADeletedNamespaceIsEmptiedAndGoes) {
  must(api->create(kDeployments, workload("Deployment", "web", 2)));
  ASSERT_TRUE(simulation->run_until([&] { return complete("web"); }, 1min));
  ASSERT_FALSE(list(kConfigMaps).empty());
  ASSERT_TRUE(api->remove(kNamespaces, {"", "demo"}));
  EXPECT_TRUE(simulation->run_until([&] { return failed_with(api->get(kNamespaces, {"", "demo"}), Code::kNotFound); }, 1min));
  EXPECT_TRUE(list(kPods).empty());
  EXPECT_TRUE(list(kConfigMaps).empty());
}

TEST_P(EmbeddedClusterTest, CustomResourcesAreCollectedToo) {
  must(api->create(kCustomResourceDefinitions, from_json(R"({"metadata":{"name":"widgets.example.com"},"spec":{
      "group":"example.com","scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},
      "versions":[{"name":"v1","served":true,"storage":true,
        "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}})")));
  simulation->run_for(1s);
  Resource widgets{"example.com", "v1", "widgets", "Widget"};
  Object owner = must(api->create(widgets, from_json(R"({"metadata":{"namespace":"demo","name":"owner"}})")));
  must(api->create(kConfigMaps, from_json(R"({"metadata":{"namespace":"demo","name":"owned"}})").edit([&](json::value& doc) {
    json::set(doc, {"metadata", "ownerReferences"}, json::array{controller_reference(owner)});
  })));
  simulation->run_for(1s);
  ASSERT_TRUE(api->get(kConfigMaps, {"demo", "owned"}));
  ASSERT_TRUE(api->remove(widgets, {"demo", "owner"}));
  simulation->run_for(1s);
  EXPECT_TRUE(failed_with(api->get(kConfigMaps, {"demo", "owned"}), Code::kNotFound));
}

INSTANTIATE_TEST_SUITE_P(Seeds, EmbeddedClusterTest, testing::Values(1, 2, 3, 4, 5));

}  // namespace
}  // namespace serin
