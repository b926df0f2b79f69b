// Endpoints of Services, and EndpointSlices of Endpoints made by hand.

#include <gtest/gtest.h>

#include "cluster/endpoints/endpoints_planner.h"
#include "cluster/endpoints/mirror_planner.h"
#include "cluster/testing/memory_cluster.h"

namespace serin::cluster {
namespace {

using namespace std::chrono_literals;
using kube::Object;

Object service(const std::string& spec = R"({"selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":8080}]})") {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":"web","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"team":"a"}},"spec":)",
                          spec, "}"));
}

Object pod(int number, bool ready = true, bool deleting = false) {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":"p)", number, R"(","uid":"u)", number, R"(","labels":{"app":"web"}},
      "spec":{"nodeName":"node-1","hostname":"h)", number, R"(","subdomain":"web"},
      "status":{"podIP":"127.11.0.)", number, R"(","conditions":[{"type":"Ready","lastTransitionTime":"2026-01-01T00:01:00Z","status":")",
                          ready ? "True" : "False", R"("}]}})"))
      .edit([&](json::value& doc) {
        if (deleting) json::set(doc, {"metadata", "deletionTimestamp"}, "2026-01-01T00:00:00Z");
      });
}

TEST(EndpointsPlan, DescribesReadyAndOtherPods) {
  client::Write write = *plan({service(), {pod(1), pod(2, false), pod(3, true, true)}, std::nullopt});
  EXPECT_EQ(write.verb, client::Write::Verb::kCreate);
  EXPECT_EQ(json::dump_canonical(*json::find(write.object.doc(), "subsets")),
            R"([{"addresses":[{"hostname":"h1","ip":"127.11.0.1","nodeName":"node-1","targetRef":{"kind":"Pod","name":"p1","namespace":"demo","uid":"u1"}}],)"
            R"("notReadyAddresses":[{"hostname":"h2","ip":"127.11.0.2","nodeName":"node-1","targetRef":{"kind":"Pod","name":"p2","namespace":"demo","uid":"u2"}}],)"
            R"("ports":[{"name":"http","port":8080,"protocol":"TCP"}]}])");
  EXPECT_EQ(write.object.label("team"), "a");
  EXPECT_EQ(write.object.annotation(kLastChange), "2026-01-01T00:00:00Z") << "the Service was made";
  EXPECT_FALSE(plan({service(), {pod(1), pod(2, false)}, write.object})) << "a second plan writes nothing";
  client::Write next = *plan({service(), {pod(1), pod(2)}, write.object});
  EXPECT_EQ(next.object.annotation(kLastChange), "2026-01-01T00:01:00Z");
  EXPECT_EQ(json::items(json::items(next.object.doc(), "subsets").at(0), "addresses").size(), 2u);
}

TEST(EndpointsPlan, HoldsAThousandAddressesAndSaysSo) {
  std::vector<Object> pods;
  for (int i = 0; i < 12; ++i) pods.push_back(pod(i, i >= 4));
  Object endpoints = plan({service(), pods, std::nullopt}, 10)->object;
  EXPECT_EQ(endpoints.annotation(kOverCapacity), "truncated");
  const json::value& subset = json::items(endpoints.doc(), "subsets").at(0);
  EXPECT_EQ(json::items(subset, "addresses").size(), 8u) << "ready ones first";
  EXPECT_EQ(json::items(subset, "notReadyAddresses").size(), 2u);
  pods.resize(5);
  EXPECT_FALSE(plan({service(), pods, endpoints}, 10)->object.has_annotation(kOverCapacity));
}

TEST(EndpointsPlan, LeavesServicesWithoutSelectorAlone) {
  EXPECT_FALSE(plan({service(R"({"ports":[{"port":80}]})"), {pod(1)}, std::nullopt}));
  EXPECT_FALSE(plan({service(R"({"type":"ExternalName","selector":{"app":"web"}})"), {pod(1)}, std::nullopt}));
  auto publishing = plan({service(R"({"selector":{"app":"web"},"clusterIP":"None","publishNotReadyAddresses":true})"), {pod(1, false, true)}, std::nullopt});
  EXPECT_EQ(json::items(json::items(publishing->object.doc(), "subsets").at(0), "addresses").size(), 1u);
  EXPECT_TRUE(json::find(publishing->object.doc(), "metadata", "labels", "service.kubernetes.io/headless"));
}

