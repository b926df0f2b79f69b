#pragma once

/// The clusters a hub-side controller may reach, by name.

#include <string>

#include "client/client.h"

namespace serin::client {

class ClusterSet {
 public:
  virtual ~ClusterSet() = default;
  /// kNotFound for a name nobody knows. The client lives as long as the set. Safe from any thread.
  virtual Result<Client*> cluster(const std::string& name) = 0;
};

}  // namespace serin::client
