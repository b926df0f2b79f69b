#pragma once

/// Puts the Rollout controller of one cluster into a Manager, with everything it watches.

#include "client/manager.h"
#include "rollout/rollout_reconciler.h"

namespace serin::rollout {

struct ControllerConfig {
  int workers = 4;
  /// Under which version the cluster serves the mesh's kinds.
  TrafficResources resources;
  /// Whether the cluster serves the mesh's kinds at all. Without, a Rollout that routes traffic is InvalidSpec.
  bool mesh = true;
};

/// `api` and `events` outlive the manager. A Rollout's pass is brought about by itself, its ReplicaSets, and the
/// Services, VirtualServices and DestinationRules that it names or has written to.
client::Controller& add_rollout_controller(client::Manager& manager, const std::string& cluster,
                                           client::Client& api, client::EventRecorder& events,
                                           const ControllerConfig& = {});

}  // namespace serin::rollout
