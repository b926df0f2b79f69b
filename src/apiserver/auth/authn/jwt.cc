#include "apiserver/auth/authn/jwt.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr size_t kMaxTokenBytes = 16 << 10;

tl::unexpected<Error> refused(const char* why) { return fail(Code::kUnauthorized, why); }

}  // namespace

std::string base64url_encode(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  text.erase(text.find_last_not_of('=') + 1);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos || text.size() % 4 == 1) return std::nullopt;
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  return base64_decode(padded);
}

std::string key_id(const net::SigningKey& key) { return base64url_encode(sha256(key.public_der())); }

Result<std::string> sign_jwt(const net::SigningKey& key, const json::value& claims) {
  json::object header{{"alg", "ES256"}, {"kid", key_id(key)}};
  std::string text = concat(base64url_encode(json::dump(header)), '.', base64url_encode(json::dump(claims)));
  std::string signature = SERIN_TRY(key.sign(text));
  return concat(text, '.', base64url_encode(signature));
}

Result<json::value> verify_jwt(std::string_view token, const std::vector<net::SigningKey>& keys) {
  if (token.size() > kMaxTokenBytes) return refused("the token is too long");
  std::vector<std::string_view> parts = split(token, '.');
  if (parts.size() != 3) return refused("not a JSON Web Token");
  auto header_text = base64url_decode(parts[0]), claims_text = base64url_decode(parts[1]), signature = base64url_decode(parts[2]);
  if (!header_text || !claims_text || !signature) return refused("not a JSON Web Token");
  auto header = json::parse(*header_text);
  if (!header || !header->is_object()) return refused("not a JSON Web Token");
  if (json::get_string(*header, "alg") != "ES256" || json::find(*header, "crit")) return refused("the token is not signed with ES256");
  std::string_view kid = json::get_string(*header, "kid");
  auto key = std::find_if(keys.begin(), keys.end(), [&](const net::SigningKey& one) { return key_id(one) == kid; });
  std::string_view signed_text = token.substr(0, parts[0].size() + 1 + parts[1].size());
  if (key == keys.end() || !key->verify(signed_text, *signature)) return refused("the token is not signed by a key of this server");
  auto claims = json::parse(*claims_text);
  if (!claims || !claims->is_object()) return refused("the token's claims are not a JSON object");
  return *std::move(claims);
}

json::value json_web_key_set(const std::vector<net::SigningKey>& keys) {
  json::array set;
  for (const net::SigningKey& key : keys)
    set.push_back(json::object{{"use", "sig"}, {"kty", "EC"}, {"kid", key_id(key)}, {"crv", "P-256"}, {"alg", "ES256"},
                               {"x", base64url_encode(key.x())}, {"y", base64url_encode(key.y())}});
  return json::object{{"keys", std::move(set)}};
}

}  // namespace serin::apiserver
