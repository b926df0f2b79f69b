#include "net/http2/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <charconv>

#include "base/strings.h"
#include "net/server/responder.h"

namespace serin::net {
namespace {

constexpr size_t kFill = 64 << 10;            // what is taken from nghttp2 at a time
constexpr int32_t kStreamWindow = 256 << 10;  // of a request's body
constexpr int32_t kConnectionWindow = 1 << 20;
constexpr size_t kMaxControlQueue = 1000;  // frames owed to a peer that does not read them
constexpr double kFramesAtOnce = 2000, kFramesPerSecond = 200;
constexpr size_t kFieldOverhead = 32;  // as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2)
constexpr uint64_t kTrust = 256 << 10;  // a Content-Length alone takes no more memory than this

std::string_view view(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

nghttp2_nv field(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// RFC 9113 §8.2.2: fields about the connection have no place here.
bool is_connection_field(std::string_view name) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" || name == "transfer-encoding" ||
         name == "upgrade";
}

/// What begins with a line break in HTTP/1 must not become one behind a proxy.
std::string clean(std::string_view value) {
  std::string out(trim(value));
  for (char& c : out)
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  return out;
}

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

/// nghttp2 calls these while it reads (`receive`) and writes (`fill`); nothing in them calls a handler or a producer.
struct Http2Session::Callbacks {
  static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    Http2Session& self = of(user);
    self.first_deadline_ = SteadyTime::max();
    if (frame->type != NGHTTP2_CONTINUATION) self.head_deadline_ = SteadyTime::max();
    switch (frame->type) {
      case NGHTTP2_HEADERS: self.head_deadline_ = now() + self.server_->options.header_timeout; break;
      case NGHTTP2_DATA:
        if (frame->length == 0 && !(frame->flags & NGHTTP2_FLAG_END_STREAM)) self.spend();
        break;
      case NGHTTP2_WINDOW_UPDATE: break;  // as many as there are DATA frames
      default: self.spend();
    }
    return 0;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Session& self = of(user);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // trailers
    int32_t id = frame->hd.stream_id;
    if (*self.unanswered_ + self.ready_.size() >= self.server_->options.max_streams)
      return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    auto stream = std::make_shared<Http2Stream>(self.loop_, self, id, self.unanswered_);
    self.streams_.emplace(id, std::move(stream));
    // All streams take turns.
    nghttp2_extpri in_turn{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    nghttp2_session_change_extpri_stream_priority(session, id, &in_turn, 1);
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name_data, size_t name_size,
                    const uint8_t* value_data, size_t value_size, uint8_t, void* user) {
    Http2Session& self = of(user);
    Http2Stream* stream = self.find(frame->hd.stream_id);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || !stream || !stream->incoming) return 0;
    IncomingRequest& incoming = *stream->incoming;
    incoming.header_bytes += name_size + value_size + kFieldOverhead;
    if (incoming.header_bytes > self.server_->options.max_header_bytes) {
      incoming.headers_too_large = true;
      return 0;
    }
    std::string_view name = view(name_data, name_size), value = view(value_data, value_size);
    if (name == ":method") incoming.request.method = value;
    else if (name == ":path") incoming.request.set_target(value);
    else if (name == ":authority") incoming.authority = value;
    else if (!name.starts_with(':')) incoming.request.headers.add(std::string(name), std::string(value));
    if (name == "content-length") std::from_chars(value.data(), value.data() + value.size(), incoming.announced);
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& self = of(user);
    bool whole = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    self.head_deadline_ = SteadyTime::max();
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Stream* stream = self.find(frame->hd.stream_id);
    if (!stream || !stream->incoming) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      self.head_complete(*stream, whole);
    else if (whole)
      self.ready_.push_back(stream->shared_from_this());
    return 0;
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    of(user).head_deadline_ = SteadyTime::max();
    return 0;
  }

  static int data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
    Http2Session& self = of(user);
    Http2Stream* stream = self.find(id);
    if (!stream || !stream->incoming) return 0;  // refused, and still sending
    std::string& body = stream->incoming->request.body;
    if (body.size() + size > self.server_->options.max_body_bytes)
      stream->refuse(status_response(413, "RequestEntityTooLarge", "the request's body is too large"));
    else
      body.append(view(bytes, size));
    return 0;
  }

