#include "consumer_server.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <optional>
#include <set>

namespace serin::hello {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using tcp = asio::ip::tcp;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::chrono::minutes kIdleLimit{5};
constexpr std::chrono::milliseconds kAcceptRetry{100};
constexpr std::string_view kPath = "/hello";

json::object to_json(const Identity& identity) {
  return {{"pod", identity.pod}, {"hash", identity.hash}, {"version", identity.version}};
}

/// Undoes percent-encoding and `+`; a broken escape stands for itself.
std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == key) {
      return equals == std::string_view::npos ? "" : decode(pair.substr(equals + 1));
    }
  }
  return std::nullopt;
}

}  // namespace

struct ConsumerServer::Impl {
  class Connection;

  Impl(const Flags& flags, Identity who, ProviderClient& client)
      : identity(std::move(who)),
        provider(client),
        drain(flags.drain),
        acceptor(io, tcp::endpoint(asio::ip::make_address(flags.address), flags.port)),
        timer(io) {}

  void accept();
  void take(tcp::socket socket);
  void begin_drain();
  void ended(Connection* connection);

  const Identity identity;
  ProviderClient& provider;
  const std::chrono::seconds drain;
  std::set<Connection*> open;
  bool draining = false;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  asio::steady_timer timer;
};

/// One client connection; keeps itself alive through its pending operation.
class ConsumerServer::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) {
    server_.open.insert(this);
  }
  ~Connection() { server_.ended(this); }

  /// Ends the connection; one that waits for the provider ends when that call does.
  void cut() { stream_.close(); }

  void read() {
    request_ = {};
    stream_.expires_after(kIdleLimit);
    http::async_read(stream_, buffer_, request_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) self->handle();
                     });
  }

 private:
  void handle() {
    std::string_view target(request_.target().data(), request_.target().size());
    std::string_view path = target.substr(0, target.find('?'));
    if (path != kPath) {
      return respond(http::status::not_found, {{"error", "only /hello is served here"}});
    }
    if (request_.method() != http::verb::get && request_.method() != http::verb::head) {
      return respond(http::status::method_not_allowed, {{"error", "only GET is served here"}});
    }
    std::string_view query = target.substr(std::min(target.size(), path.size() + 1));
    std::optional<std::string> name = query_value(query, "name");
    if (!name) {
      return respond(http::status::ok, {{"ready", true}, {"consumer", to_json(server_.identity)}});
    }
    auto lane = request_["lane"];
    server_.provider.say_hello(
        *name, std::string(lane.data(), lane.size()),
        [self = shared_from_this(),
         name = *name](std::variant<Greeting, CallFailure> answer) mutable {
          // Not a copy: the connection must end on the server's own thread.
          asio::io_context& io = self->server_.io;
          asio::post(io, [self = std::move(self), name = std::move(name),
                          answer = std::move(answer)] { self->answered(name, answer); });
        });
  }

  void answered(const std::string& name, const std::variant<Greeting, CallFailure>& answer) {
    json::object body{{"consumer", to_json(server_.identity)}, {"name", name}};
    if (const auto* failure = std::get_if<CallFailure>(&answer)) {
      body["error"] = "provider: " + failure->reason;
      body["code"] = failure->code;
      return respond(http::status::bad_gateway, body);
    }
    const auto& greeting = std::get<Greeting>(answer);
    body["provider"] = to_json(greeting.provider);
    body["message"] = greeting.message;
    body["lane"] = greeting.lane;
    respond(http::status::ok, body);
  }

  void respond(http::status status, const json::object& body) {
    response_ = Response(status, request_.version());
    response_.set(http::field::content_type, "application/json");
    response_.keep_alive(request_.keep_alive() && !server_.draining);
    response_.body() = json::serialize(body) + "\n";
    response_.prepare_payload();
    if (request_.method() == http::verb::head) response_.body().clear();
    http::async_write(stream_, response_,
                      [self = shared_from_this()](beast::error_code error, std::size_t) {
                        if (error) return;
                        if (self->response_.keep_alive()) return self->read();
                        self->stream_.socket().shutdown(tcp::socket::shutdown_send, error);
                      });
  }

  Impl& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  Request request_;
  Response response_;
};

void ConsumerServer::Impl::accept() {
  acceptor.async_accept([this](beast::error_code error, tcp::socket socket) {
    if (draining) {
      if (!error) take(std::move(socket));
      return;
    }
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    // Out of descriptors or memory: try again when some may have been given back.
    timer.expires_after(kAcceptRetry);
    timer.async_wait([this](beast::error_code) {
      if (!draining) accept();
    });
  });
}

void ConsumerServer::Impl::take(tcp::socket socket) {
  beast::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  std::make_shared<Connection>(*this, std::move(socket))->read();
}

void ConsumerServer::Impl::begin_drain() {
  draining = true;
  beast::error_code error;
  acceptor.non_blocking(true, error);
  while (true) {
    tcp::socket socket(io);
    acceptor.accept(socket, error);
    if (error) break;
    take(std::move(socket));
  }
  acceptor.close(error);
  if (open.empty()) return io.stop();
  timer.expires_after(drain);
  timer.async_wait([this](beast::error_code failure) {
    if (failure) return;
    for (Connection* connection : open) connection->cut();
  });
}

void ConsumerServer::Impl::ended(Connection* connection) {
  open.erase(connection);
  if (draining && open.empty()) io.stop();
}

ConsumerServer::ConsumerServer(const Flags& flags, Identity identity, ProviderClient& provider)
    : impl_(std::make_unique<Impl>(flags, std::move(identity), provider)) {
  impl_->accept();
}

ConsumerServer::~ConsumerServer() = default;

std::uint16_t ConsumerServer::port() const { return impl_->acceptor.local_endpoint().port(); }

void ConsumerServer::run() { impl_->io.run(); }

void ConsumerServer::stop() {
  asio::post(impl_->io, [impl = impl_.get()] { impl->begin_drain(); });
}

}  // namespace serin::hello
