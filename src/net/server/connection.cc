#include "net/server/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <exception>

#include "base/log.h"
#include "base/strings.h"
#include "net/server/responder.h"

namespace serin::net {
namespace {

constexpr std::chrono::milliseconds kLingerTime{2000};
constexpr size_t kSendBudget = 1 << 20;  // then the loop's other connections have their turn
constexpr int kTurns = 200;              // likewise
constexpr size_t kMoreLikely = 4096;     // a shorter read has emptied the socket, as a rule
constexpr size_t kKeepInput = 1024;      // an idle connection holds no larger buffer
constexpr size_t kChunkFraming = 20;     // the longest size line

Transport transport_for(const ServerState& server, int fd) {
  return server.tls ? Transport::accept(server.tls, fd) : Transport(fd);
}

std::string peer_address(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code gone;
  auto end = socket.remote_endpoint(gone);
  if (gone) return "";
  std::string address = end.address().to_string();
  if (end.address().is_v6()) address = concat("[", address, "]");
  return concat(address, ":", end.port());
}

/// A field value must not start a new line of the head.
void append_field(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  size_t from = head.size();
  head += value;
  for (size_t i = from; i < head.size(); ++i)
    if (head[i] == '\r' || head[i] == '\n' || head[i] == '\0') head[i] = ' ';
  head += "\r\n";
}

bool is(std::string_view name, std::string_view lower_case) {
  return name.size() == lower_case.size() && lower(name) == lower_case;
}

std::string chunk_size_line(size_t size) {
  char digits[kChunkFraming];
  auto end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return std::string(digits, end);
}

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerState> server,
                                   std::shared_ptr<EventLoop> loop,
                                   boost::asio::ip::tcp::socket socket)
    : server_(std::move(server)),
      loop_(std::move(loop)),
      socket_(std::move(socket)),
      transport_(transport_for(*server_, socket_.native_handle())),
      parser_(server_->options.max_header_bytes, server_->options.max_body_bytes) {}

ServerConnection::~ServerConnection() = default;

void ServerConnection::start() {
  if (loop_->stopping()) return close();
  boost::system::error_code gone;
  socket_.non_blocking(true, gone);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), gone);
  peer_.address = peer_address(socket_);
  set_deadline(server_->options.header_timeout);
  loop_->add(shared_from_this());
  run();
}

void ServerConnection::set_deadline(std::chrono::milliseconds after) {
  deadline_ = std::chrono::steady_clock::now() + after;
}

// ---- the state machine ----

void ServerConnection::run() {
  if (running_) return;
  running_ = true;
  auto self = shared_from_this();
  int turns = 0;
  while (phase_ != Phase::kClosed) {
    Sent sent = pump();
    if (sent == Sent::kGone) {
      close();
      break;
    }
    if (sent == Sent::kYield || ++turns > kTurns) {
      loop_->post([self] { self->run(); });
      break;
    }
    if (!advance(sent == Sent::kAll)) break;
  }
  running_ = false;
  if (phase_ != Phase::kClosed) arm();
}

bool ServerConnection::advance(bool flushed) {
  switch (phase_) {
    case Phase::kHandshake: return handshake();
    case Phase::kRead: return read_request();
    case Phase::kHandle: return watch_peer();
    case Phase::kRespond:
      if (flushed) finish_exchange();
      return flushed;
    case Phase::kStream:
      if (!stream_ended_ || !flushed) return watch_peer();
      end_stream();
      finish_exchange();
      return true;
    case Phase::kLinger: {
      if (!flushed) return false;
      if (std::exchange(fresh_, false)) transport_.end_output();
      Transport::Outcome got =
          transport_.read(loop_->read_buffer().data(), loop_->read_buffer().size());
      if (got.state == Transport::State::kDone) return true;
      if (got.state != Transport::State::kWantRead) close();
      return false;
    }
    case Phase::kClosed: return false;
  }
  return false;
}

