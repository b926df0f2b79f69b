#pragma once

/// The aggregated discovery service (incremental, v3) for Envoy proxies. gRPC around `DeltaSession`: it moves bytes,
/// sessions decide. One instance serves all proxies of a mesh.
///
/// Threads: `update` may be called from any one thread; gRPC's own threads call in. A proxy that connects gets what
/// the last `update` gave for its kind; a kind nobody had before is translated on the connecting thread.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "mesh/view.h"
#include "mesh/xds/ack_table.h"
#include "mesh/xds/proxy_id.h"

namespace serin::mesh {

struct XdsServerOptions {
  /// "unix:/path/xds.sock" (at most 107 bytes of path), or "127.0.0.1:0".
  std::string address = "127.0.0.1:0";
};

class XdsServer {
 public:
  virtual ~XdsServer() = default;  ///< ends the streams; proxies keep what they have

  /// What proxies connect to: the address as given, with the real port.
  virtual std::string address() const = 0;
  /// Translates for every connected kind of proxy and sends what changed.
  virtual void update(MeshViewPtr view) = 0;
  virtual std::vector<std::string> proxies() const = 0;

  /// Some connected proxy sends requests to the address, or will when it has read what is on the way to it.
  virtual bool in_use(const std::string& address) const = 0;
  /// Called on any thread when a proxy has let go of addresses (empty: when one has disconnected); must not call back.
  /// One listener; set before the first proxy.
  virtual void on_released(std::function<void(const std::set<std::string>& addresses)> listener) = 0;

  /// `acks` outlives the server. kConflict where the address is in use.
  static Result<std::unique_ptr<XdsServer>> start(XdsServerOptions options, AckTable& acks);
};

}  // namespace serin::mesh
