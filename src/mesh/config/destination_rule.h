#pragma once

/// A DestinationRule as translation reads it: subsets and traffic policies.
/// Semantics: istio.io reference "Destination Rule".

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/object.h"
#include "mesh/config/source.h"

namespace serin::mesh {

struct OutlierDetection {
  std::optional<int> consecutive_5xx, consecutive_gateway_errors;
  std::optional<Duration> interval, base_ejection_time;
  std::optional<int> max_ejection_percent, min_health_percent;
  bool operator==(const OutlierDetection&) const = default;
};

/// What of a trafficPolicy is translated. Unset members inherit.
struct TrafficPolicy {
  std::optional<int> max_connections, max_pending_requests, max_requests, max_requests_per_connection,
      max_retries;
  std::optional<Duration> connect_timeout, idle_timeout;
  std::optional<bool> h2_upgrade;      ///< h2UpgradePolicy UPGRADE or DO_NOT_UPGRADE
  std::string load_balancer;           ///< "ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH"; empty: default
  std::optional<OutlierDetection> outlier_detection;
  std::map<int, TrafficPolicy> ports;  ///< portLevelSettings: replace everything else for that port

  /// The policy of a subset: its own blocks over `base`'s.
  TrafficPolicy over(const TrafficPolicy& base) const;
  const TrafficPolicy& at_port(int port) const;
  bool operator==(const TrafficPolicy&) const = default;
};

struct Subset {
  std::string name;
  std::map<std::string, std::string> labels;
  TrafficPolicy policy;  ///< its own blocks only
};

struct DestinationRule {
  SourceRef source;
  std::string ns;
  std::optional<TimePoint> created;
  std::string host;  ///< resolved
  std::vector<std::string> export_to;
  TrafficPolicy policy;
  std::vector<Subset> subsets;
  std::vector<std::string> problems;

  static DestinationRule read(const kube::Object& object);
};

}  // namespace serin::mesh
