#pragma once

/// Configuration in, Envoy resources out. Pure and deterministic: equal input gives equal bytes.
///
/// A weight change reaches exactly one route table per affected listener: clusters of every subset exist from the
/// moment their DestinationRule is applied, also while their weight is 0, and route tables are never inlined into
/// listeners.

#include <map>
#include <memory>
#include <string>

#include "mesh/translate/resource.h"
#include "mesh/view.h"

namespace serin::mesh {

/// Proxies that get the same resources.
struct ProxyKind {
  enum class Type { kGateway, kMesh } type = Type::kGateway;
  std::string cluster;
  std::string ns;                             ///< the proxy's namespace
  std::map<std::string, std::string> labels;  ///< the proxy pod's; what a Gateway's selector reads
  /// Bind the addresses of the Services that select the gateway, with their own ports, instead of 0.0.0.0. Embedded
  /// clusters work so: the VIP is a loopback address and the gateway pod owns it.
  bool bind_service_addresses = false;

  auto operator<=>(const ProxyKind&) const = default;
};

/// Remembers resources by the configuration they were made from, so that a change recomputes only what it reaches.
/// One per ProxyKind; not thread safe.
class TranslationMemory {
 public:
  TranslationMemory();
  ~TranslationMemory();
  struct Entries;
  Entries& entries() { return *entries_; }

 private:
  std::unique_ptr<Entries> entries_;
};

/// With a `memory`, unchanged resources are the same pointers as in the last call with it.
ResourceSetPtr translate(const MeshView& view, const ProxyKind& proxy, TranslationMemory* memory = nullptr);

}  // namespace serin::mesh