  static int stream_closed(nghttp2_session*, int32_t id, uint32_t, void* user) {
    Http2Session& self = of(user);
    auto found = self.streams_.find(id);
    if (found == self.streams_.end()) return 0;
    // Its producer is told when nghttp2 has returned.
    if (auto producer = found->second->detach())
      if (!self.loop_->post([producer] { producer->end(); })) producer->end();
    self.streams_.erase(found);
    if (self.streams_.empty()) self.idle_deadline_ = now() + self.server_->options.idle_timeout;
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t*, size_t size, uint32_t* flags, nghttp2_data_source* source,
                           void*) {
    auto* stream = static_cast<Http2Stream*>(source->ptr);
    if (stream->queued() == 0 && !stream->ended()) return NGHTTP2_ERR_DEFERRED;
    size = std::min(size, stream->queued());
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream->ended() && size == stream->queued()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  static int send_body(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size, nghttp2_data_source* source,
                       void* user) {
    Http2Session& self = of(user);
    auto* stream = static_cast<Http2Stream*>(source->ptr);
    OutputQueue& output = self.wire_.output();
    output.append(view(head, 9));
    stream->move_to(output, size);
    if (stream->stream()) self.sent_.emplace_back(stream->stream(), size);
    self.wait_for_peer(*stream);
    return output.size() >= kFill ? NGHTTP2_ERR_PAUSE : 0;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Session& self = of(user);
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) self.spend();
    bool last = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    // Answered before the request was complete: nothing more of it is wanted (RFC 9113 §8.1).
    if (last && nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const kAll = [] {
      nghttp2_session_callbacks* all = nullptr;
      nghttp2_session_callbacks_new(&all);
      nghttp2_session_callbacks_set_on_begin_frame_callback(all, begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(all, header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_received);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data);
      nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_closed);
      nghttp2_session_callbacks_set_send_data_callback(all, send_body);
      nghttp2_session_callbacks_set_on_frame_send_callback(all, frame_sent);
      return all;
    }();
    return kAll;
  }

  static const nghttp2_option* options() {
    static nghttp2_option* const kOptions = [] {
      nghttp2_option* options = nullptr;
      nghttp2_option_new(&options);
      nghttp2_option_set_no_closed_streams(options, 1);
      nghttp2_option_set_max_outbound_ack(options, kMaxControlQueue);
      nghttp2_option_set_stream_reset_rate_limit(options, static_cast<uint64_t>(kFramesAtOnce),
                                                 static_cast<uint64_t>(kFramesPerSecond));
      return options;
    }();
    return kOptions;
  }
};

void Http2Session::FreeSession::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

Http2Session::Http2Session(std::shared_ptr<ServerState> server, std::shared_ptr<EventLoop> loop, Wire& wire, Peer peer,
                           SteadyTime first_deadline)
    : server_(std::move(server)),
      loop_(std::move(loop)),
      wire_(wire),
      peer_(std::move(peer)),
      allowance_(kFramesAtOnce, kFramesPerSecond),
      first_deadline_(first_deadline) {
  nghttp2_session* session = nullptr;
  nghttp2_session_server_new2(&session, Callbacks::all(), this, Callbacks::options());
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server_->options.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(server_->options.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  idle_deadline_ = now() + server_->options.idle_timeout;
}

Http2Session::~Http2Session() { closed(); }

Http2Stream* Http2Session::find(int32_t id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void Http2Session::spend() {
  if (!given_up_ && !allowance_.spend(now())) give_up(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Session::give_up(uint32_t error) {
  given_up_ = true;
  nghttp2_session_terminate_session(session_.get(), error);
}

// ---- requests ----

void Http2Session::receive(std::string_view bytes) {
  ssize_t used =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  // Not HTTP/2 at all, or more than nghttp2 bears; for other errors it has a GOAWAY to send that says what was wrong.
  if (used < 0) dropped_ = true;
  if (!streams_.empty()) idle_deadline_ = SteadyTime::max();
}

void Http2Session::head_complete(Http2Stream& stream, bool whole) {
  IncomingRequest& incoming = *stream.incoming;
  Request& request = incoming.request;
  if (incoming.headers_too_large)
    return stream.refuse(status_response(431, "BadRequest", "the request's header fields are too large"));
  if (!request.path.starts_with('/') && request.path != "*")
    return stream.refuse(status_response(400, "BadRequest", "the request's target must be a path"));
  if (incoming.announced > static_cast<int64_t>(server_->options.max_body_bytes))
    return stream.refuse(status_response(413, "RequestEntityTooLarge", "the request's body is too large"));
  if (!incoming.authority.empty() && !request.headers.has("host")) request.headers.add("host", incoming.authority);
  if (whole) return ready_.push_back(stream.shared_from_this());
  if (incoming.announced > 0) request.body.reserve(std::min<uint64_t>(incoming.announced, kTrust));
  if (lower(request.headers.get("expect")) == "100-continue") {
    nghttp2_nv go_on = field(":status", "100");
    nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), nullptr, &go_on, 1, nullptr);
  }
  set_deadline(stream, server_->options.body_timeout);
}

bool Http2Session::advance(bool) {
  if (ready_.empty()) return false;
  for (const auto& stream : std::exchange(ready_, {}))
    if (!given_up_ && find(stream->id()) == stream.get() && stream->incoming) take_request(stream);
  return true;
}

void Http2Session::take_request(const std::shared_ptr<Http2Stream>& stream) {
  Request request = std::move(stream->incoming->request);
  request.peer = peer_;
  stream->dispatched(request.method == "HEAD");
  dispatch(server_, std::move(request), stream);
}

bool Http2Session::wants_input() const {
  return !dropped_ && !given_up_ && nghttp2_session_want_read(session_.get()) != 0 &&
         nghttp2_session_get_outbound_queue_size(session_.get()) < kMaxControlQueue;
}

// ---- answers ----

void Http2Session::submit(Http2Stream& stream, const Response& response, bool body) {
  std::string status = std::to_string(response.status);
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& [name, value] : response.headers.all()) {
    std::string lower_name = lower(name);
    if (is_connection_field(lower_name)) continue;
    fields.emplace_back(std::move(lower_name), clean(value));
  }
  std::vector<nghttp2_nv> list = {field(":status", status)};
  for (const auto& [name, value] : fields) list.push_back(field(name, value));
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = Callbacks::read_body;
  nghttp2_submit_response(session_.get(), stream.id(), list.data(), list.size(), body ? &provider : nullptr);
  stream.deadline = SteadyTime::max();
  wait_for_peer(stream);
  wire_.wake();
}

void Http2Session::resume(Http2Stream& stream) {
  nghttp2_session_resume_data(session_.get(), stream.id());
  if (stream.deadline == SteadyTime::max()) wait_for_peer(stream);
  wire_.wake();
}

void Http2Session::reset(Http2Stream& stream) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_INTERNAL_ERROR);
  wire_.wake();
}

