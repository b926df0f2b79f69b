#pragma once

/// Which work cluster's VirtualService, DestinationRule or Gateway stands in the hosted mesh, and what each of them
/// is told. Pure.
///
/// Rules:
///  - a hosted object without the origin labels belongs to the hosted mesh: a work cluster's object of the same
///    namespace and name is not copied;
///  - else the first cluster of the synchronise list that has the object wins, and its copy carries the labels
///    `mspider.io/origin-cluster` and `mspider.io/synced-from` and the annotation `serin.io/origin-generation`;
///  - a copy whose cluster no longer has the object, or is no longer synchronised, is removed (the latter unless the
///    Mesh switches autoRemove off), or passes to the next cluster that has it;
///  - taking the labels off a copy makes it an object of the hosted mesh;
///  - one way only: nothing of a hosted object's spec ever flows back. Its status does: the winner's object gets the
///    condition `Reconciled` with `observedGeneration` in its own counting (False until the hosted mesh has first
///    spoken), and every object says in the condition `InForce` whether it is its copy that counts.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/write.h"
#include "mesh/sync/mesh_spec.h"

namespace serin::mesh {

inline constexpr std::string_view kOriginClusterLabel = "mspider.io/origin-cluster";
inline constexpr std::string_view kSyncedFromLabel = "mspider.io/synced-from";
inline constexpr std::string_view kSyncedFromWorkCluster = "work-cluster";
inline constexpr std::string_view kOriginGenerationAnnotation = "serin.io/origin-generation";

struct SyncObserved {
  client::Resource resource;
  kube::NamespacedName name;
  MeshSpec mesh;
  std::optional<kube::Object> hosted;
  bool hosted_namespace = true;                        ///< the namespace exists in the hosted mesh
  std::map<std::string, kube::Object> in_clusters;     ///< by member cluster
};

struct SyncDecision {
  std::vector<client::Write> hosted;
  std::map<std::string, std::vector<client::Write>> clusters;  ///< status writes, by cluster
  bool empty() const { return hosted.empty() && clusters.empty(); }
};

SyncDecision plan(const SyncObserved& observed, TimePoint now);

}  // namespace serin::mesh
