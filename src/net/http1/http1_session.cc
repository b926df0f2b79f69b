#include "net/http1/http1_session.h"

#include <charconv>

#include "base/strings.h"
#include "net/server/responder.h"

namespace serin::net {
namespace {

constexpr size_t kKeepInput = 256;          // an idle connection holds no larger buffer
constexpr size_t kChunkFraming = 20;        // the longest size line
constexpr size_t kOneWithHead = 4096;       // a body up to this goes out in one piece with its head

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

Http1Session::Http1Session(std::shared_ptr<ServerState> server, std::shared_ptr<EventLoop> loop, Wire& wire, Peer peer,
                           SteadyTime first_deadline)
    : Exchange(std::move(loop)),
      server_(std::move(server)),
      wire_(wire),
      peer_(std::move(peer)),
      parser_(server_->options.max_header_bytes, server_->options.max_body_bytes),
      deadline_(first_deadline) {}

Http1Session::~Http1Session() = default;

void Http1Session::set_deadline(std::chrono::milliseconds after) {
  deadline_ = std::chrono::steady_clock::now() + after;
}

// ---- requests ----

bool Http1Session::advance(bool flushed) {
  switch (phase_) {
    case Phase::kRead: return unread_ && read_request();
    case Phase::kRespond:
      if (flushed) finish_exchange();
      return flushed;
    case Phase::kStream:
      if (!stream_ended_ || !flushed) return false;
      end_stream();
      finish_exchange();
      return true;
    case Phase::kHandle:
    case Phase::kOver: return false;
  }
  return false;
}

bool Http1Session::wants_input() const {
  switch (phase_) {
    case Phase::kRead: return true;
    case Phase::kHandle:
    case Phase::kStream:
      // Read on to notice the peer's end; a pipeliner that is too far ahead waits for its answers.
      return !peer_done_ && input_.size() <= server_->options.max_header_bytes;
    case Phase::kRespond:
    case Phase::kOver: return false;
  }
  return false;
}

void Http1Session::receive(std::string_view bytes) {
  input_.append(bytes);
  unread_ = true;
}

void Http1Session::peer_done() {
  peer_done_ = true;
  if (phase_ != Phase::kHandle) end(Wish::kDrop);
}

bool Http1Session::read_request() {
  unread_ = false;
  if (std::exchange(fresh_, false)) set_deadline(server_->options.header_timeout);
  feed_parser();
  switch (parser_.state()) {
    case MessageState::kHead: return false;
    case MessageState::kBody:
      if (!std::exchange(continued_, true) && parser_.expects_continue() && input_.empty())
        wire_.output().add("HTTP/1.1 100 Continue\r\n\r\n");
      break;
    case MessageState::kDone: take_request(); break;
    case MessageState::kFailed: {
      RequestParser::Failure failure = parser_.failure();
      refuse(failure.status, failure.reason, failure.message);
      break;
    }
  }
  return true;
}

void Http1Session::feed_parser() {
  MessageState before = parser_.state();
  input_.erase(0, parser_.feed(input_));
  if (before == MessageState::kHead && parser_.state() == MessageState::kBody) {
    set_deadline(server_->options.body_timeout);
    input_.erase(0, parser_.feed(input_));
  }
  if (input_.empty() && input_.capacity() > kKeepInput) input_ = std::string();
}

void Http1Session::take_request() {
  phase_ = Phase::kHandle;
  deadline_ = SteadyTime::max();
  Request request = std::move(parser_.request());
  keep_alive_ = parser_.keep_alive() && !draining_;
  old_http_ = parser_.http_1_0();
  head_only_ = request.method == "HEAD";
  request.peer = peer_;
  dispatch(server_, std::move(request), shared());
}

void Http1Session::finish_exchange() {
  if (!keep_alive_) return end(Wish::kClose);
  parser_.reset();
  continued_ = false;
  fresh_ = true;
  phase_ = Phase::kRead;
  unread_ = !input_.empty();
  set_deadline(server_->options.idle_timeout);
}

void Http1Session::refuse(int status, std::string_view reason, std::string_view message) {
  keep_alive_ = false;
  head_only_ = false;
  answer(status_response(status, reason, message));
  end(Wish::kLinger);
}

void Http1Session::on_deadline() {
  if (phase_ == Phase::kRead && !fresh_) return refuse(408, "Timeout", "the request did not arrive in time");
  end(Wish::kDrop);
}

void Http1Session::drain() {
  draining_ = true;
  keep_alive_ = false;
  if (phase_ == Phase::kRead || phase_ == Phase::kStream) end(Wish::kClose);
}

void Http1Session::end(Wish wish) {
  phase_ = Phase::kOver;
  wish_ = wish;
  deadline_ = SteadyTime::max();
}

void Http1Session::closed() {
  phase_ = Phase::kOver;
  wish_ = Wish::kDrop;
  end_stream();
}

// ---- answers ----

std::string Http1Session::head_of(const Response& response, std::string_view framing) {
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

void Http1Session::begin_response(Response response) {
  if (phase_ != Phase::kHandle) return;  // the connection has ended meanwhile
  phase_ = Phase::kRespond;
  answer(std::move(response));
  wire_.wake();
}

void Http1Session::answer(Response response) {
  OutputQueue& output = wire_.output();
  size_t size = response.body.size() + (response.shared_body ? response.shared_body->size() : 0);
  bool bodiless = response.status == 204 || response.status == 304;
  std::string head = head_of(response, bodiless ? "" : concat("Content-Length: ", size, "\r\n"));
  if (head_only_ || bodiless) return output.add(std::move(head));
  if (response.body.size() <= kOneWithHead) {
    output.add(std::move(head.append(response.body)));
  } else {
    output.add(std::move(head));
    output.add(std::move(response.body));
  }
  output.add(std::move(response.shared_body));
}

void Http1Session::begin_stream(const Response& head, const std::shared_ptr<StreamState>& stream) {
  stream_ = stream;
  stream_ended_ = false;
  if (phase_ != Phase::kHandle) return end_stream();  // the connection has ended meanwhile
  phase_ = Phase::kStream;
  if (peer_done_ || draining_) {
    end(Wish::kDrop);
    return wire_.wake();
  }
  chunked_ = !old_http_;
  if (old_http_) keep_alive_ = false;
  wire_.output().add(head_of(head, chunked_ ? "Transfer-Encoding: chunked\r\n" : ""));
  take_stream_queue();
  wire_.wake();
}

void Http1Session::flush_stream(const std::shared_ptr<StreamState>& stream) {
  if (phase_ != Phase::kStream || stream_ != stream) return;
  take_stream_queue();
  wire_.wake();
}

void Http1Session::abort_stream(const std::shared_ptr<StreamState>& stream) {
  if (stream_ != stream) return;
  end(Wish::kDrop);
  wire_.wake();
}

void Http1Session::take_stream_queue() {
  OutputQueue& output = wire_.output();
  StreamState::Taken taken = stream_->take();
  for (SharedBytes& bytes : taken.pieces) {
    if (head_only_) {
      stream_->pending -= bytes->size();
      continue;
    }
    if (chunked_) output.add(chunk_size_line(bytes->size()));
    output.add(std::move(bytes), true);
    if (chunked_) output.add("\r\n");
  }
  if (taken.finished && !std::exchange(stream_ended_, true) && chunked_ && !head_only_) output.add("0\r\n\r\n");
}

void Http1Session::sent_payload(size_t bytes) {
  if (auto stream = stream_) stream->gone(bytes);
}

void Http1Session::end_stream() {
  if (auto stream = std::exchange(stream_, nullptr)) stream->end();
}

}  // namespace serin::net
