#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "net/test_support.h"

namespace serin::net {
namespace {

using namespace testing;

/// One TLS connection as a client that shows what was agreed on.
class TlsProbe {
 public:
  struct Options {
    int version = 0;  ///< at most; 0: any
    std::string ciphers, protocols;  ///< protocols in the wire format of ALPN
  };
  TlsProbe(uint16_t port, const Options& options) : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);
    if (options.version) SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    if (options.version) SSL_CTX_set_max_proto_version(context_, options.version);
    if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context_, options.ciphers.c_str());
    if (!options.protocols.empty())
      SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(options.protocols.data()),
                              static_cast<unsigned>(options.protocols.size()));
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, raw_.fd());
    connected = SSL_connect(ssl_) == 1;
  }
  ~TlsProbe() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsProbe(const TlsProbe&) = delete;

  bool connected = false;
  std::string protocol() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  }
  std::string certificate() {
    X509* certificate = SSL_get0_peer_certificate(ssl_);
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    char* data = nullptr;
    long size = BIO_get_mem_data(bio, &data);
    std::string pem(data, static_cast<size_t>(size));
    BIO_free(bio);
    return pem;
  }
  std::string ask(std::string_view request, std::string_view end) {
    SSL_write(ssl_, request.data(), static_cast<int>(request.size()));
    std::string all;
    char c;
    while (all.find(end) == std::string::npos && SSL_read(ssl_, &c, 1) == 1) all += c;
    return all;
  }

 private:
  RawClient raw_;
  SSL_CTX* context_;
  SSL* ssl_;
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(TlsServer, TheClientChoosesTheProtocolAndHttp2IsPreferred) {
  auto server = serve(tls_server(), echo);
  EXPECT_EQ(TlsProbe(server->port(), {.protocols = "\x02h2\x08http/1.1"}).protocol(), "h2");
  EXPECT_EQ(TlsProbe(server->port(), {.protocols = "\x08http/1.1\x02h2"}).protocol(), "h2");
  EXPECT_EQ(TlsProbe(server->port(), {.protocols = "\x08http/1.1"}).protocol(), "http/1.1");
  EXPECT_EQ(TlsProbe(server->port(), {}).protocol(), "");
  TlsProbe none(server->port(), {});
  EXPECT_NE(none.ask(kGet, "/a 0 ").find("200 OK"), std::string::npos);
  ServerOptions only_http1 = tls_server();
  only_http1.http2 = false;
  auto old = serve(only_http1, echo);
  EXPECT_EQ(TlsProbe(old->port(), {.protocols = "\x02h2\x08http/1.1"}).protocol(), "http/1.1");
}

TEST(TlsServer, OldVersionsAndWeakCiphersAreRefused) {
  auto server = serve(tls_server(), echo);
  EXPECT_FALSE(TlsProbe(server->port(), {.version = TLS1_VERSION}).connected);
  EXPECT_FALSE(TlsProbe(server->port(), {.version = TLS1_1_VERSION}).connected);
  EXPECT_TRUE(TlsProbe(server->port(), {.version = TLS1_2_VERSION}).connected);
  EXPECT_TRUE(TlsProbe(server->port(), {.version = TLS1_3_VERSION}).connected);
  for (const char* weak : {"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-SHA", "AES128-GCM-SHA256"})
    EXPECT_FALSE(TlsProbe(server->port(), {.version = TLS1_2_VERSION, .ciphers = weak}).connected) << weak;
}

TEST(TlsServer, HandshakesThatDoNotEndAreLetGoAndCountedAmongTheConnections) {
  ServerOptions options = tls_server();
  options.header_timeout = std::chrono::milliseconds(50);
  options.max_connections = 4;
  auto server = serve(options, echo);
  {
    RawClient silent(server->port()), half_a_hello(server->port()), dripping(server->port());
    half_a_hello.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
    for (int i = 0; i < 3; ++i) dripping.send("\x16");
    EXPECT_EQ(silent.read_all(), "");
    half_a_hello.read_all();
    dripping.read_all();
  }
  for (int i = 0; i < 8; ++i) {
    RawClient silent(server->port());  // beyond the fourth it is not listened to at all
    silent.read_all();
  }
  TlsProbe served(server->port(), {});
  EXPECT_NE(served.ask(kGet, "/a 0 ").find("200 OK"), std::string::npos);
}

TEST(TlsServer, ANewCertificateIsForNewConnectionsAndOpenOnesGoOn) {
  auto server = serve(tls_server(), echo);
  TlsProbe open(server->port(), {});
  EXPECT_EQ(open.certificate(), certificates().server.certificate_pem);
  KeyPair renewed = issue(certificates().ca, {.common_name = "renewed", .ip_addresses = {"127.0.0.1"}, .server = true},
                          SystemClock().now())
                        .value();
  ASSERT_TRUE(server->set_certificate(renewed.certificate_pem, renewed.key_pem));
  EXPECT_EQ(TlsProbe(server->port(), {}).certificate(), renewed.certificate_pem);
  EXPECT_NE(open.ask(kGet, "/a 0 ").find("200 OK"), std::string::npos);
  EXPECT_TRUE(client_for(*server, true)->send(get("/"), kLong));
  EXPECT_TRUE(failed_with(server->set_certificate(renewed.certificate_pem, certificates().client.key_pem), Code::kInvalid));
  EXPECT_TRUE(failed_with(server->set_certificate("", ""), Code::kInvalid));
  EXPECT_EQ(TlsProbe(server->port(), {}).certificate(), renewed.certificate_pem);
  EXPECT_TRUE(failed_with(serve({}, echo)->set_certificate(renewed.certificate_pem, renewed.key_pem), Code::kInvalid));
}

}  // namespace
}  // namespace serin::net
