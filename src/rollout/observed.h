#pragma once

/// Everything one decision about a Rollout may depend on, read at one moment.

#include <vector>

#include "kube/resources.h"
#include "rollout/rollout.h"

namespace serin::rollout {

/// Under which version the mesh's kinds are read and written.
struct TrafficResources {
  kube::Resource virtual_services = kube::kVirtualServices;
  kube::Resource destination_rules = kube::kDestinationRules;
};

/// The objects that carry the traffic of a Rollout; an empty Object is one that does not exist.
struct TrafficObjects {
  std::vector<Object> virtual_services;  ///< in the order of IstioRouting::virtual_services
  Object destination_rule;
  Object stable_service, canary_service;
  TrafficResources resources;
};

struct Observed {
  Rollout rollout;
  std::vector<ReplicaSet> replica_sets;  ///< those the Rollout controls
  TrafficObjects traffic;
  std::vector<Object> pods;              ///< of the newest ReplicaSets; only `why` needs them
};

}  // namespace serin::rollout
