#pragma once

/// A blocking HTTP/1.1 client with TLS and keep-alive. One client per origin; safe from any thread,
/// each call using a connection of its own from the pool.

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"

namespace serin::net {

struct ClientOptions {
  std::string host;
  uint16_t port = 0;
  bool tls = true;
  std::string ca_pem;  ///< trust anchors; empty: the system's
  bool insecure_skip_verify = false;
  std::string server_name;      ///< for SNI and verification; empty: host
  std::string certificate_pem;  ///< client certificate, or empty
  std::string key_pem;
  std::chrono::milliseconds connect_timeout{10'000};
  size_t max_idle = 8;
  /// Send an idempotent request once more where a kept connection turns out to have been closed.
  bool retry_stale = true;
  size_t max_body_bytes = 256 << 20;
};

/// The body of a streaming response. One reader.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// The next piece (never empty), nullopt when `timeout` passes first; kUnavailable at an
  /// unexpected end. At the proper end the error is kGone.
  virtual Result<std::optional<std::string>> read(Duration timeout) = 0;
  /// Makes a blocked read return kUnavailable soon. Any thread.
  virtual void cancel() = 0;
};

struct StreamingResponse {
  Response head;  ///< `body` is filled where status >= 400
  std::unique_ptr<BodyReader> body;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Errors: kUnavailable (cannot connect, connection lost), kTimeout, kUnauthorized (certificate
  /// refused). An HTTP error status is not an error here.
  virtual Result<Response> send(const Request& request, Duration timeout) = 0;
  /// Returns once the head is there.
  virtual Result<StreamingResponse> stream(const Request& request, Duration head_timeout) = 0;
  static Result<std::unique_ptr<HttpClient>> create(ClientOptions options);
};

}  // namespace serin::net
