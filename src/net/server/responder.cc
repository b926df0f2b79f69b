#include "net/server/responder.h"

#include <exception>

#include "base/log.h"
#include "base/strings.h"

namespace serin::net {
namespace {

class ExchangeStream final : public BodyStream {
 public:
  ExchangeStream(std::shared_ptr<Exchange> exchange, std::shared_ptr<StreamState> state)
      : exchange_(std::move(exchange)), state_(std::move(state)) {}

  /// A producer that goes away without `finish` must not leave a body that looks complete.
  ~ExchangeStream() override {
    bool complete;
    {
      std::lock_guard lock(state_->mutex);
      complete = state_->finished || state_->closed;
    }
    if (!complete) abort();
  }

  bool write(SharedBytes bytes) override {
    bool post;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->closed || state_->finished) return false;
      if (!bytes || bytes->empty()) return true;  // an empty chunk would end the body
      state_->pending += bytes->size();
      state_->queue.push_back(std::move(bytes));
      post = !std::exchange(state_->flush_posted, true);
    }
    if (post) exchange_->schedule_flush(state_);
    return true;
  }

  size_t pending() const override { return state_->pending; }

  void on_drained(std::function<void()> callback) override {
    std::lock_guard lock(state_->mutex);
    if (!state_->closed) state_->on_drained = std::move(callback);
  }

  void on_closed(std::function<void()> callback) override {
    {
      std::lock_guard lock(state_->mutex);
      if (!state_->closed) {
        state_->on_closed = std::move(callback);
        return;
      }
      if (state_->finished) return;
    }
    if (!exchange_->post(callback)) callback();
  }

  void finish() override {
    bool post;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->closed || state_->finished) return;
      state_->finished = true;
      post = !std::exchange(state_->flush_posted, true);
    }
    if (post) exchange_->schedule_flush(state_);
  }

  void abort() override { exchange_->schedule_abort(state_); }

 private:
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<StreamState> state_;
};

class ExchangeResponder final : public Responder {
 public:
  ExchangeResponder(std::shared_ptr<ServerState> server, std::shared_ptr<Exchange> exchange, bool gzip)
      : server_(std::move(server)), exchange_(std::move(exchange)), gzip_(gzip) {}

  ~ExchangeResponder() override {
    if (exchange_) send(status_response(500, "InternalError", "the request was dropped without an answer"));
  }

  void send(Response response) override {
    auto exchange = std::exchange(exchange_, nullptr);
    if (!exchange) return;
    if (!worth_compressing(response)) return exchange->respond(std::move(response));
    response.headers.add("Vary", "Accept-Encoding");
    if (!gzip_) return exchange->respond(std::move(response));
    server_->compressor.compress(std::move(response),
                                 [exchange](Response packed) { exchange->respond(std::move(packed)); });
  }

  std::shared_ptr<BodyStream> stream(Response response) override {
    auto exchange = std::exchange(exchange_, nullptr);
    auto state = exchange->respond_with_stream(std::move(response));
    return std::make_shared<ExchangeStream>(std::move(exchange), std::move(state));
  }

 private:
  const std::shared_ptr<ServerState> server_;
  std::shared_ptr<Exchange> exchange_;  // null once answered
  const bool gzip_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_coding(const Request& request) {
  std::string_view coding = request.headers.get("Content-Encoding");
  return !coding.empty() && lower(coding) != "identity";
}

std::optional<Response> refusal(const Request& request) {
  if (std::string_view trick = path_trick(request.path); !trick.empty())
    return status_response(400, "BadRequest", trick);
  if (has_coding(request))
    return status_response(415, "UnsupportedMediaType", "request bodies with a Content-Encoding are not supported");
  return std::nullopt;
}

}  // namespace

std::string_view path_trick(std::string_view path) {
  std::string segment;
  for (size_t i = 0; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      if (segment == "." || segment == "..") return "the path has a segment that is . or ..";
      segment.clear();
      continue;
    }
    char c = path[i];
    if (c == '%') {
      int high = i + 2 < path.size() ? hex_digit(path[i + 1]) : -1;
      int low = i + 2 < path.size() ? hex_digit(path[i + 2]) : -1;
      if (high < 0 || low < 0) return "the path has a % that is not followed by two hexadecimal digits";
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '/' || c == '\\') return "the path has an encoded slash";
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "the path has a control character";
    segment += c;
  }
  return {};
}

void dispatch(const std::shared_ptr<ServerState>& server, Request request, std::shared_ptr<Exchange> exchange) {
  if (auto refused = refusal(request)) return exchange->respond(*std::move(refused));
  bool gzip = request.method != "HEAD" && accepts_gzip(request.headers);
  auto responder = std::make_unique<ExchangeResponder>(server, std::move(exchange), gzip);
  try {
    server->handler(std::move(request), std::move(responder));
  } catch (const std::exception& e) {
    log::error("net", "a request's handler threw", {{"what", e.what()}});
  }
}

Response status_response(int status, std::string_view reason, std::string_view message) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body = concat(R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":")", message,
                         R"(","reason":")", reason, R"(","code":)", status, "}\n");
  return response;
}

}  // namespace serin::net
