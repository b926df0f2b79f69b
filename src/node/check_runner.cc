#include "node/check_runner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/strings.h"
#include "net/http_client.h"
#include "node/shim/fd.h"

namespace serin::node {
namespace {

constexpr int kMaxRedirects = 10;
constexpr size_t kMaxHead = 64 << 10;

std::string reason_of(int error) { return std::strerror(error); }

/// What is left of a timeout, for calls that take milliseconds.
class Deadline {
 public:
  explicit Deadline(Duration timeout) : end_(std::chrono::steady_clock::now() + timeout) {}
  int left_ms() const {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::max<int64_t>(0, left));
  }

 private:
  std::chrono::steady_clock::time_point end_;
};

bool wait_for(int fd, short events, const Deadline& deadline) {
  pollfd watched{fd, events, 0};
  for (;;) {
    int n = ::poll(&watched, 1, deadline.left_ms());
    if (n >= 0 || errno != EINTR) return n > 0;
  }
}

Fd connect_to(const Check& check, const Deadline& deadline, std::string& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failed = ::getaddrinfo(check.host.c_str(), std::to_string(check.port).c_str(), &hints, &found);
  if (failed != 0) {
    error = concat(check.host, ": ", std::string_view(::gai_strerror(failed)));
    return Fd();
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
    if (errno != EINPROGRESS) {
      error = reason_of(errno);
      return Fd();
    }
    if (!wait_for(fd.get(), POLLOUT, deadline)) {
      error = "timed out while connecting";
      return Fd();
    }
    int result = 0;
    socklen_t size = sizeof result;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &result, &size);
    if (result != 0) {
      error = lower(reason_of(result));
      return Fd();
    }
  }
  return fd;
}

/// The answer's head; "" with `error` set where there is none.
std::string request_head(const Check& check, const std::string& path, const Deadline& deadline, std::string& error) {
  Fd fd = connect_to(check, deadline, error);
  if (!fd) return "";
  std::string request = concat("GET ", path, " HTTP/1.1\r\n");
  bool host = false, agent = false;
  for (const auto& [name, value] : check.headers) {
    request += concat(name, ": ", value, "\r\n");
    host = host || lower(name) == "host";
    agent = agent || lower(name) == "user-agent";
  }
  if (!host) request += concat("Host: ", check.host, ":", check.port, "\r\n");
  if (!agent) request += "User-Agent: kube-probe/serin\r\n";
  request += "Accept: */*\r\nConnection: close\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    error = "could not send the request";
    return "";
  }
  std::string head;
  char buffer[4096];
  while (head.size() < kMaxHead) {
    if (!wait_for(fd.get(), POLLIN, deadline)) {
      error = "timed out while waiting for the answer";
      return "";
    }
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) error = reason_of(errno);
    if (n <= 0) break;
    head.append(buffer, static_cast<size_t>(n));
    if (size_t end = head.find("\r\n\r\n"); end != std::string::npos) return head.substr(0, end);
  }
  if (error.empty()) error = "the answer is not HTTP";
  return "";
}

/// The same question over TLS. The certificate is not verified, as Kubernetes has it.
Outcome check_https(const Check& check, Duration timeout) {
  net::ClientOptions options;
  options.host = check.host;
  options.port = static_cast<uint16_t>(check.port);
  options.insecure_skip_verify = true;
  options.max_idle = 0;
  auto client = net::HttpClient::create(std::move(options));
  if (!client) return {false, concat(check.describe(), ": ", client.error().message)};
  net::Request request;
  request.method = "GET";
  auto parts = cut(check.path, '?');
  request.path = parts ? std::string(parts->first) : check.path;
  if (parts) request.query = parts->second;
  for (const auto& [name, value] : check.headers) request.headers.add(name, value);
  if (!request.headers.has("User-Agent")) request.headers.add("User-Agent", "kube-probe/serin");
  auto answer = (*client)->send(request, timeout);
  if (!answer) return {false, concat(check.describe(), ": ", answer.error().message)};
  if (answer->status >= 200 && answer->status < 400) return {true, ""};
  return {false, concat(check.describe(), ": HTTP status ", answer->status)};
}

/// The path of a redirect that stays at this host and port; "" for any other.
std::string redirect_path(std::string_view head, const Check& check) {
  for (std::string_view line : split(head, '\n')) {
    if (lower(line.substr(0, 9)) != "location:") continue;
    std::string_view to = trim(line.substr(9));
    if (to.starts_with('/') && !to.starts_with("//")) return std::string(to);
    std::string here = concat("http://", check.host, ":", check.port, "/");
    if (to.starts_with(here)) return std::string(to.substr(here.size() - 1));
  }
  return "";
}

}  // namespace

Outcome check_tcp(const Check& check, Duration timeout) {
  std::string error;
  Fd fd = connect_to(check, Deadline(timeout), error);
  return fd ? Outcome{true, ""} : Outcome{false, concat(check.describe(), ": ", error)};
}

Outcome check_http(const Check& check, Duration timeout) {
  if (check.https) return check_https(check, timeout);
  Deadline deadline(timeout);
  std::string path = check.path;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    std::string error;
    std::string head = request_head(check, path, deadline, error);
    if (head.empty()) return {false, concat(check.describe(), ": ", error)};
    auto status_line = cut(head, ' ');
    auto status = status_line && head.starts_with("HTTP/1.")
                      ? parse_int<int>(status_line->second.substr(0, std::min<size_t>(3, status_line->second.size())))
                      : std::nullopt;
    if (!status) return {false, concat(check.describe(), ": the answer is not HTTP")};
    if (*status < 200 || *status >= 400) return {false, concat(check.describe(), ": HTTP status ", *status)};
    if (*status < 300) return {true, ""};
    path = redirect_path(head, check);
    if (path.empty()) return {true, ""};
  }
  return {false, concat(check.describe(), ": too many redirects")};
}

Outcome HostCheckRunner::run(const Check& check, const ContainerId& container, Duration timeout) {
  switch (check.type) {
    case Check::Type::kHttp:
      return check_http(check, timeout);
    case Check::Type::kTcp:
      return check_tcp(check, timeout);
    case Check::Type::kGrpc:
      return check_grpc(check, timeout);
    case Check::Type::kExec:
      break;
  }
  auto ran = runtime_.exec(container, check.command, timeout);
  if (!ran) return {false, concat(check.describe(), ": ", ran.error().message)};
  if (ran->timed_out) return {false, concat(check.describe(), ": timed out")};
  if (ran->exit_code == 0) return {true, ""};
  return {false, concat(check.describe(), ": exit code ", ran->exit_code, ran->output.empty() ? "" : ": ",
                        trim(std::string_view(ran->output).substr(0, 512)))};
}

}  // namespace serin::node
