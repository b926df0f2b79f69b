#pragma once

/// A cluster for tests: the real Rollout controller on the in-memory API under a virtual clock, with two scripted
/// actors. The pod fabric makes ReplicaSets' pods available after a while; the mesh reports late that the proxies
/// have taken over a VirtualService or DestinationRule, and watches that no request is ever lost.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/events.h"
#include "client/manager.h"
#include "client/simulation.h"
#include "client/testing/memory_client.h"
#include "rollout/controller.h"
#include "rollout/testing/objects.h"

namespace serin::rollout::testing {

struct ClusterOptions {
  Duration pod_ready = std::chrono::seconds(3);
  /// How late proxies take a change over; none: nobody reports.
  std::optional<Duration> mesh_lag = std::chrono::seconds(2);
};

class Cluster {
 public:
  explicit Cluster(uint64_t seed = 1, ClusterOptions options = {});
  ~Cluster();

  void create(const kube::Resource&, json::value doc);
  void apply_template_label(const std::string& version);
  void change_rollout(const std::function<void(json::value&)>& change);
  void carry_out(const Result<std::vector<client::Write>>& writes);

  /// Runs until `done` or for `limit` of virtual time; whether it was done.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::minutes(5));
  void run_for(Duration span) { simulation.run_for(span); }
  bool until_phase(const std::string& phase, Duration limit = std::chrono::minutes(60));
  bool until_step(int64_t index, Duration limit = std::chrono::minutes(60));
  /// Healthy, the objects narrowed to the stable hash, older pods gone.
  bool until_settled();

  Rollout rollout();
  Object get(const kube::Resource&, const std::string& name);
  std::vector<ReplicaSet> sets();
  /// The ReplicaSet whose template has this version label.
  ReplicaSet set_of(const std::string& version);
  int64_t weight(const std::string& subset_or_host);
  std::string subset_hash(const std::string& subset);
  std::vector<std::string> event_reasons();
  /// What would have been lost: "canary subset points at hash without pods", in the order it happened.
  const std::vector<std::string>& losses() const { return losses_; }

  VirtualClock clock;
  client::testing::MemoryClient api;
  client::Manager manager;
  client::EventRecorder events;
  client::Simulation simulation;
  /// Versions whose pods never become ready.
  std::set<std::string> broken;

 private:
  class Fabric;

  ClusterOptions options_;
  std::vector<std::string> losses_;
  std::unique_ptr<Fabric> fabric_;
};

}  // namespace serin::rollout::testing
