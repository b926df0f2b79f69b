#include "net/client/client_connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/c_handle.h"
#include "base/strings.h"

namespace serin::net {
namespace {

constexpr size_t kReadSize = 16 << 10;  // what one TLS record holds
constexpr size_t kOneWrite = 16 << 10;  // head and a body up to this go out as one piece

using Addresses = std::unique_ptr<addrinfo, FreedBy<freeaddrinfo>>;

std::string where(const ClientOptions& options) { return concat(options.host, ":", options.port); }

Result<Addresses> resolve(const ClientOptions& options) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  int error =
      getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &list);
  if (error != 0)
    return fail(Code::kUnavailable,
                concat("cannot resolve ", options.host, ": ", gai_strerror(error)));
  return Addresses(list);
}

/// Waits for events on either descriptor; milliseconds are rounded up so that the deadline has
/// passed at 0.
int poll_until(pollfd* fds, nfds_t count, Deadline deadline) {
  for (;;) {
    auto now = std::chrono::steady_clock::now();
    auto left =
        deadline > now ? std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count() : 0;
    int timeout = static_cast<int>(std::min<int64_t>(left, 1 << 30));
    int n = ::poll(fds, count, timeout);
    if (n >= 0 || errno != EINTR) return n;
  }
}

void set_option(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

/// With keep-alive probes, so that a stream whose peer has vanished ends within a minute.
Result<Fd> connect_to(const addrinfo& address, const ClientOptions& options, Deadline deadline) {
  auto failed = [&](int error) {
    return fail(Code::kUnavailable,
                concat("cannot connect to ", where(options), ": ", std::strerror(error)));
  };
  Fd socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return failed(errno);
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket.get(), IPPROTO_TCP, TCP_KEEPCNT, 3);
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return failed(errno);
  pollfd fd{socket.get(), POLLOUT, 0};
  if (poll_until(&fd, 1, deadline) == 0)
    return fail(Code::kTimeout, concat("connecting to ", where(options), " took too long"));
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return failed(error);
  return socket;
}

Result<Fd> connect_any(const ClientOptions& options, Deadline deadline) {
  Addresses addresses = SERIN_TRY(resolve(options));
  Result<Fd> last = fail(Code::kUnavailable, concat(options.host, " has no address"));
  for (const addrinfo* address = addresses.get(); address; address = address->ai_next)
    if ((last = connect_to(*address, options, deadline))) return last;
  return last;
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Deadline deadline_after(Duration timeout) {
  auto now = std::chrono::steady_clock::now();
  constexpr Duration kForever = std::chrono::hours(24 * 365);
  return now + std::min(timeout, kForever);
}

ClientConnection::ClientConnection(Fd socket, Fd wake, Transport transport)
    : socket_(std::move(socket)), wake_(std::move(wake)), transport_(std::move(transport)) {}

Result<std::unique_ptr<ClientConnection>> ClientConnection::open(const ClientOptions& options,
                                                                 const TlsContext& tls,
                                                                 Deadline deadline) {
  deadline = std::min(deadline, deadline_after(options.connect_timeout));
  Fd socket = SERIN_TRY(connect_any(options, deadline));
  Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (wake.get() < 0)
    return fail(Code::kUnavailable, concat("cannot make an eventfd: ", std::strerror(errno)));
  const std::string& name = options.server_name.empty() ? options.host : options.server_name;
  Transport transport = tls ? Transport::connect(tls, socket.get(), name) : Transport(socket.get());
  std::unique_ptr<ClientConnection> connection(
      new ClientConnection(std::move(socket), std::move(wake), std::move(transport)));
  SERIN_TRY(connection->handshake(deadline));
  return connection;
}

ClientConnection::Ready ClientConnection::wait(short events, Deadline deadline) {
  pollfd fds[2] = {{socket_.get(), events, 0}, {wake_.get(), POLLIN, 0}};
  int n = poll_until(fds, 2, deadline);
  if (fds[1].revents != 0) return Ready::kCancelled;
  return n == 0 ? Ready::kTimeout : Ready::kYes;
}

Result<void> ClientConnection::wait_or_fail(short events, Deadline deadline,
                                            std::string_view doing) {
  switch (wait(events, deadline)) {
    case Ready::kYes: return {};
    case Ready::kTimeout: return fail(Code::kTimeout, concat(doing, " took too long"));
    case Ready::kCancelled: return fail(Code::kUnavailable, "cancelled");
  }
  return {};
}

tl::unexpected<Error> ClientConnection::transport_failure(std::string_view doing) const {
  if (transport_.certificate_refused()) return fail(Code::kUnauthorized, transport_.error());
  return fail(Code::kUnavailable,
              concat(doing, ": ",
                     transport_.error().empty() ? "the connection was closed by the peer"
                                                : transport_.error()));
}

Result<void> ClientConnection::handshake(Deadline deadline) {
  for (;;) {
    switch (transport_.handshake()) {
      case Transport::State::kDone: return {};
      case Transport::State::kWantRead:
        SERIN_TRY(wait_or_fail(POLLIN, deadline, "the TLS handshake"));
        break;
      case Transport::State::kWantWrite:
        SERIN_TRY(wait_or_fail(POLLOUT, deadline, "the TLS handshake"));
        break;
      default: return transport_failure("the TLS handshake failed");
    }
  }
}

Result<void> ClientConnection::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    Transport::Outcome out = transport_.write(bytes.data(), bytes.size());
    switch (out.state) {
      case Transport::State::kDone: bytes.remove_prefix(out.bytes); break;
      case Transport::State::kWantWrite:
        // An answer may come before all is sent (413); whoever keeps sending would never see it.
        SERIN_TRY(wait_or_fail(POLLOUT | POLLIN, deadline, "sending the request"));
        if (wait(POLLOUT, std::chrono::steady_clock::now()) == Ready::kYes) break;
        SERIN_TRY(read_some(deadline));
        if (answer_->state() != ResponseParser::State::kHead) return {};
        break;
      case Transport::State::kWantRead:
        SERIN_TRY(wait_or_fail(POLLIN, deadline, "sending the request"));
        break;
      default: return transport_failure("cannot send the request");
    }
  }
  return {};
}

