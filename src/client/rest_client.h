#pragma once

/// The `Client` of any Kubernetes API server over HTTP. Thread-safe; each call uses a connection of
/// its own from a pool, each watch one for as long as it lasts.
///
/// Answers 429 and 503 that say when to come back (Retry-After) are waited for and repeated, within
/// bounds; every other error comes back at once. A watch that the server ends at its time limit
/// goes on by itself from the last version it saw, as long as it began at a version; else its end
/// is kUnavailable.

#include <memory>
#include <string>
#include <string_view>

#include "client/client.h"
#include "client/kubeconfig.h"
#include "net/http_client.h"

namespace serin::client {

struct RestOptions {
  std::string field_manager = "serin";
  std::string user_agent = "serin";
  Duration request_timeout = std::chrono::seconds(30);
  /// Lists without a limit are read in pages of this size, all at one revision; 0: in one piece.
  int64_t page_size = 2000;
  int max_retries = 5;
  /// A server that asks for a longer pause gets an error instead.
  std::chrono::seconds max_retry_wait{10};
  /// Discovery is asked again for an unknown kind, and for `resources`, when it is older than this.
  Duration discovery_age = std::chrono::seconds(1);
  Duration resources_age = std::chrono::seconds(10);
  /// Token files are read again when the token is older than this.
  Duration token_age = std::chrono::minutes(1);
  size_t max_idle_connections = 8;
};

class RestClient : public Client {
 public:
  /// A request of any kind: `target` is a path below the server's URL, with its query ("/version",
  /// "/api/v1/namespaces/d/pods/p/log?container=c"). An HTTP error status is not an error here.
  virtual Result<net::Response> raw(const std::string& method, const std::string& target,
                                    std::string body = {},
                                    const std::string& content_type = "application/json") = 0;
  /// As `raw` with GET, the body piece by piece.
  virtual Result<net::StreamingResponse> raw_stream(const std::string& target) = 0;
};

/// Connects to nothing yet. kInvalid where the context's URL or PEM texts are not what they should
/// be. `clock` outlives the client.
Result<std::unique_ptr<RestClient>> make_rest_client(const KubeContext& context,
                                                     RestOptions options, Clock& clock);

}  // namespace serin::client
