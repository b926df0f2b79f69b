#pragma once

/// The controllers that make an embedded API server a cluster. Real clusters bring their own.

#include <set>
#include <string>
#include <vector>

#include "client/manager.h"

namespace serin::cluster {

struct ClusterOptions {
  int number = 1;                      ///< gives the Service addresses: 127.(10+number).128.0/17
  std::string ca_pem;                  ///< for kube-root-ca.crt; empty: none
  std::set<std::string> without;       ///< names of `controller_names` to leave out
  Duration event_ttl = std::chrono::hours(1);
  int workers = 2;                     ///< threads per controller
};

/// "replicaset", "deployment", "job", "disruption", "endpointslice", "endpoints", "endpointslice-mirroring",
/// "service-address", "scheduler", "node-lifecycle", "namespace", "namespace-defaults", "garbage-collector",
/// "event-expiry".
const std::vector<std::string>& controller_names();

/// Adds the controllers of the cluster behind `api` to the manager, under keys of `cluster`. `api` outlives the
/// manager. kInvalid for an unknown name in `without`; otherwise the error of the first discovery.
Result<void> add_controllers(client::Manager& manager, client::Client& api, const ClusterOptions& options,
                             const std::string& cluster = "");

}  // namespace serin::cluster
