#pragma once

/// Envoy resources as values: bytes, a version that is the hash of the bytes, and the configuration they carry.

#include <array>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/config/source.h"

namespace serin::mesh {

/// In the order in which they are pushed: a resource names only resources of earlier types.
enum class ResourceType { kCluster, kEndpoints, kListener, kRoute };
inline constexpr std::array<ResourceType, 4> kResourceTypes = {ResourceType::kCluster, ResourceType::kEndpoints,
                                                               ResourceType::kListener, ResourceType::kRoute};

/// "type.googleapis.com/envoy.config.cluster.v3.Cluster" and so on.
std::string_view type_url(ResourceType type);

struct EnvoyResource {
  std::string name;
  std::string version;                 ///< equal bytes, equal version; stable over restarts
  std::string bytes;                   ///< the serialized message, without the Any around it
  std::vector<SourceRef> sources;      ///< hosted objects that this resource carries
  std::vector<std::string> clusters;   ///< route tables and listeners: clusters they send requests to; sorted
  std::vector<std::string> addresses;  ///< endpoints: where requests go; sorted

  bool carries(const SourceRef& source) const;
};
using EnvoyResourcePtr = std::shared_ptr<const EnvoyResource>;

struct ResourceKey {
  ResourceType type;
  std::string name;
  auto operator<=>(const ResourceKey&) const = default;
};

/// All resources of one kind of proxy at one moment. Immutable once it is shared; then safe from any thread.
struct ResourceSet {
  std::array<std::map<std::string, EnvoyResourcePtr>, 4> by_type;

  std::map<std::string, EnvoyResourcePtr>& of(ResourceType type) { return by_type[static_cast<size_t>(type)]; }
  const std::map<std::string, EnvoyResourcePtr>& of(ResourceType type) const {
    return by_type[static_cast<size_t>(type)];
  }

  /// The resources that carry an object. Indexed at the first call.
  const std::vector<ResourceKey>& carriers(const SourceRef& source) const;

 private:
  mutable std::once_flag indexed_;
  mutable std::map<SourceRef, std::vector<ResourceKey>> carriers_;
};
using ResourceSetPtr = std::shared_ptr<const ResourceSet>;

/// Names of the resources, by type, that were added, removed or made anew between two sets.
using ResourceChanges = std::array<std::vector<std::string>, 4>;
/// `before` may be null: then everything is new.
ResourceChanges changes_between(const ResourceSet* before, const ResourceSet& after);

/// The objects that only one of two resources carries; either may be null.
std::vector<SourceRef> differing_sources(const EnvoyResource* before, const EnvoyResource* after);

}  // namespace serin::mesh
