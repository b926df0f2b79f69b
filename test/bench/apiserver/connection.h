#pragma once

/// A cheap HTTP/1.1 client for load: many TLS connections with keep-alive on one thread over epoll, requests as
/// ready-made bytes. Not for production: any surprise aborts the measurement with a message. One thread.

#include <openssl/ssl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace serin::bench {

using SteadyClock = std::chrono::steady_clock;

/// Where a cluster's API is and who we are there.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  std::string base;  ///< "/clusters/work-1"
  std::string ca_pem, certificate_pem, key_pem;
};

/// The client's TLS settings, shared by its connections.
class TlsClient {
 public:
  explicit TlsClient(const Endpoint& endpoint);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  /// Past the handshake; asks for HTTP/2 by ALPN where `http2`.
  SSL* connect(int fd, bool http2 = false) const;

 private:
  SSL_CTX* context_;
};

/// The bytes of one request.
std::string request_text(const Endpoint&, std::string_view method, std::string_view path, std::string_view body = {},
                         std::string_view content_type = "application/json");

struct Answer {
  int status = 0;
  std::string body;   ///< empty where it is only counted
  size_t bytes = 0;   ///< of the body
  SteadyClock::time_point first_byte{};
};

/// A TCP connection to the endpoint.
int connect_to(const Endpoint& endpoint);

/// What a Poller serves.
class Polled {
 public:
  virtual ~Polled() = default;
  virtual int fd() const = 0;
  virtual void readable() = 0;
};

class Connection final : public Polled {
 public:
  /// Connected and past the handshake when it returns.
  Connection(const TlsClient& tls, const Endpoint& endpoint);
  ~Connection() override;
  Connection(const Connection&) = delete;

  /// One request at a time; `done` is called from within `Poller::run`.
  void send(const std::string& request, std::function<void(const Answer&)> done, bool keep_body = true);
  /// As `send`, for an answer that goes on: `line` is called with each line of its body.
  void stream(const std::string& request, std::function<void(std::string_view)> line);
  int fd() const override { return fd_; }
  void readable() override;
  /// Whether the head of a stream has come.
  bool streaming() const { return streaming_; }

 private:
  void consume();
  void take(size_t size);
  bool take_head();
  bool take_chunks();

  int fd_;
  SSL* ssl_;
  std::string input_, lines_;
  size_t at_ = 0;
  Answer answer_;
  size_t left_ = 0;
  bool in_body_ = false, chunked_ = false, streaming_ = false, keep_body_ = true;
  std::function<void(const Answer&)> done_;
  std::function<void(std::string_view)> line_;
};

class Poller {
 public:
  Poller();
  ~Poller();
  void add(Polled&);
  /// Serves answers until `until()` is true (asked after each round) or the time is over; false for the latter.
  bool run(const std::function<bool()>& until, SteadyClock::time_point deadline);

 private:
  int epoll_;
};

/// One request on a connection of its own.
Answer ask(const TlsClient& tls, const Endpoint& endpoint, std::string_view method, std::string_view path,
           std::string_view body = {}, std::string_view content_type = "application/json");

[[noreturn]] void die(const std::string& why);

}  // namespace serin::bench
