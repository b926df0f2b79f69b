#include "net/certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

#include "base/c_handle.h"
#include "base/strings.h"
#include "net/tls/tls.h"

namespace serin::net {
namespace {

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Cert = std::unique_ptr<X509, FreedBy<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, FreedBy<BN_free>>;

constexpr std::chrono::minutes kClockSkew{5};

tl::unexpected<Error> failed(std::string_view what) {
  return fail(Code::kInternal, concat(what, ": ", tls_error()));
}

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

Result<Cert> read_certificate(const std::string& pem) {
  Cert certificate(PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) return fail(Code::kInvalid, "not PEM text of a certificate: " + tls_error());
  return certificate;
}

Result<Key> read_key(const std::string& pem) {
  Key key(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, nullptr, nullptr));
  if (!key) return fail(Code::kInvalid, "not PEM text of a private key: " + tls_error());
  return key;
}

void set_time(ASN1_TIME* to, TimePoint time) {
  ASN1_TIME_set(to, std::chrono::system_clock::to_time_t(
                        std::chrono::time_point_cast<std::chrono::system_clock::duration>(time)));
}

bool set_random_serial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7f;  // positive
  bytes[0] |= 0x40;  // and of full length
  Number number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool add_name(X509_NAME* name, const char* field, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// DNS names and addresses go in as values, not as configuration text, where a comma would start
/// another name.
Result<void> add_alternative_names(X509* certificate, const CertificateRequest& request) {
  std::unique_ptr<GENERAL_NAMES, FreedBy<GENERAL_NAMES_free>> names(sk_GENERAL_NAME_new_null());
  for (const std::string& dns : request.dns_names) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, dns.data(), static_cast<int>(dns.size()));
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  for (const std::string& address : request.ip_addresses) {
    ASN1_OCTET_STRING* bytes = a2i_IPADDRESS(address.c_str());
    if (!bytes) return fail(Code::kInvalid, concat("\"", address, "\" is not an IP address"));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_IPADD, bytes);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  if (sk_GENERAL_NAME_num(names.get()) == 0) return {};
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1)
    return failed("cannot add the alternative names");
  return {};
}

/// A certificate with everything but extensions and signature.
Result<Cert> blank(EVP_PKEY* key, TimePoint now, std::chrono::days valid_for) {
  Cert certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  if (!set_random_serial(certificate.get())) return failed("cannot make a serial number");
  set_time(X509_getm_notBefore(certificate.get()), now - kClockSkew);
  set_time(X509_getm_notAfter(certificate.get()), now + valid_for);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

Result<KeyPair> sign(X509* certificate, EVP_PKEY* key, EVP_PKEY* issuer_key) {
  if (X509_sign(certificate, issuer_key, EVP_sha256()) == 0)
    return failed("cannot sign the certificate");
  Bio certificate_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_text.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1)
    return failed("cannot write PEM text");
  return KeyPair{contents(certificate_text.get()), contents(key_text.get())};
}

}  // namespace

Result<KeyPair> make_ca(const std::string& name, TimePoint now) {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return failed("cannot make a key");
  Cert certificate = SERIN_TRY(blank(key.get(), now, kCaLifetime));
  X509* ca = certificate.get();
  bool built =
      add_name(X509_get_subject_name(ca), "CN", name) &&
      X509_set_issuer_name(ca, X509_get_subject_name(ca)) == 1 &&
      add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE") &&
      add_extension(ca, ca, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign") &&
      add_extension(ca, ca, NID_subject_key_identifier, "hash");
  if (!built) return failed("cannot make the CA certificate");
  return sign(ca, key.get(), key.get());
}

Result<KeyPair> issue(const KeyPair& ca, const CertificateRequest& request, TimePoint now) {
  Cert issuer = SERIN_TRY(read_certificate(ca.certificate_pem));
  Key issuer_key = SERIN_TRY(read_key(ca.key_pem));
  Key key(EVP_EC_gen("P-256"));
  if (!key) return failed("cannot make a key");
  Cert certificate = SERIN_TRY(blank(key.get(), now, request.valid_for));
  X509* leaf = certificate.get();
  X509_NAME* subject = X509_get_subject_name(leaf);
  bool built = X509_set_issuer_name(leaf, X509_get_subject_name(issuer.get())) == 1;
  for (const std::string& organization : request.organizations)
    built = built && add_name(subject, "O", organization);
  std::string usage = request.server && request.client ? "serverAuth,clientAuth"
                      : request.server                 ? "serverAuth"
                                                       : "clientAuth";
  built = built && add_name(subject, "CN", request.common_name) &&
          add_extension(leaf, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
          add_extension(leaf, issuer.get(), NID_key_usage, "critical,digitalSignature") &&
          add_extension(leaf, issuer.get(), NID_ext_key_usage, usage) &&
          add_extension(leaf, issuer.get(), NID_subject_key_identifier, "hash") &&
          add_extension(leaf, issuer.get(), NID_authority_key_identifier, "keyid");
  if (!built) return failed("cannot make the certificate");
  SERIN_TRY(add_alternative_names(leaf, request));
  return sign(leaf, key.get(), issuer_key.get());
}

Result<Validity> validity(const std::string& pem) {
  Cert certificate = SERIN_TRY(read_certificate(pem));
  auto time_of = [](const ASN1_TIME* time) -> Result<TimePoint> {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return fail(Code::kInvalid, "the certificate's validity is not a time");
    return TimePoint(std::chrono::seconds(timegm(&parts)));
  };
  Validity validity;
  validity.from = SERIN_TRY(time_of(X509_get0_notBefore(certificate.get())));
  validity.until = SERIN_TRY(time_of(X509_get0_notAfter(certificate.get())));
  return validity;
}

Result<void> check_names(const std::string& pem, const std::vector<std::string>& dns_names,
                         const std::vector<std::string>& ip_addresses) {
  Cert certificate = SERIN_TRY(read_certificate(pem));
  for (const std::string& name : dns_names)
    if (X509_check_host(certificate.get(), name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) != 1)
      return fail(Code::kNotFound, concat("the certificate is not for ", name));
  for (const std::string& address : ip_addresses)
    if (X509_check_ip_asc(certificate.get(), address.c_str(), 0) != 1)
      return fail(Code::kNotFound, concat("the certificate is not for ", address));
  return {};
}

Result<void> check_leaf(const KeyPair& leaf, const std::string& ca_pem) {
  Cert certificate = SERIN_TRY(read_certificate(leaf.certificate_pem));
  Cert ca = SERIN_TRY(read_certificate(ca_pem));
  Key key = SERIN_TRY(read_key(leaf.key_pem));
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return fail(Code::kInvalid, "the private key does not belong to the certificate: " + tls_error());
  if (X509_verify(certificate.get(), X509_get0_pubkey(ca.get())) != 1)
    return fail(Code::kInvalid, "the CA has not signed the certificate: " + tls_error());
  return {};
}

}  // namespace serin::net
