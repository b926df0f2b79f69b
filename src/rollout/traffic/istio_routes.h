#pragma once

/// Reading and patching the routes of one VirtualService. Pure. Everything in the document that is not a weight
/// of our two destinations or a route of a managed name stays as it is.

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "rollout/traffic/routing.h"

namespace serin::rollout {

/// How a destination of ours is recognised, and how a header route's one is written.
struct Destinations {
  std::string stable_subset, canary_subset;    ///< empty: no DestinationRule
  std::string stable_service, canary_service;  ///< empty: no Services
  std::string subset_host;                     ///< spec.host of the DestinationRule

  bool is_stable(const json::value& destination) const;
  bool is_canary(const json::value& destination) const;
};

/// The indexes in spec.http of the routes that carry our weights: those named in `names`; without names the only
/// route, or the only one without a name. An error is a sentence about the VirtualService.
Result<std::vector<size_t>> weighted_routes(const json::value& virtual_service,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& managed);

/// A route that lacks one of our two destinations; empty where all have both.
std::string route_without_destination(const json::value& virtual_service, const std::vector<size_t>& routes,
                                      const Destinations&);

/// The canary's weight in the routes; -1 where they disagree or where stable and canary do not add up with the
/// foreign weights to 100.
int64_t canary_weight(const json::value& virtual_service, const std::vector<size_t>& routes,
                      const Destinations&);

/// Weights for a route whose foreign destinations keep `foreign` percent: canary and stable share the rest.
struct WeightPair {
  int64_t canary, stable;
};
WeightPair share(int64_t canary_percent, int64_t foreign);

/// The header routes that stand in the document under managed names, in order; those whose destination is not
/// our canary alone carry a match that equals no wish.
std::vector<HeaderRoute> header_routes(const json::value& virtual_service,
                                       const std::vector<std::string>& managed, const Destinations&);

/// A JSON patch that sets weight and header routes, guarded by tests of what it was made from; an empty list
/// where nothing differs.
json::array route_patch(const json::value& virtual_service, const std::vector<size_t>& routes,
                        const std::vector<std::string>& managed, const Destinations&, const Routing& to);

}  // namespace serin::rollout
