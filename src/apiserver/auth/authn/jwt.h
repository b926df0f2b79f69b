#pragma once

/// JSON Web Tokens in compact form (RFC 7515, 7519), signed with ES256 and nothing else. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/json.h"
#include "net/signing_key.h"

namespace serin::apiserver {

/// base64url without padding (RFC 4648 §5). Decoding accepts nothing else.
std::string base64url_encode(std::string_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);

/// What names a key in `kid`: the SHA-256 of its public half.
std::string key_id(const net::SigningKey&);

Result<std::string> sign_jwt(const net::SigningKey& key, const json::value& claims);

/// The claims of a token that one of `keys` has signed. kUnauthorized for anything else: malformed, another algorithm
/// (`none` and HS256 among them), critical extensions, an unknown key, a wrong signature.
Result<json::value> verify_jwt(std::string_view token, const std::vector<net::SigningKey>& keys);

/// The public halves as a JSON Web Key Set (RFC 7517).
json::value json_web_key_set(const std::vector<net::SigningKey>& keys);

}  // namespace serin::apiserver
