#pragma once

/// One connection of an HttpServer: the socket, TLS, sending and waiting. What the bytes mean is its protocol's business.
/// Everything runs on the connection's loop. Private to `net` (includes Asio).

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "net/server/event_loop.h"
#include "net/server/output_queue.h"
#include "net/server/protocol.h"
#include "net/server/server_state.h"
#include "net/tls/transport.h"

namespace serin::net {

class Connection final : public Timed, public Wire, public std::enable_shared_from_this<Connection> {
 public:
  /// Counted by the server's state from before until it has closed.
  Connection(std::shared_ptr<ServerState> server, std::shared_ptr<EventLoop> loop, boost::asio::ip::tcp::socket socket);
  ~Connection() override;

  void start();

  OutputQueue& output() override { return output_; }
  void wake() override { run(); }
  std::shared_ptr<void> self() override { return shared_from_this(); }

  SteadyTime deadline() const override;
  void on_deadline() override;
  void on_drain() override;
  void on_stop() override { close(); }

 private:
  enum class Phase {
    kHandshake,
    kGreeting,  // plain: the first bytes say which protocol it is
    kOpen,      // the protocol decides
    kLinger,
    kClosed,
  };
  enum class Sent { kAll, kBlocked, kYield, kGone };

  void run();                  // as far as it goes without waiting
  bool advance(bool flushed);  // one step; false: wait
  bool handshake();
  bool advance_protocol(bool flushed);
  bool linger(bool flushed);
  bool read();
  bool greet(std::string_view bytes);
  void speak(bool http2);
  Sent pump();
  void arm();
  void wait(bool reading);
  void close();

  const std::shared_ptr<ServerState> server_;
  const std::shared_ptr<EventLoop> loop_;
  boost::asio::ip::tcp::socket socket_;
  Transport transport_;
  std::unique_ptr<Protocol> protocol_;  // from kOpen on
  OutputQueue output_;
  std::string greeting_;
  SteadyTime first_deadline_ = SteadyTime::max();  // for handshake, greeting and first request; of kLinger
  SteadyTime write_deadline_ = SteadyTime::max();  // for a peer that takes nothing
  Phase phase_ = Phase::kHandshake;
  bool readable_ = true;     // the socket may have bytes
  bool want_write_ = false;  // the transport said so, or output is blocked
  bool waiting_read_ = false, waiting_write_ = false;
  bool running_ = false;
  bool output_ended_ = false;
};

}  // namespace serin::net
