#pragma once

/// A small certificate authority: ECDSA P-256 keys, X.509 certificates, PEM in and out.
/// Thread-safe.

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace serin::net {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;  ///< PKCS #8, not encrypted: keep it in files of mode 0600
};

struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> organizations;  ///< groups of a Kubernetes user
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool server = false;  ///< may serve TLS
  bool client = false;  ///< may present itself as a client
  std::chrono::days valid_for{365};
};

inline constexpr std::chrono::days kCaLifetime{3652};  ///< ten years

/// A self-signed CA. Its certificates are valid from a little before `now`, for clocks that differ.
Result<KeyPair> make_ca(const std::string& name, TimePoint now);
/// A leaf signed by `ca`. kInvalid where the CA does not parse or an address is none.
Result<KeyPair> issue(const KeyPair& ca, const CertificateRequest& request, TimePoint now);

struct Validity {
  TimePoint from, until;
};
/// Of the first certificate of `pem`.
Result<Validity> validity(const std::string& pem);
/// kNotFound, naming it, where the certificate is not for one of these names and addresses.
Result<void> check_names(const std::string& pem, const std::vector<std::string>& dns_names, const std::vector<std::string>& ip_addresses);
/// kInvalid where the leaf's key is not its certificate's, or the CA has not signed that.
Result<void> check_leaf(const KeyPair& leaf, const std::string& ca_pem);

}  // namespace serin::net
