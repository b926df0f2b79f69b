#include "mesh/sync/sync_planner.h"

#include <gtest/gtest.h>

#include "client/testing/memory_client.h"
#include "kube/resources.h"
#include "mesh/test_support.h"

namespace serin::mesh {
namespace {

using client::testing::MemoryClient;

/// Clusters in memory; `pass` plans and writes, `settle` also checks the law that a second plan is empty.
struct World {
  VirtualClock clock;
  MemoryClient hosted{clock}, one{clock, 2}, two{clock, 3};
  std::map<std::string, MemoryClient*> members{{"work-1", &one}, {"work-2", &two}};
  MeshSpec mesh{"mesh", {"work-1", "work-2"}, {"work-1", "work-2"}, true};
  kube::NamespacedName name{"demo", "consumer"};

  SyncDecision decide() {
    SyncObserved observed{kube::kVirtualServices, name, mesh, {}, true, {}};
    if (auto found = hosted.get(kube::kVirtualServices, name)) observed.hosted = *found;
    observed.hosted_namespace = hosted.get(kube::kNamespaces, {"", "demo"}).has_value();
    for (auto& [cluster, client] : members)
      if (auto found = client->get(kube::kVirtualServices, name)) observed.in_clusters.emplace(cluster, *found);
    return plan(observed, clock.now());
  }
  void pass() {
    SyncDecision decision = decide();
    EXPECT_TRUE(client::execute(hosted, decision.hosted));
    for (auto& [cluster, writes] : decision.clusters) EXPECT_TRUE(client::execute(*members[cluster], writes));
  }
  void settle() {
    pass();
    pass();  // the status of a copy that has just been made
    SyncDecision again = decide();
    EXPECT_TRUE(again.empty()) << (again.hosted.empty() ? "" : again.hosted[0].why);
  }
  void put(MemoryClient& client, int canary) {
    kube::Object object = test::consumer_route(100 - canary, canary).edit([](json::value& doc) {
      json::erase(doc, {"metadata", "generation"});
      json::erase(doc, {"metadata", "uid"});
    });
    ASSERT_TRUE(client.create(kube::kVirtualServices, object));
  }
  std::optional<kube::Object> copy() {
    auto found = hosted.get(kube::kVirtualServices, name);
    return found ? std::optional(*found) : std::nullopt;
  }
  std::string origin() { return copy() ? std::string(copy()->label(kOriginClusterLabel)) : "(none)"; }
  std::string said(MemoryClient& client) {
    auto found = client.get(kube::kVirtualServices, name);
    const json::value* condition = found ? kube::find_condition(*found, "InForce") : nullptr;
    return condition ? std::string(json::get_string(*condition, "reason")) : "";
  }
};

TEST(SyncPlanner, CopiesWithLabelsAndGeneration) {
  World world;
  world.put(world.one, 5);
  world.settle();
  kube::Object copy = *world.copy();
  EXPECT_EQ(copy.label("mspider.io/origin-cluster"), "work-1");
  EXPECT_EQ(copy.label("mspider.io/synced-from"), "work-cluster");
  EXPECT_EQ(copy.annotation("serin.io/origin-generation"), "1");
  EXPECT_EQ(*json::find(copy.doc(), "spec"), *json::find(test::consumer_route(95, 5).doc(), "spec"));
  EXPECT_TRUE(world.hosted.get(kube::kNamespaces, {"", "demo"})) << "its namespace was made";
  EXPECT_EQ(world.said(world.one), "Copied");
}

TEST(SyncPlanner, AnObjectInForceSaysAtOnceThatItWillBeConfirmed) {
  World world;
  world.put(world.one, 5);
  world.settle();
  kube::Object original = *world.one.get(kube::kVirtualServices, world.name);
  const json::value* pending = kube::find_condition(original, "Reconciled");
  ASSERT_TRUE(pending) << "silence would read as a mesh that confirms nothing";
  EXPECT_EQ(json::get_string(*pending, "status"), "False");
  EXPECT_EQ(json::get_string(*pending, "reason"), "Pending");
  EXPECT_FALSE(json::find(original.doc(), "status", "observedGeneration"));
}

TEST(SyncPlanner, AHostedObjectWins) {
  World world;
  world.put(world.hosted, 1);
  world.put(world.one, 5);
  world.settle();
  EXPECT_EQ(world.origin(), "");
  EXPECT_EQ(world.said(world.one), "HostedObjectExists");
  ASSERT_TRUE(world.hosted.remove(kube::kVirtualServices, world.name));
  world.settle();
  EXPECT_EQ(world.origin(), "work-1") << "until it is gone";
}

TEST(SyncPlanner, TheFirstClusterWinsAndTheNextTakesOver) {
  World world;
  world.put(world.two, 7);
  world.settle();
  EXPECT_EQ(world.origin(), "work-2");
  world.put(world.one, 5);
  world.settle();
  EXPECT_EQ(world.origin(), "work-1");
  EXPECT_EQ(world.said(world.two), "OtherClusterFirst");
  ASSERT_TRUE(world.one.remove(kube::kVirtualServices, world.name));
  world.settle();
  EXPECT_EQ(world.origin(), "work-2");
  EXPECT_EQ(world.said(world.two), "Copied");
  ASSERT_TRUE(world.two.remove(kube::kVirtualServices, world.name));
  world.settle();
  EXPECT_EQ(world.origin(), "(none)");
}

TEST(SyncPlanner, WithoutLabelsACopyBelongsToTheHostedMesh) {
  World world;
  world.put(world.one, 5);
  world.settle();
  kube::Object copy = *world.copy();
  ASSERT_TRUE(world.hosted.update(kube::kVirtualServices, copy.edit([](json::value& doc) { json::erase(doc, {"metadata", "labels"}); })));
  world.settle();
  EXPECT_EQ(world.said(world.one), "HostedObjectExists");
  ASSERT_TRUE(world.one.remove(kube::kVirtualServices, world.name));
  world.settle();
  EXPECT_TRUE(world.copy()) << "it stays";
}

TEST(SyncPlanner, SwitchingOffRemovesUnlessToldNotTo) {
  for (bool auto_remove : {true, false}) {
    World world;
    world.put(world.one, 5);
    world.settle();
    world.mesh.synchronise = {};
    world.mesh.auto_remove = auto_remove;
    world.settle();
    EXPECT_EQ(world.copy().has_value(), !auto_remove);
    EXPECT_EQ(world.said(world.one), "") << "nothing is said where nothing is copied";
  }
}

TEST(SyncPlanner, StatusComesBackInTheOriginsCounting) {
  World world;
  world.put(world.one, 5);
  world.settle();
  auto patch = [&](MemoryClient& client, json::value body, const char* subresource = "") {
    client::WriteOptions options;
    options.subresource = subresource;
    ASSERT_TRUE(client.patch(kube::kVirtualServices, world.name, {client::Patch::Type::kMerge, std::move(body)}, options));
  };
  auto confirm = [&](const char* status) {
    json::value said = json::object();
    kube::set_condition(said, "Reconciled", status, "Acknowledged", "2/2 proxies", world.clock.now());
    json::set(said, {"observedGeneration"}, world.copy()->generation());
    patch(world.hosted, json::object{{"status", said}}, "status");
  };
  // The copy has seen fewer changes than its origin.
  for (int canary : {10, 20, 30})
    patch(world.one, json::object{{"spec", *json::find(test::consumer_route(100 - canary, canary).doc(), "spec")}});
  world.settle();
  EXPECT_EQ(world.one.get(kube::kVirtualServices, world.name)->generation(), 4);
  EXPECT_EQ(world.copy()->generation(), 2);
  confirm("True");
  world.settle();
  kube::Object origin = *world.one.get(kube::kVirtualServices, world.name);
  EXPECT_EQ(json::get_int(origin.doc(), 0, "status", "observedGeneration"), 4);
  EXPECT_TRUE(kube::condition_true(origin, "Reconciled"));

  // A newer generation is not confirmed by an older status.
  patch(world.one, json::object{{"spec", *json::find(test::consumer_route(60, 40).doc(), "spec")}});
  world.settle();
  origin = *world.one.get(kube::kVirtualServices, world.name);
  EXPECT_EQ(json::get_int(origin.doc(), 0, "status", "observedGeneration"), 4);
  EXPECT_EQ(origin.generation(), 5);

  // One that loses is not confirmed at all.
  world.put(world.two, 5);
  world.mesh.synchronise = {"work-2", "work-1"};
  world.settle();
  origin = *world.one.get(kube::kVirtualServices, world.name);
  EXPECT_EQ(kube::find_condition(origin, "Reconciled"), nullptr);
  EXPECT_EQ(json::find(origin.doc(), "status", "observedGeneration"), nullptr);
}

TEST(SyncPlanner, TheObjectInForceSaysThatNothingIsKnownYet) {
  World world;
  world.put(world.one, 5);
  world.put(world.two, 7);
  world.settle();
  kube::Object origin = *world.one.get(kube::kVirtualServices, world.name);
  const json::value* condition = kube::find_condition(origin, "Reconciled");
  ASSERT_NE(condition, nullptr) << "its absence would mean that nobody ever confirms";
  EXPECT_EQ(json::get_string(*condition, "status"), "False");
  EXPECT_EQ(json::find(origin.doc(), "status", "observedGeneration"), nullptr);
  kube::Object other = *world.two.get(kube::kVirtualServices, world.name);
  EXPECT_EQ(kube::find_condition(other, "Reconciled"), nullptr);
}

TEST(SyncPlanner, NothingFlowsBack) {
  World world;
  world.put(world.one, 5);
  world.settle();
  world.hosted.patch(kube::kVirtualServices, world.name, {client::Patch::Type::kMerge, json::object{{"spec", json::object{{"hosts", json::array{"x"}}}}}});
  world.settle();
  EXPECT_EQ(*json::find(world.copy()->doc(), "spec"), *json::find(test::consumer_route(95, 5).doc(), "spec")) << "the copy is put right";
  EXPECT_EQ(world.one.get(kube::kVirtualServices, world.name)->generation(), 1);
}

TEST(MeshSpec, Reads) {
  MeshSpec spec = MeshSpec::read(test::object("{kind: Mesh, metadata: {name: default}, spec: {members: [{cluster: a}, {cluster: b}], synchronise: [b], autoRemove: false}}"));
  EXPECT_EQ(spec, (MeshSpec{"mesh", {"a", "b"}, {"b"}, false}));
}

}  // namespace
}  // namespace serin::mesh
