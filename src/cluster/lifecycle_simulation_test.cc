// Services, placement, namespaces, garbage and events in a whole cluster, under the virtual clock.

#include <gtest/gtest.h>

#include "cluster/testing/memory_cluster.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;
using namespace kube;

Object service(const std::string& name, const std::string& type = "ClusterIP") {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":")", name, R"("},"spec":{"type":")", type,
                          R"(","selector":{"app":")", name, R"("},"ports":[{"port":80,"targetPort":8080}]}})"));
}

Object config_map(const std::string& name, const Object& owner = {}, const std::string& finalizer = "") {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":")", name, R"("}})")).edit([&](json::value& doc) {
    if (!owner.empty()) json::set(doc, {"metadata", "ownerReferences"}, json::array{controller_reference(owner)});
    if (!finalizer.empty()) json::set(doc, {"metadata", "finalizers"}, json::array{finalizer});
  });
}

json::object conditions(const Object& slice, size_t index = 0) {
  return json::find(json::items(slice.doc(), "endpoints").at(index), "conditions")->get_object();
}

TEST(ServiceSimulation, GetsAnAddressAndEndpointsThatFollowThePods) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kServices, service("web", "LoadBalancer")));
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 1)));
  cluster.simulation.run_for(10s);
  Object web = cluster.get(kServices, "web");
  std::string address(json::get_string(web.doc(), "spec", "clusterIP"));
  EXPECT_TRUE(address.starts_with("127.11.")) << address;
  EXPECT_EQ(json::get_string(json::items(web.doc(), "status", "loadBalancer", "ingress").at(0), "ip"), address);
  auto slices = cluster.list(kEndpointSlices);
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(conditions(slices[0]).at("ready"), true);

  // From the moment of the delete it is not ready, while it goes on serving.
  std::string pod(cluster.list(kPods)[0].name());
  ASSERT_TRUE(cluster.api.remove(kPods, {"demo", pod}));
  cluster.simulation.run_until_idle();
  bool found = false;
  slices = cluster.list(kEndpointSlices);
  for (const json::value& endpoint : json::items(slices.at(0).doc(), "endpoints")) {
    if (json::get_string(endpoint, "targetRef", "name") != pod) continue;
    found = true;
    EXPECT_EQ(json::dump_canonical(*json::find(endpoint, "conditions")), R"({"ready":false,"serving":true,"terminating":true})");
  }
  EXPECT_TRUE(found);
  cluster.simulation.run_for(10s);
  slices = cluster.list(kEndpointSlices);
  EXPECT_NE(json::get_string(json::items(slices[0].doc(), "endpoints").at(0), "targetRef", "name"), pod);

  cluster.patch(kServices, "web", R"({"spec":{"type":"ClusterIP"}})");
  cluster.simulation.run_for(1s);
  EXPECT_TRUE(json::items(cluster.get(kServices, "web").doc(), "status", "loadBalancer", "ingress").empty());
  ASSERT_TRUE(cluster.api.remove(kServices, {"demo", "web"}));
  cluster.simulation.run_for(1s);
  EXPECT_TRUE(cluster.list(kEndpointSlices).empty()) << "slices go with their Service";
}

TEST(ServiceSimulation, NoTwoServicesShareAnAddress) {
  TestCluster cluster;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(cluster.api.create(kServices, service(concat("s", i))));
  cluster.simulation.run_for(1s);
  std::set<std::string> addresses;
  for (const Object& each : cluster.list(kServices)) addresses.emplace(json::get_string(each.doc(), "spec", "clusterIP"));
  EXPECT_EQ(addresses.size(), 50u);
}

