#pragma once

/// A typed view of the `Mesh` object (serin.io/v1alpha1, in the hub): which clusters belong to a hosted mesh and
/// whose mesh configuration is copied into it. See docs/spec/mesh.md.

#include <string>
#include <vector>

#include "kube/object.h"

namespace serin::mesh {

struct MeshSpec {
  std::string hosted = "mesh";           ///< the cluster whose API holds the hosted configuration
  std::vector<std::string> members;      ///< work clusters whose services and proxies belong to the mesh
  std::vector<std::string> synchronise;  ///< work clusters whose configuration is copied; earlier ones win
  /// Copies are removed when their cluster is no longer synchronised.
  bool auto_remove = true;

  bool operator==(const MeshSpec&) const = default;
  static MeshSpec read(const kube::Object& object);
};

}  // namespace serin::mesh