bool ServerConnection::handshake() {
  switch (transport_.handshake()) {
    case Transport::State::kDone:
      transport_.describe(peer_);
      phase_ = Phase::kRead;
      return true;
    case Transport::State::kWantRead: break;
    case Transport::State::kWantWrite: want_write_ = true; break;
    default:
      if (transport_.plain_http()) {
        static constexpr std::string_view kAnswer =
            "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
            "Client sent an HTTP request to an HTTPS server.\n";
        ::send(socket_.native_handle(), kAnswer.data(), kAnswer.size(),
               MSG_NOSIGNAL | MSG_DONTWAIT);
      }
      close();
  }
  return false;
}

Transport::State ServerConnection::receive() {
  if (!readable_ && !transport_.buffered()) return Transport::State::kWantRead;
  std::vector<char>& buffer = loop_->read_buffer();
  Transport::Outcome got = transport_.read(buffer.data(), buffer.size());
  if (got.state == Transport::State::kWantWrite) want_write_ = true;
  readable_ = got.state == Transport::State::kDone && got.bytes >= kMoreLikely;
  input_.append(buffer.data(), got.bytes);
  return got.state;
}

bool ServerConnection::read_request() {
  // A head is taken whole: what is left of an earlier read is tried once, then more is needed.
  bool pipelined = fresh_ && !input_.empty();
  if (!pipelined) {
    switch (receive()) {
      case Transport::State::kDone: break;
      case Transport::State::kWantRead:
      case Transport::State::kWantWrite: return false;
      case Transport::State::kClosed:
      case Transport::State::kFailed: close(); return false;
    }
  }
  if (std::exchange(fresh_, false)) set_deadline(server_->options.header_timeout);
  feed_parser();
  switch (parser_.state()) {
    case RequestParser::State::kHead: break;
    case RequestParser::State::kBody:
      if (!std::exchange(continued_, true) && parser_.expects_continue() && input_.empty())
        output_.add("HTTP/1.1 100 Continue\r\n\r\n");
      break;
    case RequestParser::State::kDone: dispatch(); break;
    case RequestParser::State::kFailed: {
      RequestParser::Failure failure = parser_.failure();
      refuse(failure.status, failure.reason, failure.message);
      break;
    }
  }
  return true;
}

void ServerConnection::feed_parser() {
  using State = RequestParser::State;
  State before = parser_.state();
  input_.erase(0, parser_.feed(input_));
  if (before == State::kHead && parser_.state() == State::kBody) {
    set_deadline(server_->options.body_timeout);
    input_.erase(0, parser_.feed(input_));
  }
  if (input_.empty() && input_.capacity() > kKeepInput) input_ = std::string();
}

void ServerConnection::dispatch() {
  phase_ = Phase::kHandle;
  deadline_ = SteadyTime::max();
  Request request = std::move(parser_.request());
  keep_alive_ = parser_.keep_alive();
  old_http_ = parser_.http_1_0();
  head_only_ = request.method == "HEAD";
  request.peer = peer_;
  auto responder = std::make_unique<ServerResponder>(shared_from_this());
  try {
    server_->handler(std::move(request), std::move(responder));
  } catch (const std::exception& e) {
    log::error("net", "a request's handler threw", {{"what", e.what()}});
  }
}

bool ServerConnection::watch_peer() {
  if (peer_done_ || !may_read_ahead()) return false;
  switch (receive()) {
    case Transport::State::kDone: return true;
    case Transport::State::kWantRead:
    case Transport::State::kWantWrite: return false;
    case Transport::State::kClosed:
      peer_done_ = true;
      if (phase_ == Phase::kStream) close();
      return false;
    case Transport::State::kFailed: close(); return false;
  }
  return false;
}

void ServerConnection::finish_exchange() {
  if (!keep_alive_) {
    transport_.end_output();
    return close();
  }
  parser_.reset();
  continued_ = false;
  fresh_ = true;
  phase_ = Phase::kRead;
  set_deadline(server_->options.idle_timeout);
}

