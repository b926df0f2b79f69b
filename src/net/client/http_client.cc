#include "net/http_client.h"

#include <mutex>
#include <vector>

#include "base/strings.h"
#include "net/client/client_connection.h"
#include "net/url.h"

namespace serin::net {
namespace {

/// Idle connections, the most recently used first.
class Pool {
 public:
  explicit Pool(size_t max_idle) : max_idle_(max_idle) {}

  /// Null where there is none.
  std::unique_ptr<ClientConnection> take() {
    std::lock_guard lock(mutex_);
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->idle_and_alive()) return connection;
    }
    return nullptr;
  }

  void give(std::unique_ptr<ClientConnection> connection) {
    if (!connection->reusable()) return;
    std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle_) idle_.push_back(std::move(connection));
  }

 private:
  const size_t max_idle_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<ClientConnection>> idle_;  // guarded by mutex_
};

class StreamReader final : public BodyReader {
 public:
  explicit StreamReader(std::unique_ptr<ClientConnection> connection)
      : connection_(std::move(connection)) {}

  Result<std::optional<std::string>> read(Duration timeout) override {
    Deadline deadline = deadline_after(timeout);
    for (;;) {
      std::string body = connection_->answer().take_body();
      if (!body.empty()) return body;
      if (connection_->answer().state() == ResponseParser::State::kDone)
        return fail(Code::kGone, "the body has ended");
      if (!SERIN_TRY(connection_->read_body(deadline))) return std::nullopt;
    }
  }

  void cancel() override { connection_->cancel(); }

 private:
  const std::unique_ptr<ClientConnection> connection_;
};

/// Methods that may be sent again when a kept connection turns out to be dead (RFC 9110 §9.2.1:
/// safe ones; PUT and DELETE are left out because a second one of them can fail where the first did
/// not).
bool may_repeat(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

/// A line break in the head would smuggle in another request.
Result<void> check(const Request& request) {
  auto breaks = [](std::string_view text, std::string_view bad) {
    return text.find_first_of(bad) != std::string_view::npos;
  };
  constexpr std::string_view kLine("\r\n\0", 3), kToken("\r\n\0 ", 4);
  bool odd = breaks(request.method, kToken) || breaks(request.path, kToken) ||
             breaks(request.query, kToken);
  for (const auto& [name, value] : request.headers.all())
    odd |= breaks(name, kToken) || breaks(value, kLine);
  if (odd)
    return fail(Code::kInvalid, "the request's head holds a line break or an unescaped space");
  return {};
}

class PooledClient final : public HttpClient {
 public:
  PooledClient(ClientOptions options, TlsContext tls)
      : options_(std::move(options)),
        tls_(std::move(tls)),
        host_(authority(options_.host, options_.port, options_.tls)),
        pool_(options_.max_idle) {}

  Result<Response> send(const Request& request, Duration timeout) override {
    Deadline deadline = deadline_after(timeout);
    auto connection = SERIN_TRY(exchange(request, options_.max_body_bytes, deadline));
    Response response = SERIN_TRY(complete(*connection, deadline));
    pool_.give(std::move(connection));
    return response;
  }

  Result<StreamingResponse> stream(const Request& request, Duration head_timeout) override {
    Deadline deadline = deadline_after(head_timeout);
    auto connection = SERIN_TRY(exchange(request, SIZE_MAX, deadline));
    StreamingResponse response;
    if (connection->answer().head().status >= 400)
      response.head = SERIN_TRY(complete(*connection, deadline));
    else
      response.head = std::move(connection->answer().head());
    response.body = std::make_unique<StreamReader>(std::move(connection));
    return response;
  }

 private:
  Result<std::unique_ptr<ClientConnection>> exchange(const Request& request, size_t max_body,
                                                     Deadline deadline) {
    SERIN_TRY(check(request));
    std::string head = head_of(request);
    bool bodiless = request.method == "HEAD";
    if (auto kept = pool_.take()) {
      auto done = kept->exchange(head, request.body, bodiless, max_body, deadline);
      if (done) return kept;
      bool again = options_.retry_stale && kept->stale() && may_repeat(request.method) &&
                   done.error().code == Code::kUnavailable;
      if (!again) return fail(std::move(done).error());
    }
    auto connection = SERIN_TRY(ClientConnection::open(options_, tls_, deadline));
    SERIN_TRY(connection->exchange(head, request.body, bodiless, max_body, deadline));
    return connection;
  }

  static Result<Response> complete(ClientConnection& connection, Deadline deadline) {
    ResponseParser& answer = connection.answer();
    while (answer.state() == ResponseParser::State::kBody)
      if (!SERIN_TRY(connection.read_body(deadline)))
        return fail(Code::kTimeout, "the answer took too long");
    Response response = std::move(answer.head());
    response.body = answer.take_body();
    return response;
  }

  std::string head_of(const Request& request) const {
    std::string head;
    head.reserve(512);
    head +=
        concat(request.method, " ", request.path.empty() ? "/" : std::string_view(request.path));
    if (!request.query.empty()) head += concat("?", request.query);
    head += " HTTP/1.1\r\n";
    if (!request.headers.has("Host")) head += concat("Host: ", host_, "\r\n");
    for (const auto& [name, value] : request.headers.all())
      head += concat(name, ": ", value, "\r\n");
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
        request.method == "PATCH")
      head += concat("Content-Length: ", request.body.size(), "\r\n");
    head += "\r\n";
    return head;
  }

  const ClientOptions options_;
  const TlsContext tls_;  // null: plain HTTP
  const std::string host_;
  Pool pool_;
};

Result<void> check(const ClientOptions& options) {
  if (options.host.empty()) return fail(Code::kInvalid, "the host is missing");
  if (options.port == 0) return fail(Code::kInvalid, "the port is missing");
  return {};
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::create(ClientOptions options) {
  SERIN_TRY(check(options));
  TlsContext tls;
  if (options.tls)
    tls = SERIN_TRY(client_tls(
        {options.ca_pem, options.insecure_skip_verify, options.certificate_pem, options.key_pem}));
  return std::make_unique<PooledClient>(std::move(options), std::move(tls));
}

}  // namespace serin::net
