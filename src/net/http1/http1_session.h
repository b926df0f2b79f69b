#pragma once

/// HTTP/1 on one connection of a server: requests one after another, their answers, time-outs. Private to `net`.

#include <string>

#include "net/http1/request_parser.h"
#include "net/server/exchange.h"
#include "net/server/protocol.h"
#include "net/server/server_state.h"

namespace serin::net {

class Http1Session final : public Protocol, public Exchange {
 public:
  /// `first_deadline` is for the first byte of the first request.
  Http1Session(std::shared_ptr<ServerState> server, std::shared_ptr<EventLoop> loop, Wire& wire, Peer peer,
               SteadyTime first_deadline);
  ~Http1Session() override;

  void fill() override {}
  bool advance(bool flushed) override;
  bool wants_input() const override;
  void receive(std::string_view bytes) override;
  void peer_done() override;
  void sent_payload(size_t bytes) override;
  Wish wish() const override { return wish_; }
  SteadyTime deadline() const override { return deadline_; }
  void on_deadline() override;
  void drain() override;
  void closed() override;

 private:
  enum class Phase {
    kRead,     // a request, or waiting for one
    kHandle,   // the handler has it
    kRespond,  // an answer of known length is being sent
    kStream,   // a streaming answer
    kOver,
  };

  std::shared_ptr<Exchange> shared() override { return {wire_.self(), this}; }
  void begin_response(Response response) override;
  void begin_stream(const Response& head, const std::shared_ptr<StreamState>& stream) override;
  void flush_stream(const std::shared_ptr<StreamState>& stream) override;
  void abort_stream(const std::shared_ptr<StreamState>& stream) override;

  bool read_request();
  void feed_parser();
  void take_request();
  void finish_exchange();
  void refuse(int status, std::string_view reason, std::string_view message);
  void answer(Response response);
  void take_stream_queue();
  void end_stream();
  void end(Wish wish);
  std::string head_of(const Response& response, std::string_view framing);
  void set_deadline(std::chrono::milliseconds after);

  const std::shared_ptr<ServerState> server_;
  Wire& wire_;
  const Peer peer_;
  RequestParser parser_;
  std::string input_;  // arrived, not used yet
  std::shared_ptr<StreamState> stream_;
  SteadyTime deadline_;
  Phase phase_ = Phase::kRead;
  Wish wish_ = Wish::kOpen;
  bool unread_ = false;     // the parser has not seen all of `input_`
  bool fresh_ = true;       // no byte of the next request yet
  bool peer_done_ = false;  // the peer will send nothing more
  bool head_only_ = false, keep_alive_ = true, chunked_ = true, old_http_ = false;
  bool stream_ended_ = false;  // the end of the body is in the output
  bool continued_ = false;     // "100 Continue" was considered for this request
  bool draining_ = false;
};

}  // namespace serin::net
