#pragma once

/// CustomResourceDefinitions: checking and completing one, and the resources it serves. Pure.

#include "apiserver/catalog.h"
#include "kube/object.h"

namespace serin::apiserver {

/// Keeps a CRD that is being deleted until its last object is gone.
inline constexpr std::string_view kCrdCleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/// Fills in names and the whole status: accepted names and conditions (crd_names.h), stored versions. Answers with what is wrong. `old` is
/// empty on creation.
std::vector<Cause> complete_crd(json::value& crd, const kube::Object& old, const Catalog& catalog, TimePoint now);

/// The resources of a completed CRD, one per served version; none where its names were not accepted.
Result<std::vector<ServedPtr>> served_by(const json::value& crd);

}  // namespace serin::apiserver
