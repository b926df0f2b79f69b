#include "mesh/view.h"

#include <gtest/gtest.h>

#include "mesh/test_support.h"

namespace serin::mesh {
namespace {

using namespace test;

const std::string kConsumer = "consumer.demo.svc.cluster.local";

std::vector<std::string> addresses(const MeshView& view, const std::string& fqdn = kConsumer) {
  std::vector<std::string> out;
  if (const MeshService* found = view.service(fqdn))
    for (const Endpoint& endpoint : found->endpoints) out.push_back(endpoint.address);
  return out;
}

using List = std::vector<std::string>;

TEST(MeshState, OneServiceOverTwoClusters) {
  MeshState state;
  state.set_members({"work-2", "work-1"});
  for (const char* cluster : {"work-1", "work-2"}) {
    state.put_workload(cluster, service("consumer", cluster == std::string("work-1") ? "http" : "grpc", 9090, concat("10.0.0.", cluster[5])));
    state.put_workload(cluster, pod("a", "hash: one"));
    state.put_workload(cluster, slice("consumer", "http", 8080, endpoint("a", concat("10.1.0.", cluster[5]))));
  }
  MeshViewPtr view = state.view();
  const MeshService& consumer = *view->service(kConsumer);
  EXPECT_EQ(addresses(*view), (List{"10.1.0.1", "10.1.0.2"}));
  EXPECT_EQ(consumer.ports[0].name, "grpc") << "the first member gives the shape";
  EXPECT_EQ(consumer.clusters.at("work-1")->vip, "10.0.0.1");
  EXPECT_EQ(consumer.clusters.at("work-2")->vip, "10.0.0.2");
  EXPECT_EQ(consumer.endpoints[0].labels.at("topology.istio.io/cluster"), "work-1");
  EXPECT_EQ(consumer.endpoints[0].labels.at("hash"), "one");
  EXPECT_EQ(consumer.endpoints[0].ports.at("http"), 8080);

  state.set_members({"work-1"});
  EXPECT_EQ(addresses(*state.view()), List{"10.1.0.1"}) << "a member left";
  state.set_members({"work-1", "work-2"});
  EXPECT_EQ(addresses(*state.view()).size(), 2u) << "and came back";
}

TEST(MeshState, OnlyWhoTakesRequestsCounts) {
  struct Row {
    const char *what, *conditions;
    bool counts;
  } rows[] = {{"ready", "ready: true", true},
              {"no condition", "", true},
              {"not ready", "ready: false", false},
              {"terminating", "ready: true, terminating: true", false}};
  for (const Row& row : rows) {
    MeshState state;
    state.set_members({"work-1"});
    state.put_workload("work-1", service("consumer", "http", 9090, "10.0.0.1"));
    state.put_workload("work-1", pod("a", "hash: one"));
    state.put_workload("work-1", slice("consumer", "http", 8080, endpoint("a", "10.1.0.1", row.conditions)));
    EXPECT_EQ(addresses(*state.view()).size(), row.counts ? 1u : 0u) << row.what;
  }
}

TEST(MeshState, APodCountsFromWhenItIsKnownUntilItIsDeleted) {
  MeshState state;
  state.set_members({"work-1"});
  state.put_workload("work-1", service("consumer", "http", 9090, "10.0.0.1"));
  state.put_workload("work-1", slice("consumer", "http", 8080, endpoint("a", "10.1.0.1")));
  EXPECT_EQ(addresses(*state.view()), List{}) << "its labels are unknown";
  EXPECT_TRUE(state.served("work-1", {"demo", "a"}));
  kube::Object a = pod("a", "hash: one");
  state.put_workload("work-1", a);
  EXPECT_EQ(addresses(*state.view()), List{"10.1.0.1"});
  state.put_workload("work-1", a.edit([](json::value& doc) { json::set(doc, {"metadata", "deletionTimestamp"}, "2026-01-01T00:00:00Z"); }));
  EXPECT_EQ(addresses(*state.view()), List{}) << "before the slice follows";
  state.remove_workload("work-1", "Pod", {"demo", "a"});
  EXPECT_EQ(addresses(*state.view()), List{}) << "the slice still names it";
  state.put_workload("work-1", a.edit([](json::value& doc) { json::set(doc, {"metadata", "uid"}, "another"); }));
  EXPECT_EQ(addresses(*state.view()), List{}) << "another pod of this name";
  EXPECT_FALSE(state.served("work-1", {"demo", "b"}));
}

TEST(MeshState, AnAddressMovesBetweenSlices) {
  MeshState state;
  state.set_members({"work-1"});
  state.put_workload("work-1", service("consumer", "http", 9090, "10.0.0.1"));
  state.put_workload("work-1", pod("a", "hash: one"));
  state.put_workload("work-1", slice("consumer", "http", 8080, endpoint("a", "10.1.0.1"), "x"));
  state.put_workload("work-1", slice("consumer", "http", 8080, endpoint("a", "10.1.0.1"), "y"));
  EXPECT_EQ(addresses(*state.view()), List{"10.1.0.1"}) << "once";
  state.put_workload("work-1", slice("consumer", "http", 8080, "", "x"));
  EXPECT_EQ(addresses(*state.view()), List{"10.1.0.1"});
  state.put_workload("work-1", pod("a", "hash: two"));
  EXPECT_EQ(state.view()->service(kConsumer)->endpoints[0].labels.at("hash"), "two") << "the other slice still names it";
}

TEST(MeshState, UnchangedPartsKeepTheirPointers) {
  MeshState state;
  state.set_members({"work-1"});
  for (const char* name : {"consumer", "provider"}) state.put_workload("work-1", service(name, "http", 80, "10.0.0.1"));
  kube::Object route = consumer_route(100, 0);
  state.put_config(route);
  MeshViewPtr before = state.view();
  EXPECT_EQ(state.view(), before);
  state.put_config(route.edit([](json::value& doc) { json::set(doc, {"status", "observedGeneration"}, 1); }));
  EXPECT_EQ(state.view(), before) << "a status write is no change";
  state.put_workload("work-1", service("consumer", "http", 81, "10.0.0.1"));
  MeshViewPtr after = state.view();
  EXPECT_NE(after->services.at(kConsumer), before->services.at(kConsumer));
  EXPECT_EQ(after->services.at("provider.demo.svc.cluster.local"), before->services.at("provider.demo.svc.cluster.local"));
  EXPECT_EQ(after->virtual_services[0], before->virtual_services[0]);
}

kube::Object rule(const char* name, const char* ns, const char* host, const char* more = "") {
  return object(concat("{kind: DestinationRule, metadata: {name: ", name, ", namespace: ", ns, "}, spec: {host: '", host,
                       "', subsets: [{name: ", name, "}]", more, "}}"));
}

List rules_for(std::initializer_list<kube::Object> rules, const char* proxy_ns) {
  MeshState state;
  state.set_members({"work-1"});
  state.put_workload("work-1", service("consumer", "http", 80, "10.0.0.1"));
  for (const kube::Object& item : rules) state.put_config(item);
  MeshViewPtr view = state.view();
  List out;
  for (const auto& found : view->rules_for(*view->service(kConsumer), proxy_ns)) out.push_back(found->source.name.name);
  return out;
}

TEST(MeshView, RulesByNamespaceAndHost) {
  EXPECT_EQ(rules_for({rule("a", "demo", "consumer"), rule("b", "demo", "consumer")}, "demo"), (List{"a", "b"}));
  EXPECT_EQ(rules_for({rule("a", "demo", "*.demo.svc.cluster.local"), rule("b", "demo", "consumer")}, "demo"), List{"b"});
  EXPECT_EQ(rules_for({rule("a", "demo", "*.cluster.local"), rule("b", "demo", "*.demo.svc.cluster.local")}, "x"), List{"b"});
  EXPECT_EQ(rules_for({rule("a", "edge", kConsumer.c_str()), rule("b", "demo", "consumer")}, "edge"), List{"a"})
      << "the proxy's own namespace first";
  EXPECT_EQ(rules_for({rule("a", "edge", kConsumer.c_str()), rule("b", "demo", "consumer")}, "x"), List{"b"});
  EXPECT_EQ(rules_for({rule("a", "istio-system", kConsumer.c_str())}, "x"), List{"a"}) << "the root namespace last";
  EXPECT_EQ(rules_for({rule("a", "demo", "consumer", ", exportTo: ['.']")}, "x"), List{});
  EXPECT_EQ(rules_for({rule("a", "demo", "other")}, "demo"), List{});
}

}  // namespace
}  // namespace serin::mesh
