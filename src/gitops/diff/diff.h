#pragma once

/// Compares what Git wants with what is there. Pure.
///
/// A sync is a server-side apply, so that only two things are differences: a field that Git sets and that the live
/// object doesn't have with that value, and a field that our last apply set and that Git no longer sets (known
/// from managedFields). What the server defaulted or others added is none. Where a list belongs to its writer as
/// a whole, as in Istio's kinds, its elements are compared exactly.

#include <string>
#include <string_view>
#include <vector>

#include "kube/object.h"

namespace serin::gitops::diff {

/// The field manager of every sync.
inline constexpr std::string_view kManager = "argocd-controller";

struct Change {
  std::string path;      ///< "spec.template.spec.containers[app].image"
  json::value desired;   ///< null where Git doesn't set it
  json::value live;      ///< null where it isn't there
  bool operator==(const Change&) const = default;
};

/// Without what a server or nobody's hand writes: status, metadata other than name, namespace, labels, annotations,
/// finalizers and ownerReferences; a Secret's stringData becomes data.
kube::Object normalize(const kube::Object& object);

/// The differences, in the order of Git's fields. Runtime-owned parts must have been merged into `desired`
/// (diff/runtime_owned.h). `live` is not empty.
std::vector<Change> compare(const kube::Object& desired, const kube::Object& live);

}  // namespace serin::gitops::diff