Result<bool> ClientConnection::read_some(Deadline deadline) {
  if (!buffer_) buffer_.reset(new char[kReadSize]);
  Transport::Outcome got;
  for (;;) {
    got = transport_.read(buffer_.get(), kReadSize);
    if (got.state != Transport::State::kWantRead && got.state != Transport::State::kWantWrite)
      break;
    Ready ready = wait(got.state == Transport::State::kWantRead ? POLLIN : POLLOUT, deadline);
    if (ready == Ready::kYes) continue;
    if (ready == Ready::kTimeout) return false;
    return fail(Code::kUnavailable, "cancelled");
  }
  if (got.state == Transport::State::kFailed) return transport_failure("the connection was lost");
  if (got.state == Transport::State::kClosed) {
    answer_->end_of_stream();
  } else {
    stale_ = false;
    std::string_view bytes(buffer_.get(), got.bytes);
    if (input_.empty()) {
      input_.assign(bytes.substr(answer_->feed(bytes)));
    } else {
      input_.append(bytes);
      input_.erase(0, answer_->feed(input_));
    }
  }
  if (answer_->state() == ResponseParser::State::kFailed)
    return fail(answer_->too_large() ? Code::kTooLarge : Code::kUnavailable, answer_->error());
  return true;
}

Result<void> ClientConnection::exchange(const std::string& head, const std::string& body,
                                        bool bodiless, size_t max_body, Deadline deadline) {
  answer_ = std::make_unique<ResponseParser>(bodiless, max_body);
  input_.clear();
  stale_ = true;
  Result<void> written;
  if (head.size() + body.size() <= kOneWrite) {
    written = write(head + body, deadline);
  } else {
    written = write(head, deadline);
    if (written) written = write(body, deadline);
  }
  // A peer that answers and closes without reading all is still listened to.
  if (!written && written.error().code != Code::kUnavailable) return written;
  while (answer_->state() == ResponseParser::State::kHead) {
    auto more = read_some(deadline);
    if (!more) return fail(written ? std::move(more).error() : std::move(written).error());
    if (!*more) return fail(Code::kTimeout, "the answer took too long");
  }
  return {};
}

Result<bool> ClientConnection::read_body(Deadline deadline) {
  if (answer_->state() == ResponseParser::State::kDone) return true;
  return read_some(deadline);
}

bool ClientConnection::idle_and_alive() {
  pollfd fd{socket_.get(), POLLIN, 0};
  if (::poll(&fd, 1, 0) == 0 && !transport_.buffered()) return true;
  char byte;  // a TLS message that carries no data is no harm
  return transport_.read(&byte, 1).state == Transport::State::kWantRead;
}

bool ClientConnection::reusable() const {
  return answer_ && answer_->state() == ResponseParser::State::kDone && answer_->keep_alive() &&
         input_.empty();
}

void ClientConnection::cancel() {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace serin::net
