#include "net/server/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "net/http1/http1_session.h"
#include "net/http2/http2_session.h"

namespace serin::net {
namespace {

constexpr std::chrono::milliseconds kLingerTime{2000};
constexpr size_t kSendBudget = 1 << 20;  // then the loop's other connections have their turn
constexpr int kTurns = 200;              // likewise
constexpr size_t kMoreLikely = 4096;     // a shorter read has emptied the socket, as a rule

Transport transport_for(const TlsContext& tls, int fd) { return tls ? Transport::accept(tls, fd) : Transport(fd); }

std::string peer_address(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code gone;
  auto end = socket.remote_endpoint(gone);
  if (gone) return "";
  std::string address = end.address().to_string();
  if (end.address().is_v6()) address = concat("[", address, "]");
  return concat(address, ":", end.port());
}

SteadyTime after(std::chrono::milliseconds span) { return std::chrono::steady_clock::now() + span; }

}  // namespace

Connection::Connection(std::shared_ptr<ServerState> server, std::shared_ptr<EventLoop> loop,
                       boost::asio::ip::tcp::socket socket)
    : server_(std::move(server)),
      loop_(std::move(loop)),
      socket_(std::move(socket)),
      transport_(transport_for(server_->tls(), socket_.native_handle())) {}

Connection::~Connection() = default;

void Connection::start() {
  if (loop_->draining()) return close();
  boost::system::error_code gone;
  socket_.non_blocking(true, gone);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), gone);
  first_deadline_ = after(server_->options.header_timeout);
  loop_->add(shared_from_this());
  run();
}