void Http2Session::fill() {
  OutputQueue& output = wire_.output();
  while (output.size() < kFill) {
    const uint8_t* data = nullptr;
    ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
    if (size < 0) dropped_ = true;
    if (size <= 0) break;
    output.append(view(data, static_cast<size_t>(size)));
  }
  for (auto& [stream, size] : std::exchange(sent_, {})) stream->gone(size);
}

Protocol::Wish Http2Session::wish() const {
  if (dropped_) return Wish::kDrop;
  if (draining_ && !busy()) return Wish::kClose;
  bool over = nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0;
  return over ? Wish::kLinger : Wish::kOpen;
}

// ---- time ----

void Http2Session::set_deadline(Http2Stream& stream, std::chrono::milliseconds after) {
  stream.deadline = now() + after;
  streams_deadline_ = std::min(streams_deadline_, stream.deadline);
}

/// While the peer takes nothing of what there is for it.
void Http2Session::wait_for_peer(Http2Stream& stream) {
  if (stream.queued() > 0)
    set_deadline(stream, server_->options.idle_timeout);
  else
    stream.deadline = SteadyTime::max();
}

SteadyTime Http2Session::deadline() const {
  SteadyTime earliest = std::min({first_deadline_, head_deadline_, streams_deadline_});
  return streams_.empty() && *unanswered_ == 0 ? std::min(earliest, idle_deadline_) : earliest;
}

void Http2Session::on_deadline() {
  SteadyTime time = now();
  if (first_deadline_ <= time) {
    dropped_ = true;
    return;
  }
  if (head_deadline_ <= time) return give_up(NGHTTP2_ENHANCE_YOUR_CALM);
  if (streams_.empty() && *unanswered_ == 0 && idle_deadline_ <= time) return give_up(NGHTTP2_NO_ERROR);
  std::vector<std::shared_ptr<Http2Stream>> late;
  streams_deadline_ = SteadyTime::max();
  for (const auto& [id, stream] : streams_) {
    if (stream->deadline <= time) late.push_back(stream);
    else streams_deadline_ = std::min(streams_deadline_, stream->deadline);
  }
  for (const auto& stream : late) {
    stream->deadline = SteadyTime::max();
    if (stream->incoming)
      stream->refuse(status_response(408, "Timeout", "the request did not arrive in time"));
    else
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream->id(), NGHTTP2_CANCEL);
  }
}

// ---- the end ----

bool Http2Session::busy() const {
  if (!ready_.empty()) return true;
  for (const auto& [id, stream] : streams_)
    if (stream->busy()) return true;
  return false;
}

void Http2Session::drain() {
  if (std::exchange(draining_, true)) return;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_.get()),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

void Http2Session::closed() {
  dropped_ = true;
  ready_.clear();
  for (auto& [id, stream] : std::exchange(streams_, {}))
    if (auto producer = stream->detach()) producer->end();
}

}  // namespace serin::net
