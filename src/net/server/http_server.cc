#include "net/http_server.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <thread>

#include "base/log.h"
#include "base/strings.h"
#include "net/server/event_loop.h"
#include "net/server/connection.h"

namespace serin::net {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptBackOff{100};  // after running out of file descriptors

/// Accepts on the first loop and deals connections out to all of them in turn.
class Acceptor final : public Timed, public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(std::shared_ptr<ServerState> server, std::vector<std::shared_ptr<EventLoop>> loops)
      : server_(std::move(server)),
        loops_(std::move(loops)),
        acceptor_(loops_[0]->io()),
        retry_(loops_[0]->io()) {}

  Result<void> listen() {
    const ServerOptions& options = server_->options;
    error_code ec;
    auto address = boost::asio::ip::make_address(options.address, ec);
    if (ec) return fail(Code::kInvalid, concat("\"", options.address, "\" is not an IP address"));
    tcp::endpoint endpoint(address, options.port);
    std::string where = concat(options.address, ":", options.port);
    acceptor_.open(endpoint.protocol(), ec);
    if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_.bind(endpoint, ec);
    if (!ec) acceptor_.listen(4096, ec);
    if (ec == boost::asio::error::address_in_use)
      return fail(Code::kConflict,
                  concat("port ", options.port, " of ", options.address, " is in use"));
    if (ec == boost::asio::error::access_denied)
      return fail(Code::kForbidden, concat("no permission to listen on ", where));
    if (ec) return fail(Code::kUnavailable, concat("cannot listen on ", where, ": ", ec.message()));
    port_ = acceptor_.local_endpoint(ec).port();
    return {};
  }

  uint16_t port() const { return port_; }

  void start() {
    loops_[0]->post([self = shared_from_this()] {
      self->loops_[0]->add(self);
      self->accept();
    });
  }

  SteadyTime deadline() const override { return SteadyTime::max(); }
  void on_deadline() override {}
  void on_stop() override {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  }

 private:
  void accept() {
    std::shared_ptr<EventLoop> loop = loops_[next_++ % loops_.size()];
    acceptor_.async_accept(
        loop->io(), [self = shared_from_this(), loop](const error_code& ec, tcp::socket socket) {
          self->accepted(ec, std::move(socket), loop);
        });
  }

  void accepted(const error_code& ec, tcp::socket socket, const std::shared_ptr<EventLoop>& loop) {
    if (!acceptor_.is_open()) return;
    if (ec == boost::asio::error::no_descriptors || ec == boost::asio::error::no_buffer_space ||
        ec == boost::asio::error::no_memory) {
      log::warning("net", "cannot accept a connection", {{"why", ec.message()}});
      retry_.expires_after(kAcceptBackOff);
      retry_.async_wait([self = shared_from_this()](const error_code& cancelled) {
        if (!cancelled) self->accept();
      });
      return;
    }
    if (!ec) take(std::move(socket), loop);
    accept();
  }

  void take(tcp::socket socket, const std::shared_ptr<EventLoop>& loop) {
    if (server_->connections.load() >= server_->options.max_connections) return;  // closes it
    server_->connections.fetch_add(1);
    auto connection = std::make_shared<ServerConnection>(server_, loop, std::move(socket));
    if (!loop->post([connection] { connection->start(); })) server_->connections.fetch_sub(1);
  }

  const std::shared_ptr<ServerState> server_;
  const std::vector<std::shared_ptr<EventLoop>> loops_;
  tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  size_t next_ = 0;
  uint16_t port_ = 0;
};

/// A quarter of the shortest time-out, so that none is overshot by much.
std::chrono::milliseconds tick_for(const ServerOptions& options) {
  auto shortest = std::min({options.header_timeout, options.body_timeout, options.idle_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(1000));
}

class Server final : public HttpServer {
 public:
  Server(std::vector<std::shared_ptr<EventLoop>> loops, uint16_t port)
      : loops_(std::move(loops)), port_(port) {
    for (const auto& loop : loops_) threads_.emplace_back([loop] { loop->run(); });
  }
  ~Server() override {
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
  }
  uint16_t port() const override { return port_; }

 private:
  std::vector<std::shared_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
  uint16_t port_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(ServerOptions options, Handler handler) {
  auto state = std::make_shared<ServerState>();
  if (!options.certificate_pem.empty() || !options.key_pem.empty())
    state->tls =
        SERIN_TRY(server_tls(options.certificate_pem, options.key_pem, options.client_ca_pem));
  std::vector<std::shared_ptr<EventLoop>> loops;
  for (int i = 0; i < std::max(1, options.threads); ++i)
    loops.push_back(std::make_shared<EventLoop>(tick_for(options)));
  state->options = std::move(options);
  state->handler = std::move(handler);
  auto acceptor = std::make_shared<Acceptor>(state, loops);
  SERIN_TRY(acceptor->listen());
  acceptor->start();
  return std::make_unique<Server>(std::move(loops), acceptor->port());
}

}  // namespace serin::net
