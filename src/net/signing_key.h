#pragma once

/// ECDSA keys on P-256 that sign texts and verify signatures: the ES256 of JSON Web Tokens (RFC 7518). Immutable;
/// safe from any thread.

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace serin::net {

class SigningKey {
 public:
  static Result<SigningKey> generate();
  /// A private key, PKCS #8. kInvalid for anything but one on P-256.
  static Result<SigningKey> from_pem(const std::string& pem);

  /// Keep it in a file of mode 0600.
  const std::string& pem() const;
  /// The SubjectPublicKeyInfo, DER.
  const std::string& public_der() const;
  /// The coordinates of the public point, 32 bytes each, big-endian.
  const std::string& x() const;
  const std::string& y() const;

  /// r and s, 32 bytes each, of the text's SHA-256.
  Result<std::string> sign(std::string_view text) const;
  bool verify(std::string_view text, std::string_view signature) const;

 private:
  struct Parts;
  explicit SigningKey(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

}  // namespace serin::net
