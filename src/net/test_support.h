#pragma once

/// What the tests of `net` share: certificates, and a raw socket that says exactly what a test
/// wants said.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>

#include "net/certificates.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace serin::net::testing {

using namespace std::chrono_literals;

inline constexpr auto kLong =
    20s;  ///< longer than anything here takes; nothing waits for it to pass

struct Certificates {
  KeyPair ca, server, client;
};

/// Made once for a test program.
inline const Certificates& certificates() {
  static const Certificates kAll = [] {
    TimePoint now = SystemClock().now();
    KeyPair ca = make_ca("test CA", now).value();
    KeyPair server = issue(ca,
                           {.common_name = "server",
                            .dns_names = {"localhost"},
                            .ip_addresses = {"127.0.0.1"},
                            .server = true},
                           now)
                         .value();
    KeyPair client =
        issue(ca,
              {.common_name = "jane", .organizations = {"system:masters", "dev"}, .client = true},
              now)
            .value();
    return Certificates{ca, server, client};
  }();
  return kAll;
}

inline ServerOptions tls_server() {
  ServerOptions options;
  options.certificate_pem = certificates().server.certificate_pem;
  options.key_pem = certificates().server.key_pem;
  options.client_ca_pem = certificates().ca.certificate_pem;
  return options;
}

inline std::unique_ptr<HttpServer> serve(ServerOptions options, Handler handler) {
  auto server = HttpServer::start(std::move(options), std::move(handler));
  if (!server) ADD_FAILURE() << server.error().message;
  return server ? std::move(*server) : nullptr;
}

/// Answers with method, path, size of the body and who asked.
inline void echo(Request request, std::unique_ptr<Responder> responder) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body = request.method + " " + request.path + " " + std::to_string(request.body.size()) +
                  " " + request.peer.common_name;
  for (const std::string& organization : request.peer.organizations)
    response.body += "," + organization;
  responder->send(std::move(response));
}

inline std::unique_ptr<HttpClient> client_for(const HttpServer& server, bool tls = false) {
  ClientOptions options;
  options.host = "127.0.0.1";
  options.port = server.port();
  options.tls = tls;
  options.ca_pem = certificates().ca.certificate_pem;
  return HttpClient::create(options).value();
}

inline Request get(std::string path) {
  Request request;
  request.method = "GET";
  request.path = std::move(path);
  return request;
}

/// A plain TCP connection to a server of ours.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;

  int fd() const { return fd_; }
  bool send(std::string_view text) {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Until the text holds `end`, or the peer closes.
  std::string read_until(std::string_view end) {
    std::string text;
    char c;
    while (!text.ends_with(end) && ::recv(fd_, &c, 1, 0) == 1) text += c;
    return text;
  }
  std::string read_all() { return read_until(std::string_view("\0never\0", 7)); }

 private:
  int fd_;
};

}  // namespace serin::net::testing