TEST(SchedulerSimulation, APodWaitsForANodeAndSaysSo) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 1).edit([](json::value& doc) {
    json::set(doc, {"spec", "template", "spec", "nodeSelector"}, json::object{{"disk", "ssd"}});
  })));
  cluster.simulation.run_for(10s);
  Object pod = cluster.list(kPods).at(0);
  EXPECT_EQ(json::get_string(pod.doc(), "spec", "nodeName"), "");
  const json::value* scheduled = find_condition(pod, "PodScheduled");
  ASSERT_TRUE(scheduled);
  EXPECT_EQ(json::get_string(*scheduled, "reason"), "Unschedulable");
  bool told = false;
  for (const Object& event : cluster.list(kEvents)) told |= json::get_string(event.doc(), "reason") == "FailedScheduling";
  EXPECT_TRUE(told);
  cluster.patch(kNodes, "node-1", R"({"metadata":{"labels":{"disk":"ssd"}}})");
  cluster.simulation.run_for(10s);
  EXPECT_TRUE(condition_true(cluster.list(kPods).at(0), "Ready"));
}

TEST(GarbageSimulation, DependentsGoWithADeploymentInTheBackground) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 3)));
  cluster.simulation.run_for(1min);
  ASSERT_EQ(cluster.list(kPods).size(), 3u);
  ASSERT_TRUE(cluster.api.remove(kDeployments, {"demo", "web"}));
  cluster.simulation.run_for(1min);
  EXPECT_TRUE(cluster.list(kReplicaSets).empty());
  EXPECT_TRUE(cluster.list(kPods).empty());
}

TEST(GarbageSimulation, ForegroundKeepsTheOwnerUntilItsDependentsAreGone) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TestCluster cluster(seed);
    ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 2)));
    cluster.simulation.run_for(1min);
    client::DeleteOptions foreground;
    foreground.propagation = "Foreground";
    ASSERT_TRUE(cluster.api.remove(kDeployments, {"demo", "web"}, foreground));
    bool in_order = true;
    ASSERT_TRUE(cluster.simulation.run_until(
        [&] {
          bool pods = !cluster.list(kPods).empty(), sets = !cluster.list(kReplicaSets).empty();
          bool deployment = !cluster.get(kDeployments, "web").empty();
          in_order &= (!pods || sets) && (!sets || deployment);
          return !pods && !sets && !deployment;
        },
        1min))
        << "seed " << seed;
    EXPECT_TRUE(in_order) << "seed " << seed;
  }
}

TEST(GarbageSimulation, OrphaningKeepsThePods) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 2)));
  cluster.simulation.run_for(1min);
  client::DeleteOptions orphan;
  orphan.propagation = "Orphan";
  ASSERT_TRUE(cluster.api.remove(kReplicaSets, {"demo", "web"}, orphan));
  cluster.simulation.run_for(1min);
  EXPECT_TRUE(cluster.list(kReplicaSets).empty());
  ASSERT_EQ(cluster.list(kPods).size(), 2u);
  for (const Object& pod : cluster.list(kPods)) EXPECT_TRUE(pod.owners().empty());
}

TEST(GarbageSimulation, AnObjectWhoseOwnerNeverWasGoes) {
  TestCluster cluster;
  Object owner = cluster.api.create(kConfigMaps, config_map("owner")).value();
  Object stranger = owner.edit([](json::value& doc) { json::set(doc, {"metadata", "uid"}, "another"); });
  ASSERT_TRUE(cluster.api.create(kConfigMaps, config_map("kept", owner)));
  ASSERT_TRUE(cluster.api.create(kConfigMaps, config_map("lost", stranger)));
  cluster.simulation.run_for(1s);
  EXPECT_FALSE(cluster.get(kConfigMaps, "kept").empty());
  EXPECT_TRUE(cluster.get(kConfigMaps, "lost").empty()) << "an owner of the same name and another uid is another owner";
}

TEST(GarbageSimulation, FollowsResourcesThatComeLater) {
  TestCluster cluster;
  cluster.simulation.run_for(1s);
  Resource widgets{"example.com", "v1", "widgets", "Widget"};
  cluster.api.serve(widgets);
  ASSERT_TRUE(cluster.api.create(kCustomResourceDefinitions, from_json(R"({"metadata":{"name":"widgets.example.com"}})")));
  Object owner = cluster.api.create(kConfigMaps, config_map("owner")).value();
  ASSERT_TRUE(cluster.api.create(widgets, config_map("widget", owner)));
  cluster.simulation.run_for(1s);
  ASSERT_TRUE(cluster.api.remove(kConfigMaps, {"demo", "owner"}));
  cluster.simulation.run_for(1s);
  EXPECT_TRUE(cluster.get(widgets, "widget").empty());
}

