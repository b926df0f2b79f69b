#include "net/signing_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/c_handle.h"
#include "base/strings.h"
#include "net/tls/tls.h"

namespace serin::net {
namespace {

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, FreedBy<ECDSA_SIG_free>>;

constexpr int kCoordinate = 32;

tl::unexpected<Error> failed(std::string_view what) { return fail(Code::kInternal, concat(what, ": ", tls_error())); }

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  Number number(raw);
  std::string out(kCoordinate, '\0');
  BN_bn2binpad(number.get(), reinterpret_cast<unsigned char*>(out.data()), kCoordinate);
  return out;
}

}  // namespace

struct SigningKey::Parts {
  Key key;
  std::string pem, public_der, x, y;

  static Result<SigningKey> of(Key key) {
    auto parts = std::make_shared<Parts>();
    Bio text(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_PKCS8PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
      return failed("cannot write a key");
    char* data = nullptr;
    long size = BIO_get_mem_data(text.get(), &data);
    parts->pem.assign(data, static_cast<size_t>(size));
    unsigned char* der = nullptr;
    int length = i2d_PUBKEY(key.get(), &der);
    if (length <= 0) return failed("cannot write a public key");
    parts->public_der.assign(reinterpret_cast<char*>(der), static_cast<size_t>(length));
    OPENSSL_free(der);
    parts->x = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_X);
    parts->y = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    parts->key = std::move(key);
    return SigningKey(std::move(parts));
  }
};

Result<SigningKey> SigningKey::generate() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return failed("cannot make a key");
  return Parts::of(std::move(key));
}

Result<SigningKey> SigningKey::from_pem(const std::string& pem) {
  Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PrivateKey(text.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!key) return fail(Code::kInvalid, concat("not PEM text of an unencrypted private key: ", tls_error()));
  char group[32] = {};
  size_t length = 0;
  bool named = EVP_PKEY_get_group_name(key.get(), group, sizeof group, &length) == 1;
  if (!named || std::string_view(group, length) != "prime256v1") {
    tls_error();
    return fail(Code::kInvalid, "the key is not an ECDSA key on P-256");
  }
  return Parts::of(std::move(key));
}

const std::string& SigningKey::pem() const { return parts_->pem; }
const std::string& SigningKey::public_der() const { return parts_->public_der; }
const std::string& SigningKey::x() const { return parts_->x; }
const std::string& SigningKey::y() const { return parts_->y; }

Result<std::string> SigningKey::sign(std::string_view text) const {
  Digest digest(EVP_MD_CTX_new());
  size_t size = 0;
  std::string der;
  bool signed_ = EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, parts_->key.get()) == 1 &&
                 EVP_DigestSign(digest.get(), nullptr, &size, bytes(text), text.size()) == 1;
  der.resize(size);
  signed_ = signed_ && EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(der.data()), &size, bytes(text), text.size()) == 1;
  if (!signed_) return failed("cannot sign");
  const unsigned char* at = bytes(der);
  Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  if (!signature) return failed("cannot sign");
  std::string out(2 * kCoordinate, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), to, kCoordinate);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), to + kCoordinate, kCoordinate);
  return out;
}

bool SigningKey::verify(std::string_view text, std::string_view signature) const {
  if (signature.size() != 2 * kCoordinate) return false;
  Signature pair(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes(signature), kCoordinate, nullptr);
  BIGNUM* s = BN_bin2bn(bytes(signature) + kCoordinate, kCoordinate, nullptr);
  if (ECDSA_SIG_set0(pair.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return false;
  }
  unsigned char* der = nullptr;
  int length = i2d_ECDSA_SIG(pair.get(), &der);
  if (length <= 0) return false;
  Digest digest(EVP_MD_CTX_new());
  bool good = EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, parts_->key.get()) == 1 &&
              EVP_DigestVerify(digest.get(), der, static_cast<size_t>(length), bytes(text), text.size()) == 1;
  OPENSSL_free(der);
  if (!good) tls_error();
  return good;
}

}  // namespace serin::net
