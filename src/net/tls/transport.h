#pragma once

/// A non-blocking byte stream over a connected socket, plain or TLS; shared by server and client.
/// Private to `net`. One thread at a time. Borrows the file descriptor, which must be non-blocking.

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "net/http.h"
#include "net/tls/tls.h"

namespace serin::net {

class Transport {
 public:
  enum class State {
    kDone,
    kWantRead,   ///< try again when the socket is readable
    kWantWrite,  ///< try again when the socket is writable
    kClosed,     ///< the peer ended the stream
    kFailed,     ///< `error()` says why
  };
  struct Outcome {
    State state;
    size_t bytes = 0;  ///< > 0 exactly where `state` is kDone
  };

  /// Plain.
  explicit Transport(int fd);
  /// TLS as the server.
  static Transport accept(const TlsContext& context, int fd);
  /// TLS as the client. Verifies that the certificate is for `name` (a DNS name or an IP address)
  /// unless the context verifies nothing.
  static Transport connect(const TlsContext& context, int fd, const std::string& name);
  Transport(Transport&&) noexcept;
  Transport& operator=(Transport&&) noexcept;
  ~Transport();

  /// To be called until kDone before reading and writing; kDone at once on a plain stream.
  State handshake();
  Outcome read(char* to, size_t size);
  Outcome write(const char* from, size_t size);
  /// Bytes may be read although the socket is not readable.
  bool buffered() const;
  /// Tells the peer that nothing more will be sent. Best effort.
  void end_output();

  /// Fills in what the peer's certificate says, after the handshake.
  void describe(Peer& peer) const;
  const std::string& error() const { return error_; }
  /// The failure was about a certificate: ours refused by the peer, or the peer's by us.
  bool certificate_refused() const { return certificate_refused_; }
  /// The peer spoke plain HTTP to a TLS server.
  bool plain_http() const { return plain_http_; }

 private:
  Transport(const TlsContext& context, int fd);
  Outcome outcome_of(int result);

  int fd_;
  struct FreeSsl {
    void operator()(SSL*) const;
  };
  std::unique_ptr<SSL, FreeSsl> ssl_;  // null: plain
  std::string error_;
  bool certificate_refused_ = false;
  bool plain_http_ = false;
};

}  // namespace serin::net
