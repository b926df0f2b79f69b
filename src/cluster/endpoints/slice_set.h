#pragma once

/// Brings the EndpointSlices of one owner to a set of endpoints, in few writes. Pure.
///
/// As the EndpointSlice controller of Kubernetes: endpoints keep their slice while they live; new ones go into slices
/// that are written anyway, fullest first, then all into the one slice where they just fit, else into new slices; a slice
/// that would go is rewritten in place of making one. Where nothing would be left, one empty slice stays.

#include <map>
#include <string>
#include <vector>

#include "client/write.h"
#include "kube/object.h"

namespace serin::cluster {

inline constexpr char kServiceNameLabel[] = "kubernetes.io/service-name";
inline constexpr char kManagedByLabel[] = "endpointslice.kubernetes.io/managed-by";

struct SliceOwner {
  kube::Object owner;
  json::object labels;  ///< all that its slices carry; kManagedByLabel tells them from others'
  json::object annotations;
};

/// Endpoints with one set of ports and one type of address, by an identity that stays the same while one lives.
struct SliceGroup {
  std::string address_type = "IPv4";
  json::array ports;
  std::map<std::string, json::value> wanted;
};

/// The identity of an endpoint: the uid of the pod behind it, or its first address.
std::string endpoint_identity(const json::value& endpoint);

struct SliceOptions {
  size_t most = 100;        ///< endpoints per slice
  bool placeholder = true;  ///< keep one empty slice where there is no endpoint
};

/// The writes in the order in which they must happen: an endpoint that changes slices is never absent in between.
/// `slices` are those with the owner's kManagedByLabel that are not being deleted.
std::vector<client::Write> settle_slices(const SliceOwner& owner, std::vector<SliceGroup> groups,
                                         const std::vector<kube::Object>& slices, const SliceOptions& options = {});

}  // namespace serin::cluster
