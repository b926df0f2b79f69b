#pragma once

/// A whole simulated cluster for this module's tests: the memory client, all controllers, a node and its agent.

#include <cstdlib>
#include <memory>
#include <set>

#include "client/testing/memory_client.h"
#include "cluster/controllers.h"
#include "cluster/testing/fake_agent.h"
#include "cluster/testing/objects.h"

namespace serin::cluster {

struct TestCluster {
  explicit TestCluster(uint64_t seed = 1, std::set<std::string> without = {}) : simulation(clock, seed) {
    options.ca_pem = "certificate";
    options.without = std::move(without);
    restart();
    simulation.add(controllers);
    simulation.add(agent);
    api.create(kube::kNodes, node("node-1")).value();
    // A memory client drops the status of what it creates.
    execute(api, client::patch_status(kube::kNodes, {"", "node-1"}, *json::find(node("node-1").doc(), "status"), "")).value();
    api.create(kube::kNamespaces, from_json(R"({"metadata":{"name":"demo"}})")).value();
  }

  /// The controllers' process begins anew, with nothing in memory.
  void restart() {
    controllers.manager = std::make_unique<client::Manager>(clock);
    if (!add_controllers(*controllers.manager, api, options)) std::abort();
  }
  client::Manager& manager() { return *controllers.manager; }

  kube::Object get(const kube::Resource& resource, const std::string& name) {
    auto object = api.get(resource, {resource.namespaced ? "demo" : "", name});
    return object ? *object : kube::Object();
  }
  std::vector<kube::Object> list(const kube::Resource& resource, const std::string& labels = "") {
    return api.list(resource, {resource.namespaced ? "demo" : "", labels})->items;
  }
  void patch(const kube::Resource& resource, const std::string& name, std::string_view merge) {
    execute(api, client::merge_patch(resource, {resource.namespaced ? "demo" : "", name}, json::parse(merge).value(), ""))
        .value();
  }
  void set_image(const std::string& deployment, const std::string& image) {
    patch(kube::kDeployments, deployment,
          concat(R"({"spec":{"template":{"spec":{"containers":[{"name":"main","image":")", image, R"("}]}}}})"));
  }
  int64_t number(const kube::Object& object, const char* parent, const char* field) {
    return json::get_int(object.doc(), 0, parent, field);
  }

  VirtualClock clock;
  client::testing::MemoryClient api{clock};
  ClusterOptions options;
  struct Controllers final : client::Actor {
    std::unique_ptr<client::Manager> manager;
    bool step(Random& random) override { return manager->step(random); }
    std::optional<TimePoint> next_due() const override { return manager->next_due(); }
  } controllers;
  FakeAgent agent{api, clock};
  client::Simulation simulation;
};

}  // namespace serin::cluster
