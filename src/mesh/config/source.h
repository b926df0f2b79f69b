#pragma once

/// Which object a piece of configuration comes from, so that acknowledgement can be reported on it.

#include <compare>
#include <cstdint>
#include <string>

#include "kube/object.h"

namespace serin::mesh {

/// An object of the hosted mesh at one generation.
struct SourceRef {
  std::string kind;  ///< "VirtualService", "DestinationRule", "Gateway"
  kube::NamespacedName name;
  std::string uid;
  int64_t generation = 0;
  auto operator<=>(const SourceRef&) const = default;

  static SourceRef of(const kube::Object& object) {
    return {std::string(object.kind()), object.key(), std::string(object.uid()), object.generation()};
  }
};

}  // namespace serin::mesh
