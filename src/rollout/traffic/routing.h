#pragma once

/// Where requests go, as a value: what the traffic objects of a Rollout say, or shall say.

#include <optional>
#include <string>
#include <vector>

#include "rollout/rollout.h"

namespace serin::rollout {

/// "stable" and "canary" are the two places that routes point to: the subsets of a DestinationRule, or two
/// Services. Each selects the pods of one hash.
struct Routing {
  std::string stable_hash;  ///< empty: not narrowed to a hash, every pod of the application
  std::string canary_hash;
  int64_t canary_weight = 0;  ///< percent, the rest goes to stable; -1: objects disagree
  std::vector<HeaderRoute> header_routes;  ///< to the canary, in the order in which they are tried
  bool operator==(const Routing&) const = default;

  bool canary_in_use() const { return canary_weight != 0 || !header_routes.empty(); }
};

/// A hash that no pod has: stands in a Routing where two objects disagree about what a place selects.
inline constexpr char kMixedHash[] = "(mixed)";

/// Whether the proxies have taken over what an object says.
enum class Ack {
  kYes,            ///< every one of them, this generation
  kNotYet,         ///< somebody reports, and reports less than that
  kNobodyReports,  ///< no status: behave as Argo Rollouts does, trust the write
};

struct Confirmation {
  Ack routes = Ack::kNobodyReports;   ///< weights and header routes (VirtualServices)
  Ack subsets = Ack::kNobodyReports;  ///< what the subsets select (DestinationRule)
  std::string message;                ///< of the reporter, such as "7/12 proxies"; empty where all is confirmed
  std::string object;                 ///< who lags: "VirtualService demo/provider"
  std::optional<TimePoint> since;

  bool routes_settled() const { return routes != Ack::kNotYet; }
  bool subsets_settled() const { return subsets != Ack::kNotYet; }
  bool settled() const { return routes_settled() && subsets_settled(); }
};

}  // namespace serin::rollout