void ServerConnection::refuse(int status, std::string_view reason, std::string_view message) {
  phase_ = Phase::kHandle;
  keep_alive_ = false;
  head_only_ = false;
  begin_response(status_response(status, reason, message));
  phase_ = Phase::kLinger;
  fresh_ = true;  // the end of output is still to be told
  set_deadline(kLingerTime);
}

void ServerConnection::on_deadline() {
  if (phase_ == Phase::kRead && !fresh_) {
    refuse(408, "Timeout", "the request did not arrive in time");
    return run();
  }
  close();
}

ServerConnection::Sent ServerConnection::pump() {
  want_write_ = false;
  size_t total = 0;
  size_t payload = 0;
  Sent result = Sent::kAll;
  while (!output_.empty()) {
    std::string_view front = output_.front();
    Transport::Outcome out = transport_.write(front.data(), front.size());
    if (out.state == Transport::State::kDone) {
      payload += output_.sent(out.bytes);
      total += out.bytes;
      if (total < kSendBudget) continue;
      result = output_.empty() ? Sent::kAll : Sent::kYield;
    } else if (out.state == Transport::State::kWantWrite ||
               out.state == Transport::State::kWantRead) {
      want_write_ = true;
      result = Sent::kBlocked;
    } else {
      result = Sent::kGone;
    }
    break;
  }
  if (phase_ == Phase::kRespond || phase_ == Phase::kStream) {
    if (result == Sent::kAll)
      deadline_ = SteadyTime::max();
    else if (total > 0 || deadline_ == SteadyTime::max())
      set_deadline(server_->options.idle_timeout);
  }
  if (payload > 0 && stream_) {
    std::shared_ptr<StreamState> stream = stream_;
    if (stream->pending.fetch_sub(payload) == payload) {
      std::function<void()> drained;
      {
        std::lock_guard lock(stream->mutex);
        drained = stream->on_drained;
      }
      if (drained) drained();
    }
  }
  return result;
}

void ServerConnection::arm() {
  bool reading = false;
  switch (phase_) {
    case Phase::kHandshake:
    case Phase::kRead:
    case Phase::kLinger: reading = !want_write_; break;
    case Phase::kHandle:
    case Phase::kStream: reading = !peer_done_ && may_read_ahead(); break;
    case Phase::kRespond:
    case Phase::kClosed: break;
  }
  if (want_write_ && !waiting_write_) wait(false);
  if (reading && !waiting_read_) wait(true);
}

void ServerConnection::wait(bool reading) {
  using Socket = boost::asio::ip::tcp::socket;
  bool& waiting = reading ? waiting_read_ : waiting_write_;
  waiting = true;
  socket_.async_wait(
      reading ? Socket::wait_read : Socket::wait_write,
      [self = shared_from_this(), reading](const boost::system::error_code& cancelled) {
        (reading ? self->waiting_read_ : self->waiting_write_) = false;
        if (cancelled || self->phase_ == Phase::kClosed) return;
        if (reading) self->readable_ = true;
        self->run();
      });
}

void ServerConnection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  auto self = shared_from_this();
  boost::system::error_code ignored;
  socket_.close(ignored);
  output_.clear();
  loop_->remove(self);
  server_->connections.fetch_sub(1);
  end_stream();
}

void ServerConnection::end_stream() {
  if (!stream_) return;
  std::shared_ptr<StreamState> stream = std::exchange(stream_, nullptr);
  std::function<void()> drained, closed;
  {
    std::lock_guard lock(stream->mutex);
    stream->closed = true;
    stream->queue.clear();
    stream->pending = 0;
    std::swap(drained, stream->on_drained);
    std::swap(closed, stream->on_closed);
    if (stream->finished) closed = nullptr;
  }
  if (closed) closed();
}

// ---- answers ----

void ServerConnection::respond(Response response) {
  if (loop_->io().get_executor().running_in_this_thread()) {
    begin_response(std::move(response));
    return run();
  }
  loop_->post([self = shared_from_this(), response = std::move(response)]() mutable {
    self->begin_response(std::move(response));
    self->run();
  });
}

