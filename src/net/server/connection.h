#pragma once

/// One connection of an HttpServer: handshake, requests one after another, their answers,
/// time-outs. Everything runs on the connection's loop but what says otherwise. Private to `net`
/// (includes Asio).

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/server/event_loop.h"
#include "net/http_server.h"
#include "net/server/output_queue.h"
#include "net/http1/request_parser.h"
#include "net/tls/transport.h"

namespace serin::net {

/// What all connections of a server share.
struct ServerState {
  ServerOptions options;
  Handler handler;
  TlsContext tls;  // null: plain HTTP
  std::atomic<size_t> connections{0};
};

/// The part of a streaming response that producers touch from any thread.
struct StreamState {
  std::mutex mutex;
  // Guarded by mutex.
  std::vector<SharedBytes> queue;  // not yet taken over by the loop
  bool finished = false;           // no more writes
  bool closed = false;             // the peer is gone, or all has been sent
  bool flush_posted = false;
  std::function<void()> on_drained, on_closed;

  std::atomic<size_t> pending{0};
};

class ServerConnection final : public Timed, public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(std::shared_ptr<ServerState> server, std::shared_ptr<EventLoop> loop,
                   boost::asio::ip::tcp::socket socket);
  ~ServerConnection() override;

  void start();

  // Any thread; called by the responder, at most one of these, once for each request.
  void respond(Response response);
  std::shared_ptr<StreamState> respond_with_stream(Response response);
  /// Takes over what the producer has queued.
  void schedule_flush(const std::shared_ptr<StreamState>& stream);
  /// Drops the connection if it still serves this stream.
  void schedule_abort(const std::shared_ptr<StreamState>& stream);
  bool post(std::function<void()> task) { return loop_->post(std::move(task)); }

  SteadyTime deadline() const override { return deadline_; }
  void on_deadline() override;
  void on_stop() override { close(); }

 private:
  enum class Phase {
    kHandshake,
    kRead,     // a request, or waiting for one
    kHandle,   // the handler has it
    kRespond,  // an answer of known length is being sent
    kStream,   // a streaming answer
    kLinger,   // all said; reading until the peer closes, so that it sees our last answer
    kClosed,
  };
  enum class Sent { kAll, kBlocked, kYield, kGone };

  void run();                  // as far as it goes without waiting
  bool advance(bool flushed);  // one step; false: wait
  bool handshake();
  Transport::State receive();  // more of `input_`
  bool read_request();
  void feed_parser();
  void dispatch();
  bool watch_peer();  // while a request is handled: notices its end, keeps pipelined bytes
  /// A pipeliner that is too far ahead waits for its answers.
  bool may_read_ahead() const { return input_.size() <= server_->options.max_header_bytes; }
  void finish_exchange();
  void refuse(int status, std::string_view reason, std::string_view message);
  Sent pump();
  void wait(bool reading);
  void arm();
  void close();

  void begin_response(Response response);
  void begin_stream(const Response& response, const std::shared_ptr<StreamState>& stream);
  void take_stream_queue();
  void end_stream();
  std::string head_of(const Response& response, std::string_view framing);
  void set_deadline(std::chrono::milliseconds after);

  const std::shared_ptr<ServerState> server_;
  const std::shared_ptr<EventLoop> loop_;
  boost::asio::ip::tcp::socket socket_;
  Transport transport_;
  RequestParser parser_;
  Peer peer_;
  OutputQueue output_;
  std::string input_;  // arrived, not used yet
  std::shared_ptr<StreamState> stream_;
  SteadyTime deadline_ = SteadyTime::max();
  Phase phase_ = Phase::kHandshake;
  bool readable_ = true;     // the socket may have bytes
  bool want_write_ = false;  // the transport said so, or output is blocked
  bool waiting_read_ = false, waiting_write_ = false;
  bool running_ = false;
  bool fresh_ = true;       // no byte of the next request yet
  bool peer_done_ = false;  // the peer will send nothing more
  bool head_only_ = false, keep_alive_ = true, chunked_ = true, old_http_ = false;
  bool stream_ended_ = false;  // the end of the body is in `output_`
  bool continued_ = false;     // "100 Continue" was considered for this request
};

}  // namespace serin::net
