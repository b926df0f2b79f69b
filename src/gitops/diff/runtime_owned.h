#pragma once

/// Which parts of traffic objects belong to running rollouts and not to Git: the weights of the stable and canary
/// destinations of the routes that a Rollout names, the pod-template-hash labels of its two subsets, the http
/// entries named in managedRoutes, and the pod-template-hash in the selectors of its two Services. A sync keeps
/// these as they are and changes everything else; a comparison does not see them. Pure.
///
/// A VirtualService's lists belong to whoever wrote them last as a whole, so that leaving a weight out of an apply
/// would reset it. That is why these parts are copied from the live object into what is applied, element by
/// element: routes by name, destinations by host, subset and port.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kube/object.h"

namespace serin::gitops::diff {

inline constexpr std::string_view kPodTemplateHash = "rollouts-pod-template-hash";

/// What one Rollout owns in one VirtualService.
struct OwnedRoutes {
  std::string rollout;                ///< "namespace/name"
  std::set<std::string> routes;       ///< names; empty: every http route
  std::set<std::string> services;     ///< names of the stable and canary Service
  std::set<std::string> subsets;      ///< names of the stable and canary subset
  std::string canary_service, canary_subset;
  std::set<std::string> managed_routes;
};

struct RuntimeOwned {
  std::map<kube::NamespacedName, std::vector<OwnedRoutes>> virtual_services;
  std::map<kube::NamespacedName, std::set<std::string>> destination_rules;  ///< names of subsets
  std::set<kube::NamespacedName> services;

  bool empty() const { return virtual_services.empty() && destination_rules.empty() && services.empty(); }
  /// Whether `object` has parts that belong to a rollout.
  bool concerns(const kube::Object& object) const;
};

/// What all these Rollouts own together. Their namespace must be set.
RuntimeOwned ownership(const std::vector<kube::Object>& rollouts);

/// `desired` with the owned parts as they are in `live`; `desired` itself where `live` is empty or nothing is owned.
/// Fields and elements of either that are not owned come from `desired`.
kube::Object merge_runtime_owned(const kube::Object& desired, const kube::Object& live, const RuntimeOwned& owned);

/// Why applying `desired` would break the traffic of a rollout that is under way: it lacks a route that now
/// sends part of the traffic to the canary. Empty where nothing speaks against it.
std::string breaks_rollout(const kube::Object& desired, const kube::Object& live, const RuntimeOwned& owned);

}  // namespace serin::gitops::diff
