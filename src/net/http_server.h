#pragma once

/// An HTTP/1.1 and HTTP/2 server with TLS. Asynchronous inside, callbacks outside: the handler is called on an I/O
/// thread, must not block, and answers through its Responder at once or later, from any thread. Handlers need not know
/// which protocol is spoken: on TLS the client chooses by ALPN ("h2", "http/1.1"), on a plain port by how it begins.
///
/// The server itself compresses large bodies (gzip, where the client accepts it), refuses compressed request bodies
/// (415) and paths that different readers take for different ones (400: ".", "..", encoded slashes, control characters).

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "net/http.h"

namespace serin::net {

/// A response whose body is sent piece by piece (watches, logs). Every method is safe from any
/// thread.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  /// Queues one chunk, sent as it is. False once the peer is gone.
  virtual bool write(SharedBytes bytes) = 0;
  /// Bytes queued and not yet handed to the kernel (HTTP/2: to the connection, which takes no more than it sends, 64
  /// KiB at a time); a producer stops at its own bound.
  virtual size_t pending() const = 0;
  /// Called once, on an I/O thread, each time `pending` falls to 0 after it was not. Set before the
  /// first write.
  virtual void on_drained(std::function<void()> callback) = 0;
  /// Called once when the peer goes away before `finish`.
  virtual void on_closed(std::function<void()> callback) = 0;
  /// Ends the body properly after what is queued.
  virtual void finish() = 0;
  /// Cuts the body short, so that the peer cannot take it for complete: drops the connection, or resets the stream of
  /// HTTP/2.
  virtual void abort() = 0;
};

/// The right and duty to answer one request, exactly once. Dropping it unanswered sends 500.
class Responder {
 public:
  virtual ~Responder() = default;
  /// A body above 128 KiB goes out compressed where the request accepts gzip.
  virtual void send(Response response) = 0;
  /// Sends the head, then a body of unknown length. `response.body` is the first chunk where it is not empty.
  virtual std::shared_ptr<BodyStream> stream(Response response) = 0;
};

using Handler = std::function<void(Request, std::unique_ptr<Responder>)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;            ///< 0: any free port
  std::string certificate_pem;  ///< chain; empty with `key_pem` empty: plain HTTP
  std::string key_pem;
  std::string client_ca_pem;  ///< verifies client certificates, which stay optional
  size_t max_header_bytes = 64 << 10;
  size_t max_body_bytes = 3 << 20;                   ///< larger: 413
  std::chrono::milliseconds header_timeout{10'000};  ///< TLS handshake included on a new connection
  std::chrono::milliseconds body_timeout{60'000};
  /// Between requests, and for a peer that takes nothing of what is sent to it.
  std::chrono::milliseconds idle_timeout{180'000};
  size_t max_connections = 10'000;
  bool http2 = true;
  uint32_t max_streams = 250;  ///< HTTP/2: at once on one connection, requests whose client went away included
  /// How long the end of the server waits for answers to requests it has taken.
  std::chrono::milliseconds shutdown_grace{2'000};
  int threads = 2;
};

class HttpServer {
 public:
  /// Takes no new request, tells HTTP/2 clients so (GOAWAY), gives those taken `shutdown_grace` to be answered, drops
  /// streaming answers, joins.
  virtual ~HttpServer() = default;
  /// The bound port.
  virtual uint16_t port() const = 0;
  /// New connections get this certificate; those that are open go on. kInvalid, and all stays as it is, where the texts
  /// are not PEM or do not belong together. Any thread.
  virtual Result<void> set_certificate(const std::string& chain_pem, const std::string& key_pem) = 0;
  /// Listens and serves. kConflict where the port is in use, naming it.
  static Result<std::unique_ptr<HttpServer>> start(ServerOptions options, Handler handler);
};

}  // namespace serin::net