std::shared_ptr<StreamState> ServerConnection::respond_with_stream(Response response) {
  auto stream = std::make_shared<StreamState>();
  if (!response.body.empty()) {
    stream->pending = response.body.size();
    stream->queue.push_back(std::make_shared<const std::string>(std::move(response.body)));
  }
  auto begin = [self = shared_from_this(), stream, response = std::move(response)] {
    self->begin_stream(response, stream);
    self->run();
  };
  if (loop_->io().get_executor().running_in_this_thread()) {
    begin();
  } else if (!loop_->post(std::move(begin))) {
    std::lock_guard lock(stream->mutex);
    stream->closed = true;
  }
  return stream;
}

void ServerConnection::schedule_flush(const std::shared_ptr<StreamState>& stream) {
  loop_->post([self = shared_from_this(), stream] {
    if (self->phase_ != Phase::kStream || self->stream_ != stream) return;
    self->take_stream_queue();
    self->run();
  });
}

void ServerConnection::schedule_abort(const std::shared_ptr<StreamState>& stream) {
  loop_->post([self = shared_from_this(), stream] {
    if (self->stream_ == stream) self->close();
  });
}

std::string ServerConnection::head_of(const Response& response, std::string_view framing) {
  std::string head;
  head.reserve(256);
  head += old_http_ ? "HTTP/1.0 " : "HTTP/1.1 ";
  head += std::to_string(response.status);
  head += ' ';
  head += status_text(response.status);
  head += "\r\n";
  for (const auto& [name, value] : response.headers.all()) {
    if (is(name, "content-length") || is(name, "transfer-encoding")) continue;  // framing is ours
    if (is(name, "connection") && is(value, "close")) {
      keep_alive_ = false;
      continue;
    }
    append_field(head, name, value);
  }
  if (peer_done_) keep_alive_ = false;
  if (!keep_alive_)
    head += "Connection: close\r\n";
  else if (old_http_)
    head += "Connection: keep-alive\r\n";
  head += framing;
  head += "\r\n";
  return head;
}

void ServerConnection::begin_response(Response response) {
  if (phase_ != Phase::kHandle) return;  // the connection has ended meanwhile
  phase_ = Phase::kRespond;
  size_t size = response.body.size() + (response.shared_body ? response.shared_body->size() : 0);
  bool bodiless = response.status == 204 || response.status == 304;
  std::string framing = bodiless ? "" : concat("Content-Length: ", size, "\r\n");
  std::string head = head_of(response, framing);
  if (head_only_ || bodiless) {
    output_.add(std::move(head));
  } else if (response.body.size() <= 4096) {
    output_.add(std::move(head.append(response.body)));
    output_.add(std::move(response.shared_body));
  } else {
    output_.add(std::move(head));
    output_.add(std::move(response.body));
    output_.add(std::move(response.shared_body));
  }
}

void ServerConnection::begin_stream(const Response& response,
                                    const std::shared_ptr<StreamState>& stream) {
  stream_ = stream;
  stream_ended_ = false;
  if (phase_ != Phase::kHandle) return end_stream();  // the connection has ended meanwhile
  if (peer_done_) return close();
  phase_ = Phase::kStream;
  chunked_ = !old_http_;
  if (old_http_) keep_alive_ = false;
  output_.add(head_of(response, chunked_ ? "Transfer-Encoding: chunked\r\n" : ""));
  take_stream_queue();
}

void ServerConnection::take_stream_queue() {
  std::vector<SharedBytes> queue;
  bool finished;
  {
    std::lock_guard lock(stream_->mutex);
    queue.swap(stream_->queue);
    finished = stream_->finished;
    stream_->flush_posted = false;
  }
  for (SharedBytes& bytes : queue) {
    if (head_only_) {
      stream_->pending -= bytes->size();
      continue;
    }
    if (chunked_) output_.add(chunk_size_line(bytes->size()));
    output_.add(std::move(bytes), true);
    if (chunked_) output_.add("\r\n");
  }
  if (finished && !std::exchange(stream_ended_, true) && chunked_ && !head_only_)
    output_.add("0\r\n\r\n");
}

}  // namespace serin::net
