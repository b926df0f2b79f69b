#pragma once

/// The certificates of one state directory: a CA, the API server's certificate and the administrator's. Kept in
/// `<state>/pki`, a directory of mode 0700, in files of mode 0600, each written whole or not at all; made at the first
/// start. Leaves live a year and are made anew when less than a third of that is left (at a start, and while running: see
/// certificate_renewal.h), when key and certificate do not belong together, when the CA has not signed them, or when the
/// server has names that its certificate lacks. The CA,
/// which clients have been told to trust, stays.

#include <string>
#include <vector>

#include "base/clock.h"
#include "net/certificates.h"

namespace serin::app {

/// What the API server is called beside localhost, kubernetes.default.svc and their like.
struct ServerNames {
  std::vector<std::string> dns, addresses;
};

struct Pki {
  std::string ca_pem;
  net::KeyPair server;
  net::KeyPair admin;  ///< CN serin-admin, O system:masters
};

/// Less than a third of its life is left.
bool wants_renewal(const net::Validity& validity, TimePoint now);

/// kForbidden, naming the file and what to do, where somebody else can read a private key.
Result<Pki> load_or_make_pki(const std::string& directory, TimePoint now, const ServerNames& names = {});

}  // namespace serin::app
