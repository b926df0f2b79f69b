#pragma once

/// Hashes. None of them protects a secret but `sha256`.

#include <cstdint>
#include <string>
#include <string_view>

namespace serin {

/// FNV-1a, 32 bits, which Kubernetes and Argo Rollouts use for template and step hashes.
uint32_t fnv1a_32(std::string_view bytes);
/// FNV-1a, 64 bits; for content versions and hash tables.
uint64_t fnv1a_64(std::string_view bytes);
/// SHA-256 in lower-case hex.
std::string sha256_hex(std::string_view bytes);
/// SHA-256, 32 bytes.
std::string sha256(std::string_view bytes);
/// Compares in a time that depends on the lengths alone, so that it tells nothing about a secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// k8s.io/apimachinery rand.SafeEncodeString: each character of `text` maps to one of 27 letters and digits
/// that cannot form words.
std::string safe_encode(std::string_view text);

}  // namespace serin
