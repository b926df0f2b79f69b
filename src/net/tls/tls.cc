#include "net/tls/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <vector>

#include "base/c_handle.h"
#include "base/strings.h"

namespace serin::net {
namespace {

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Cert = std::unique_ptr<X509, FreedBy<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;

int no_passphrase(char*, int, int, void*) { return 0; }

std::vector<Cert> read_certificates(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Cert> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr))
    certificates.emplace_back(certificate);
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return certificates;
}

TlsContext new_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

Result<void> use_certificate(SSL_CTX* context, const std::string& certificate_pem,
                             const std::string& key_pem) {
  std::vector<Cert> chain = read_certificates(certificate_pem);
  if (chain.empty())
    return fail(Code::kInvalid, "the certificate is not PEM text of an X.509 certificate");
  Bio bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) {
    ERR_clear_error();
    return fail(Code::kInvalid, "the private key is not PEM text of an unencrypted key");
  }
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1)
    return fail(Code::kInvalid, "the certificate cannot be used: " + tls_error());
  for (size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "the private key does not belong to the certificate");
  }
  return {};
}

Result<void> trust(SSL_CTX* context, const std::string& ca_pem, bool announce) {
  std::vector<Cert> anchors = read_certificates(ca_pem);
  if (anchors.empty())
    return fail(Code::kInvalid, "the CA is not PEM text of an X.509 certificate");
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Cert& anchor : anchors) {
    X509_STORE_add_cert(store, anchor.get());
    if (announce) SSL_CTX_add_client_CA(context, anchor.get());
  }
  return {};
}

// In wire format, the preferred one first.
constexpr unsigned char kBoth[] = "\x02h2\x08http/1.1";
constexpr unsigned char kHttp1[] = "\x08http/1.1";

// What RFC 9113 §9.2.2 leaves of TLS 1.2: forward secrecy and AEAD.
constexpr const char* kCiphers = "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20";
// AES-128 first: a fifth cheaper than AES-256 on lists of megabytes, and strong enough for both versions' purposes.
constexpr const char* kSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/// `argument` is not null where HTTP/2 is offered.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void* argument) {
  const unsigned char* ours = argument ? kBoth : kHttp1;
  unsigned int size = argument ? sizeof kBoth - 1 : sizeof kHttp1 - 1;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, length, ours, size, offered, offered_length) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string text_of(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  int length = ASN1_STRING_to_UTF8(&utf8, string);
  if (length < 0) return "";
  std::string text(reinterpret_cast<char*>(utf8), static_cast<size_t>(length));
  OPENSSL_free(utf8);
  return text;
}

}  // namespace

Result<TlsContext> server_tls(const std::string& certificate_pem, const std::string& key_pem,
                              const std::string& client_ca_pem, bool http2) {
  TlsContext context = new_context(TLS_server_method());
  SSL_CTX_set_cipher_list(context.get(), kCiphers);
  SSL_CTX_set_ciphersuites(context.get(), kSuites);
  // Our order, unless the client says by its own that it has no AES in hardware.
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SERIN_TRY(use_certificate(context.get(), certificate_pem, key_pem));
  // No resumption: a resumed session would not look at the client's certificate again.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, http2 ? context.get() : nullptr);
  if (!client_ca_pem.empty()) {
    SERIN_TRY(trust(context.get(), client_ca_pem, true));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

Result<TlsContext> client_tls(const ClientTls& options) {
  TlsContext context = new_context(TLS_client_method());
  if (!options.certificate_pem.empty() || !options.key_pem.empty())
    SERIN_TRY(use_certificate(context.get(), options.certificate_pem, options.key_pem));
  if (options.insecure_skip_verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    return context;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (!options.ca_pem.empty())
    SERIN_TRY(trust(context.get(), options.ca_pem, false));
  else
    SSL_CTX_set_default_verify_paths(context.get());
  return context;
}

void read_subject(const SSL* ssl, Peer& peer) {
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    std::string text = text_of(X509_NAME_ENTRY_get_data(entry));
    if (kind == NID_commonName)
      peer.common_name = std::move(text);
    else if (kind == NID_organizationName)
      peer.organizations.push_back(std::move(text));
  }
}

std::string tls_error() {
  unsigned long code = ERR_peek_last_error();
  const char* text = code ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return text ? text : "unknown TLS error";
}

}  // namespace serin::net
