#include "mesh/mesh_controller.h"

#include <gtest/gtest.h>

#include <thread>

#include "client/testing/memory_client.h"
#include "kube/resources.h"
#include "mesh/test_support.h"

namespace serin::mesh {
namespace {

using namespace std::chrono_literals;
using namespace test;
using client::testing::MemoryClient;

bool eventually(const std::function<bool()>& holds) {
  auto end = std::chrono::steady_clock::now() + 30s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// Hub, hosted mesh and two work clusters in memory; the controllers on threads.
struct World {
  struct Clusters final : client::ClusterSet {
    std::map<std::string, client::Client*> all;
    Result<client::Client*> cluster(const std::string& name) override {
      auto found = all.find(name);
      if (found == all.end()) return fail(Code::kNotFound, "no cluster " + name);
      return found->second;
    }
  };
  SystemClock clock;
  MemoryClient hub{clock, 1}, hosted{clock, 2}, one{clock, 3}, two{clock, 4};
  Clusters clusters;
  client::Manager manager{clock};
  std::unique_ptr<MeshController> mesh;

  World() {
    clusters.all = {{"mesh", &hosted}, {"work-1", &one}, {"work-2", &two}};
    put_mesh({"work-1", "work-2"});
    MeshOptions options;
    options.settle = 0s;
    mesh = std::make_unique<MeshController>(options, clusters, manager);
    EXPECT_TRUE(mesh->start(hub));
    manager.start();
  }
  ~World() {
    manager.stop();
    mesh.reset();
  }

  static kube::Object fresh(const kube::Object& object) {
    return object.edit([](json::value& doc) {
      json::erase(doc, {"metadata", "generation"});
      json::erase(doc, {"metadata", "uid"});
    });
  }
  void put_mesh(std::vector<std::string> members) {
    json::array list, names;
    for (const std::string& member : members) {
      list.push_back(json::object{{"cluster", member}});
      names.emplace_back(member);
    }
    json::object spec{{"members", list}, {"synchronise", names}};
    if (hub.get(kube::kMeshes, {"", "default"})) {
      EXPECT_TRUE(hub.patch(kube::kMeshes, {"", "default"}, {client::Patch::Type::kMerge, json::object{{"spec", spec}}}));
    } else {
      EXPECT_TRUE(hub.create(kube::kMeshes, kube::Object(json::object{{"apiVersion", "serin.io/v1alpha1"},
                                                                      {"kind", "Mesh"},
                                                                      {"metadata", json::object{{"name", "default"}}},
                                                                      {"spec", spec}})));
    }
  }
  void put(MemoryClient& client, const client::Resource& resource, const kube::Object& object) {
    auto made = client.create(resource, fresh(object));
    EXPECT_TRUE(made) << made.error().message;
  }
  kube::Object route(MemoryClient& client) {
    auto found = client.get(kube::kVirtualServices, {"demo", "consumer"});
    return found ? *found : kube::Object();
  }
  bool confirmed(MemoryClient& client, int64_t generation) {
    kube::Object found = route(client);
    return kube::condition_true(found, "Reconciled") && json::get_int(found.doc(), 0, "status", "observedGeneration") == generation;
  }
};

TEST(MeshController, AWeightGoesInAndItsConfirmationComesBack) {
  World world;
  world.put(world.one, kube::kVirtualServices, consumer_route(100, 0));
  ASSERT_TRUE(eventually([&] { return world.confirmed(world.one, 1); }));
  EXPECT_EQ(world.route(world.hosted).label("mspider.io/origin-cluster"), "work-1");
  ASSERT_TRUE(world.one.patch(kube::kVirtualServices, {"demo", "consumer"},
                              {client::Patch::Type::kMerge, json::object{{"spec", *json::find(consumer_route(95, 5).doc(), "spec")}}}));
  ASSERT_TRUE(eventually([&] { return world.confirmed(world.one, 2); }));
  EXPECT_EQ(*json::find(world.route(world.hosted).doc(), "spec"), *json::find(consumer_route(95, 5).doc(), "spec"));
}

TEST(MeshController, MembersLeaveAndReturn) {
  World world;
  world.put(world.one, kube::kVirtualServices, consumer_route(100, 0));
  world.put(world.two, kube::kVirtualServices, consumer_route(0, 100));
  auto origin = [&] { return std::string(world.route(world.hosted).label("mspider.io/origin-cluster")); };
  ASSERT_TRUE(eventually([&] { return origin() == "work-1"; }));
  ASSERT_TRUE(eventually([&] {
    const json::value* said = kube::find_condition(world.route(world.two), "InForce");
    return said && json::get_string(*said, "reason") == "OtherClusterFirst";
  }));
  world.put_mesh({"work-2"});
  ASSERT_TRUE(eventually([&] { return origin() == "work-2" && world.confirmed(world.two, 1); }));
  world.put_mesh({"work-1", "work-2"});
  ASSERT_TRUE(eventually([&] { return origin() == "work-1"; }));
  world.put_mesh({});
  ASSERT_TRUE(eventually([&] { return origin().empty() && world.route(world.hosted).empty(); }));
}

TEST(MeshController, APodThatServedIsToldWhenNobodyUsesIt) {
  World world;
  world.put(world.one, kube::kServices, service("consumer", "http", 9090, "10.0.0.1"));
  auto add = [&](const char* name, const char* address) {
    kube::Object made = pod(name, "app: consumer");
    world.put(world.one, kube::kPods, made.edit([&](json::value& doc) {
      json::set(doc, {"metadata", "finalizers"}, json::array{"test/stays"});
      json::set(doc, {"status", "podIP"}, address);
    }));
    client::WriteOptions status;
    status.subresource = "status";
    world.one.patch(kube::kPods, {"demo", name},
                    {client::Patch::Type::kMerge, json::object{{"status", json::object{{"podIP", address}, {"conditions", json::array{json::object{{"type", "Ready"}, {"status", "True"}}}}}}}}, status);
  };
  add("serves", "10.1.0.1");
  add("never", "10.1.0.2");
  std::string uid(world.one.get(kube::kPods, {"demo", "serves"})->uid());
  world.put(world.one, kube::kEndpointSlices,
            slice("consumer", "http", 8080, concat("{addresses: [10.1.0.1], conditions: {ready: true}, targetRef: {kind: Pod, name: serves, uid: ", uid, "}}")));
  world.put(world.one, kube::kVirtualServices, consumer_route(100, 0));
  ASSERT_TRUE(eventually([&] { return world.confirmed(world.one, 1); }));
  world.one.remove(kube::kPods, {"demo", "never"});
  world.one.remove(kube::kPods, {"demo", "serves"});
  auto drained = [&](const char* name) { return kube::condition_true(*world.one.get(kube::kPods, {"demo", name}), kDrainedCondition); };
  ASSERT_TRUE(eventually([&] { return drained("serves"); })) << "no proxy is connected";
  EXPECT_TRUE(kube::condition_true(*world.one.get(kube::kPods, {"demo", "serves"}), "Ready")) << "other conditions stay";
  EXPECT_FALSE(drained("never"));
}

TEST(DrainReconciler, WaitsUntilTheAddressIsFree) {
  VirtualClock clock;
  World::Clusters clusters;
  MemoryClient one(clock);
  clusters.all = {{"work-1", &one}};
  std::set<std::string> used{"10.1.0.1"};
  DrainReconciler reconciler(clusters, [&](const std::string& address) { return used.contains(address); },
                             [](const std::string&, const kube::NamespacedName&) { return true; }, clock);
  ASSERT_TRUE(one.create(kube::kPods, World::fresh(pod("a", "x: y")).edit([](json::value& doc) {
    json::set(doc, {"metadata", "finalizers"}, json::array{"test/stays"});
  })));
  client::WriteOptions status;
  status.subresource = "status";
  ASSERT_TRUE(one.patch(kube::kPods, {"demo", "a"}, {client::Patch::Type::kMerge, json::object{{"status", json::object{{"podIP", "10.1.0.1"}}}}}, status));
  client::Key key{"work-1", {"demo", "a"}};
  auto drained = [&] { return kube::condition_true(*one.get(kube::kPods, key.name), kDrainedCondition); };
  used.clear();
  ASSERT_TRUE(reconciler.reconcile(key));
  EXPECT_FALSE(drained()) << "it is not being deleted";
  used = {"10.1.0.1"};
  ASSERT_TRUE(one.remove(kube::kPods, key.name));
  ASSERT_TRUE(reconciler.reconcile(key));
  EXPECT_FALSE(drained());
  EXPECT_TRUE(reconciler.waiting({"10.1.0.2"}).empty());
  EXPECT_EQ(reconciler.waiting({"10.1.0.1"}).size(), 1u);
  used.clear();
  ASSERT_TRUE(reconciler.reconcile(key));
  EXPECT_TRUE(drained());
  EXPECT_TRUE(reconciler.waiting({}).empty());
  uint64_t revision = one.revision();
  ASSERT_TRUE(reconciler.reconcile(key));
  EXPECT_EQ(one.revision(), revision) << "said once";
}

}  // namespace
}  // namespace serin::mesh
