#pragma once

/// What discovery documents say, as values. Pure.

#include <optional>
#include <string>
#include <vector>

#include "client/client.h"

namespace serin::client {

/// One resource as discovery describes it.
struct DiscoveredResource {
  Resource resource;
  std::vector<std::string> verbs;
  bool listable() const;
};

/// In the server's order: groups, then versions with the preferred one first.
using Discovery = std::vector<DiscoveredResource>;

/// What to ask /api and /apis for: aggregated discovery, or the legacy documents where the server
/// has none.
inline constexpr std::string_view kAggregatedAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

bool is_aggregated(const json::value& doc);
/// Appends what an APIGroupDiscoveryList lists.
void add_aggregated(Discovery& to, const json::value& doc);
/// The group-versions of a legacy APIVersions or APIGroupList document, the preferred one of a
/// group first.
std::vector<kube::GroupVersion> legacy_group_versions(const json::value& doc);
/// Appends what an APIResourceList lists, without subresources.
void add_legacy(Discovery& to, const kube::GroupVersion& gv, const json::value& doc);

/// An empty version finds the preferred one.
std::optional<Resource> find_kind(const Discovery& discovery, const kube::GroupVersionKind& gvk);
/// Listable resources, each in the first version that has it.
std::vector<Resource> listable_resources(const Discovery& discovery);

}  // namespace serin::client
