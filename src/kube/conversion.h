#pragma once

/// Built-in kinds that Kubernetes serves in two group-versions over one storage: an object written through either
/// door is seen through both. One of the two is stored; a pure function each way maps the other onto it.
///
/// A conversion changes apiVersion and the fields, never identity, labels or owners. Both directions together
/// lose nothing that a writer of the served version can say. Entries of metadata.managedFields keep the version
/// they were written in, as in Kubernetes.

#include "data/json.h"
#include "kube/types.h"

namespace serin::kube {

struct Conversion {
  Resource served, stored;
  json::value (*to_stored)(json::value object);
  json::value (*to_served)(json::value object);
};

/// Null for a resource that is stored as it is served.
const Conversion* conversion_of(const Resource& served);

}  // namespace serin::kube
