#pragma once

/// OpenSSL contexts, made from PEM text. Private to `net`. TLS 1.2 and later.

#include <openssl/types.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "net/http.h"

namespace serin::net {

using TlsContext = std::shared_ptr<SSL_CTX>;

/// A server's context. Client certificates are asked for where `client_ca_pem` is not empty, and
/// stay optional; one that does not verify ends the handshake.
Result<TlsContext> server_tls(const std::string& certificate_pem, const std::string& key_pem,
                              const std::string& client_ca_pem);

struct ClientTls {
  std::string ca_pem;  ///< empty: the system's trust anchors
  bool insecure_skip_verify = false;
  std::string certificate_pem, key_pem;  ///< both or neither
};
Result<TlsContext> client_tls(const ClientTls& options);

/// CN and O of the peer's verified certificate into `peer`; nothing where there is none.
void read_subject(const SSL* ssl, Peer& peer);

/// The newest entry of OpenSSL's error queue as text; clears the queue.
std::string tls_error();

}  // namespace serin::net