void Connection::run() {
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

bool Connection::advance(bool flushed) {
  switch (phase_) {
    case Phase::kHandshake: return handshake();
    case Phase::kGreeting: return read();
    case Phase::kOpen: return advance_protocol(flushed);
    case Phase::kLinger: return linger(flushed);
    case Phase::kClosed: return false;
  }
  return false;
}

bool Connection::handshake() {
  switch (transport_.handshake()) {
    case Transport::State::kDone:
      if (server_->options.http2 && !transport_.secure())
        phase_ = Phase::kGreeting;
      else
        speak(transport_.protocol() == "h2");
      return true;
    case Transport::State::kWantRead: break;
    case Transport::State::kWantWrite: want_write_ = true; break;
    default:
      if (transport_.plain_http()) {
        static constexpr std::string_view kAnswer =
            "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"
            "Client sent an HTTP request to an HTTPS server.\n";
        ::send(socket_.native_handle(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      }
      close();
  }
  return false;
}

bool Connection::greet(std::string_view bytes) {
  greeting_ += bytes;
  bool http2 = greeting_.starts_with(kHttp2Preface);
  if (!http2 && kHttp2Preface.starts_with(greeting_)) return true;  // may still become it
  speak(http2);
  protocol_->receive(greeting_);
  greeting_ = std::string();
  return true;
}

void Connection::speak(bool http2) {
  Peer peer;
  peer.address = peer_address(socket_);
  transport_.describe(peer);
  if (http2)
    protocol_ = std::make_unique<Http2Session>(server_, loop_, *this, std::move(peer), first_deadline_);
  else
    protocol_ = std::make_unique<Http1Session>(server_, loop_, *this, std::move(peer), first_deadline_);
  first_deadline_ = SteadyTime::max();
  phase_ = Phase::kOpen;
  if (loop_->draining()) protocol_->drain();
}

bool Connection::advance_protocol(bool flushed) {
  if (protocol_->advance(flushed)) return true;
  switch (protocol_->wish()) {
    case Protocol::Wish::kOpen: break;
    case Protocol::Wish::kLinger:
      phase_ = Phase::kLinger;
      first_deadline_ = after(kLingerTime);
      return true;
    case Protocol::Wish::kClose:
      if (!flushed) return false;
      transport_.end_output();
      close();
      return false;
    case Protocol::Wish::kDrop: close(); return false;
  }
  return protocol_->wants_input() && read();
}

bool Connection::linger(bool flushed) {
  if (!flushed) return false;
  if (!std::exchange(output_ended_, true)) transport_.end_output();
  Transport::Outcome got = transport_.read(loop_->read_buffer().data(), loop_->read_buffer().size());
  if (got.state == Transport::State::kDone) return true;
  if (got.state != Transport::State::kWantRead) close();
  return false;
}

/// True when something has come of it.
bool Connection::read() {
  if (!readable_ && !transport_.buffered()) return false;
  std::vector<char>& buffer = loop_->read_buffer();
  Transport::Outcome got = transport_.read(buffer.data(), buffer.size());
  readable_ = got.state == Transport::State::kDone && got.bytes >= kMoreLikely;
  switch (got.state) {
    case Transport::State::kDone: {
      std::string_view bytes(buffer.data(), got.bytes);
      if (!protocol_) return greet(bytes);
      protocol_->receive(bytes);
      return true;
    }
    case Transport::State::kWantRead: return false;
    case Transport::State::kWantWrite: want_write_ = true; return false;
    case Transport::State::kClosed:
      if (!protocol_) break;
      protocol_->peer_done();
      return true;
    case Transport::State::kFailed: break;
  }
  close();
  return false;
}

SteadyTime Connection::deadline() const {
  SteadyTime first = std::min(first_deadline_, write_deadline_);
  return protocol_ && phase_ == Phase::kOpen ? std::min(first, protocol_->deadline()) : first;
}

void Connection::on_deadline() {
  if (std::min(first_deadline_, write_deadline_) <= std::chrono::steady_clock::now()) return close();
  if (phase_ != Phase::kOpen) return;
  protocol_->on_deadline();
  run();
}

void Connection::on_drain() {
  if (phase_ == Phase::kHandshake || phase_ == Phase::kGreeting) return close();
  if (phase_ != Phase::kOpen) return;
  protocol_->drain();
  run();
}

Connection::Sent Connection::pump() {
  want_write_ = false;
  size_t total = 0;
  size_t payload = 0;
  Sent result = Sent::kAll;
  for (;;) {
    if (output_.empty() && phase_ == Phase::kOpen) protocol_->fill();
    if (output_.empty()) break;
    std::string_view front = output_.front();
    Transport::Outcome out = transport_.write(front.data(), front.size());
    if (out.state == Transport::State::kDone) {
      payload += output_.sent(out.bytes);
      total += out.bytes;
      if (total < kSendBudget) continue;
      result = output_.empty() ? Sent::kAll : Sent::kYield;
    } else if (out.state == Transport::State::kWantWrite || out.state == Transport::State::kWantRead) {
      want_write_ = true;
      result = Sent::kBlocked;
    } else {
      result = Sent::kGone;
    }
    break;
  }
  if (result == Sent::kAll)
    write_deadline_ = SteadyTime::max();
  else if (total > 0 || write_deadline_ == SteadyTime::max())
    write_deadline_ = after(server_->options.idle_timeout);
  if (payload > 0 && protocol_) protocol_->sent_payload(payload);
  return result;
}

void Connection::arm() {
  bool reading = phase_ == Phase::kOpen ? protocol_->wants_input() : !want_write_;
  if (want_write_ && !waiting_write_) wait(false);
  if (reading && !waiting_read_) wait(true);
}

void Connection::wait(bool reading) {
  using Socket = boost::asio::ip::tcp::socket;
  (reading ? waiting_read_ : waiting_write_) = true;
  socket_.async_wait(reading ? Socket::wait_read : Socket::wait_write,
                     [self = shared_from_this(), reading](const boost::system::error_code& cancelled) {
                       (reading ? self->waiting_read_ : self->waiting_write_) = false;
                       if (cancelled || self->phase_ == Phase::kClosed) return;
                       if (reading) self->readable_ = true;
                       self->run();
                     });
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  auto self = shared_from_this();
  boost::system::error_code ignored;
  socket_.close(ignored);
  output_.clear();
  loop_->remove(self);
  server_->connection_closed();
  if (protocol_) protocol_->closed();
}

}  // namespace serin::net
