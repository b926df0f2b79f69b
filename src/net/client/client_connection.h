#pragma once

/// One connection of an HttpClient: blocking calls with deadlines on a non-blocking socket, ended
/// early by `cancel` from any thread. Otherwise one thread at a time. Private to `net`.

#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "net/http_client.h"
#include "net/http1/response_parser.h"
#include "net/tls/transport.h"

namespace serin::net {

using Deadline = std::chrono::steady_clock::time_point;

/// `timeout` from now; a huge one is forever.
Deadline deadline_after(Duration timeout);

/// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }

 private:
  int fd_;
};

class ClientConnection {
 public:
  /// Connects and shakes hands.
  static Result<std::unique_ptr<ClientConnection>> open(const ClientOptions& options,
                                                        const TlsContext& tls, Deadline deadline);

  /// Sends a whole request, and reads the answer's head. An error that happened before any byte of
  /// an answer came sets `stale()`.
  Result<void> exchange(const std::string& head, const std::string& body, bool bodiless,
                        size_t max_body, Deadline deadline);
  /// Reads until there is some body or the answer is complete. False when the deadline passed
  /// first.
  Result<bool> read_body(Deadline deadline);
  ResponseParser& answer() { return *answer_; }

  /// Nothing has arrived since the last answer, so that the connection may be used again.
  bool idle_and_alive();
  /// The answer is complete, and the peer keeps the connection.
  bool reusable() const;
  bool stale() const { return stale_; }
  /// Any thread. Everything that blocks returns kUnavailable from now on.
  void cancel();

 private:
  ClientConnection(Fd socket, Fd wake, Transport transport);
  enum class Ready { kYes, kTimeout, kCancelled };
  Ready wait(short events, Deadline deadline);
  Result<void> wait_or_fail(short events, Deadline deadline, std::string_view doing);
  Result<void> handshake(Deadline deadline);
  Result<void> write(std::string_view bytes, Deadline deadline);
  /// One read into the parser. False when the deadline passed first.
  Result<bool> read_some(Deadline deadline);
  tl::unexpected<Error> transport_failure(std::string_view doing) const;

  Fd socket_, wake_;
  Transport transport_;
  std::unique_ptr<ResponseParser> answer_;
  std::unique_ptr<char[]> buffer_;  // to read into
  std::string input_;               // arrived, not used yet
  bool stale_ = false;
};

}  // namespace serin::net
