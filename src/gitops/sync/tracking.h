#pragma once

/// Which application an object belongs to: annotation argocd.argoproj.io/tracking-id =
/// "application:group/Kind:namespace/name". Pure.

#include <optional>
#include <string>

#include "kube/object.h"

namespace serin::gitops::sync {

inline constexpr std::string_view kTrackingId = "argocd.argoproj.io/tracking-id";

/// `ns` is the destination's namespace, which stands in the id of a cluster-scoped object too.
std::string tracking_id(const std::string& application, const kube::Object& object, const std::string& ns);

/// The application that `live` belongs to, where its id is its own: controllers copy annotations to what they make,
/// and a copy is nobody's.
std::optional<std::string> tracked_by(const kube::Object& live);

}  // namespace serin::gitops::sync
