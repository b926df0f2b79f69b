#pragma once

/// The certificates of one state directory: a CA, the API server's certificate and the administrator's. Kept in
/// `<state>/pki`, mode 0600; made at the first start, leaves renewed at a start in their last third.

#include <string>

#include "base/clock.h"
#include "net/certificates.h"

namespace serin::app {

struct Pki {
  std::string ca_pem;
  net::KeyPair server;
  net::KeyPair admin;  ///< CN serin-admin, O system:masters
};

Result<Pki> load_or_make_pki(const std::string& directory, TimePoint now);

}  // namespace serin::app