TEST(NamespaceSimulation, HasItsDefaultsAndGetsThemBack) {
  TestCluster cluster;
  cluster.simulation.run_for(1s);
  EXPECT_FALSE(cluster.get(kServiceAccounts, "default").empty());
  EXPECT_EQ(json::get_string(cluster.get(kConfigMaps, "kube-root-ca.crt").doc(), "data", "ca.crt"), "certificate");
  cluster.patch(kConfigMaps, "kube-root-ca.crt", R"({"data":{"ca.crt":"forged"}})");
  ASSERT_TRUE(cluster.api.remove(kServiceAccounts, {"demo", "default"}));
  cluster.simulation.run_for(1s);
  EXPECT_FALSE(cluster.get(kServiceAccounts, "default").empty());
  EXPECT_EQ(json::get_string(cluster.get(kConfigMaps, "kube-root-ca.crt").doc(), "data", "ca.crt"), "certificate");
}

TEST(NamespaceSimulation, ADeletedOneIsEmptiedAndGoes) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TestCluster cluster(seed);
    ASSERT_TRUE(cluster.api.create(kDeployments, workload("Deployment", "web", 2)));
    ASSERT_TRUE(cluster.api.create(kServices, service("web")));
    cluster.simulation.run_for(1min);
    ASSERT_TRUE(cluster.api.remove(kNamespaces, {"", "demo"}));
    EXPECT_TRUE(cluster.simulation.run_until([&] { return cluster.get(kNamespaces, "demo").empty(); }, 1min)) << "seed " << seed;
    std::vector<Resource> resources = cluster.api.resources().value();
    for (const Resource& resource : resources) {
      if (resource.namespaced) {
        EXPECT_TRUE(cluster.list(resource).empty()) << resource.plural << ", seed " << seed;
      }
    }
  }
}

TEST(NamespaceSimulation, SaysWhatHoldsItUp) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kConfigMaps, config_map("held", {}, "example.com/hold")));
  ASSERT_TRUE(cluster.api.remove(kNamespaces, {"", "demo"}));
  cluster.simulation.run_for(10s);
  Object space = cluster.get(kNamespaces, "demo");
  EXPECT_EQ(json::get_string(space.doc(), "status", "phase"), "Terminating");
  EXPECT_EQ(json::get_string(*find_condition(space, "NamespaceFinalizersRemaining"), "message"),
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances");
  cluster.patch(kConfigMaps, "held", R"({"metadata":{"finalizers":null}})");
  cluster.simulation.run_for(10s);
  EXPECT_TRUE(cluster.get(kNamespaces, "demo").empty());
}

TEST(EventSimulation, EventsGoAfterAnHour) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 1)));
  cluster.simulation.run_for(30min);
  EXPECT_FALSE(cluster.list(kEvents).empty());
  cluster.simulation.run_for(31min);
  EXPECT_TRUE(cluster.list(kEvents).empty());
}

TEST(AddControllers, LeavesOutWhatItIsToldTo) {
  TestCluster cluster(1, {"scheduler", "garbage-collector"});
  ASSERT_TRUE(cluster.api.create(kReplicaSets, workload("ReplicaSet", "web", 1)));
  cluster.simulation.run_for(1min);
  EXPECT_EQ(json::get_string(cluster.list(kPods).at(0).doc(), "spec", "nodeName"), "");
  ClusterOptions options;
  options.without = {"scheduller"};
  Result<void> added = add_controllers(cluster.manager(), cluster.api, options);
  ASSERT_FALSE(added);
  EXPECT_NE(added.error().message.find("scheduller"), std::string::npos);
}

}  // namespace
}  // namespace serin::cluster
