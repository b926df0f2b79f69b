#pragma once

/// A server over TLS on a free port, with one cluster and a certificate of system:masters. For tests.

#include <gtest/gtest.h>

#include "apiserver/testing/fixture.h"
#include "base/strings.h"
#include "net/certificates.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace serin::apiserver {

class HttpTest : public testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.clock = &clock_;
    options.security.tokens.add("reader-token", User{"reader", {"readers"}, {}, {}});
    configure(options);
    server_ = *Server::open(std::move(options));
    ASSERT_TRUE(server_->add_cluster("work-1"));
    client_ = server_->client("work-1", "test");
    ca_ = *net::make_ca("serin-test", clock_.now());
    net::CertificateRequest leaf;
    leaf.common_name = "serin";
    leaf.dns_names = {"localhost"};
    leaf.ip_addresses = {"127.0.0.1"};
    leaf.server = true;
    net::KeyPair serving = *net::issue(ca_, leaf, clock_.now());
    net::CertificateRequest admin;
    admin.common_name = "admin";
    admin.organizations = {"system:masters"};
    admin.client = true;
    admin_ = *net::issue(ca_, admin, clock_.now());
    net::ServerOptions listen;
    listen.certificate_pem = serving.certificate_pem;
    listen.key_pem = serving.key_pem;
    listen.client_ca_pem = ca_.certificate_pem;
    auto started = net::HttpServer::start(std::move(listen), server_->http_handler());
    ASSERT_TRUE(started) << started.error().message;
    http_server_ = *std::move(started);
    http_ = connect(true);
  }
  void TearDown() override {
    http_.reset();
    http_server_.reset();
    client_.reset();
    server_.reset();
  }
  virtual void configure(ServerOptions&) {}

  std::unique_ptr<net::HttpClient> connect(bool with_certificate) {
    net::ClientOptions options;
    options.host = "127.0.0.1";
    options.port = http_server_->port();
    options.ca_pem = ca_.certificate_pem;
    if (with_certificate) {
      options.certificate_pem = admin_.certificate_pem;
      options.key_pem = admin_.key_pem;
    }
    return *net::HttpClient::create(std::move(options));
  }

  net::Request request(const std::string& method, const std::string& path, std::string body = {},
                       const std::string& type = "application/json") {
    net::Request r;
    r.method = method;
    r.path = path.substr(0, path.find('?'));
    if (size_t at = path.find('?'); at != std::string::npos) r.query = path.substr(at + 1);
    r.body = std::move(body);
    if (!r.body.empty()) r.headers.set("Content-Type", type);
    return r;
  }
  net::Response call(const net::Request& r) {
    auto response = http_->send(r, std::chrono::seconds(20));
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : net::Response();
  }
  net::Response call(const std::string& method, const std::string& path, std::string body = {},
                     const std::string& type = "application/json") {
    return call(request(method, "/clusters/work-1" + path, std::move(body), type));
  }
  json::value body_of(const net::Response& response) {
    auto doc = json::parse(response.body);
    EXPECT_TRUE(doc) << response.body;
    return doc ? *doc : json::value();
  }

  SystemClock clock_;
  net::KeyPair ca_, admin_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<net::HttpServer> http_server_;
  std::unique_ptr<net::HttpClient> http_;
};

}  // namespace serin::apiserver