Object by_hand(const std::string& metadata = "") {
  return from_json(concat(R"({"metadata":{"namespace":"demo","name":"web","uid":"e","labels":{"team":"b"})", metadata, R"(},"subsets":[
      {"addresses":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"notReadyAddresses":[{"ip":"10.0.0.2","hostname":"two"}],"ports":[{"name":"http","port":80,"protocol":"TCP"}]}]})"));
}

TEST(MirrorPlan, MakesSlicesPerTypeOfAddress) {
  Object manual = service(R"({"ports":[{"name":"http","port":80}]})");
  std::vector<client::Write> writes = plan(MirrorObserved{manual, by_hand(), {}});
  ASSERT_EQ(writes.size(), 2u);
  const Object& first = writes[0].object;
  EXPECT_EQ(json::get_string(first.doc(), "addressType"), "IPv4");
  EXPECT_EQ(json::dump_canonical(*json::find(first.doc(), "endpoints")),
            R"([{"addresses":["10.0.0.1"],"conditions":{"ready":true}},{"addresses":["10.0.0.2"],"conditions":{"ready":false},"hostname":"two"}])");
  EXPECT_EQ(first.label(kManagedByLabel), kMirroredBy);
  EXPECT_EQ(first.label("team"), "b");
  EXPECT_EQ(first.controller()->kind, "");
  EXPECT_EQ(first.controller()->uid, "e");
  std::vector<Object> slices;
  for (const client::Write& write : writes)
    slices.push_back(write.object.edit([&](json::value& doc) { json::set(doc, {"metadata", "name"}, json::value(concat("s", slices.size()))); }));
  EXPECT_TRUE(plan(MirrorObserved{manual, by_hand(), slices}).empty());
  EXPECT_EQ(plan(MirrorObserved{service(), by_hand(), slices}).size(), 2u) << "the Service has a selector now";
  EXPECT_EQ(plan(MirrorObserved{manual, by_hand(R"(,"annotations":{"control-plane.alpha.kubernetes.io/leader":"x"})"), slices}).size(), 2u);
}

TEST(EndpointsSimulation, BothFormsFollowTheService) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kube::kServices, service()));
  ASSERT_TRUE(cluster.api.create(kube::kDeployments, workload("Deployment", "web", 2)));
  cluster.simulation.run_for(1min);
  Object endpoints = cluster.get(kube::kEndpoints, "web");
  ASSERT_EQ(json::items(endpoints.doc(), "subsets").size(), 1u);
  EXPECT_EQ(json::items(json::items(endpoints.doc(), "subsets").at(0), "addresses").size(), 2u);
  EXPECT_EQ(cluster.list(kube::kEndpointSlices).size(), 1u) << "what was made is not mirrored";
  uint64_t settled = cluster.api.revision();
  cluster.simulation.run_for(20min);
  EXPECT_EQ(cluster.api.revision(), settled);
  ASSERT_TRUE(cluster.api.remove(kube::kServices, {"demo", "web"}));
  cluster.simulation.run_for(10s);
  EXPECT_TRUE(cluster.get(kube::kEndpoints, "web").empty());
  EXPECT_TRUE(cluster.list(kube::kEndpointSlices).empty());
}

TEST(EndpointsSimulation, HandMadeOnesAreMirrored) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.api.create(kube::kServices, service(R"({"ports":[{"name":"http","port":80}]})")));
  ASSERT_TRUE(cluster.api.create(kube::kEndpoints, by_hand()));
  cluster.simulation.run_for(10s);
  EXPECT_EQ(cluster.list(kube::kEndpointSlices).size(), 2u);
  cluster.patch(kube::kEndpoints, "web", R"({"subsets":[{"addresses":[{"ip":"10.0.0.9"}]}]})");
  cluster.simulation.run_for(10s);
  auto slices = cluster.list(kube::kEndpointSlices);
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(json::as_string(&json::items(json::items(slices[0].doc(), "endpoints").at(0), "addresses").at(0)), "10.0.0.9");
  ASSERT_TRUE(cluster.api.remove(kube::kEndpoints, {"demo", "web"}));
  cluster.simulation.run_for(10s);
  EXPECT_TRUE(cluster.list(kube::kEndpointSlices).empty());
}

}  // namespace
}  // namespace serin::cluster
