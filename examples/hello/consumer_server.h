#pragma once

// The consumer's HTTP server: GET /hello?name=X asks the provider, GET /hello alone is the
// readiness probe.
//
// One thread runs everything in run(); answers of the provider are handed to that thread. stop()
// may be called from any thread: the listener closes after the connections that the kernel has
// already accepted were taken over, each connection ends with its next answer (`Connection:
// close`), and run() returns when the last one is gone. When the drain time is over, what is still
// open is cut; calls of the provider end by their own deadline.

#include <cstdint>
#include <memory>

#include "program.h"
#include "provider_client.h"

namespace serin::hello {

class ConsumerServer {
 public:
  /// Listens at once; throws std::exception when it cannot. `provider` is borrowed.
  ConsumerServer(const Flags& flags, Identity identity, ProviderClient& provider);
  ~ConsumerServer();

  std::uint16_t port() const;
  void run();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serin::hello
