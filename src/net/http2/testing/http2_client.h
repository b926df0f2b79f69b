#pragma once

/// An HTTP/2 client for tests, on a plain connection: nghttp2 where the client is honest, frames by hand where it lies.

#include <nghttp2/nghttp2.h>

#include <functional>
#include <map>
#include <string>

#include "net/test_support.h"

namespace serin::net::testing {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame (RFC 9113 §4.1).
inline std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  auto number = [&out](uint32_t value, int bytes) {
    while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes));
  };
  number(static_cast<uint32_t>(payload.size()), 3);
  number(type, 1);
  number(flags, 1);
  number(stream, 4);
  return out.append(payload);
}

/// A header block of literal fields (RFC 7541 §6.2.2).
inline std::string header_block(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  auto text = [&out](const std::string& value) {
    size_t size = value.size();
    if (size < 127) {
      out += static_cast<char>(size);
    } else {
      out += '\x7f';
      for (size -= 127; size >= 128; size /= 128) out += static_cast<char>(size % 128 + 128);
      out += static_cast<char>(size);
    }
    out += value;
  };
  for (const auto& [name, value] : fields) {
    out += '\0';
    text(name);
    text(value);
  }
  return out;
}

inline std::string get_block(const std::string& path) {
  return header_block({{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", path}});
}

class Http2Client {
 public:
  struct Answer {
    int status = 0;
    Headers headers;
    std::string body;
    bool ended = false;   ///< closed, in either way
    uint32_t error = 0;   ///< why, where it was reset
  };
  struct Options {
    int32_t window = 65535;  ///< of each stream
    bool read_bodies = true;  ///< false: windows are opened by `consume` only
  };

  explicit Http2Client(uint16_t port) : Http2Client(port, Options{}) {}
  Http2Client(uint16_t port, Options options) : raw_(port) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1000);  // until the server says its own
    if (!options.read_bodies) nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(options.window)}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 64 << 20);
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;

  using Fields = std::vector<std::pair<std::string, std::string>>;
  /// Without END_STREAM where `open`.
  int32_t submit(const std::string& method, const std::string& path, const Fields& more = {}, std::string body = {},
                 bool open = false) {
    Fields fields = {{":method", method}, {":scheme", "http"}, {":authority", "x"}, {":path", path}};
    fields.insert(fields.end(), more.begin(), more.end());
    std::vector<nghttp2_nv> list;
    for (auto& [name, value] : fields)
      list.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(),
                      value.size(), NGHTTP2_NV_FLAG_NONE});
    bool with_body = open || !body.empty();
    sources_.push_back(std::make_unique<Source>(Source{std::move(body), 0, open}));
    nghttp2_data_provider provider{};
    provider.source.ptr = sources_.back().get();
    provider.read_callback = read_source;
    return nghttp2_submit_request(session_, nullptr, list.data(), list.size(), with_body ? &provider : nullptr, nullptr);
  }
  int32_t get(const std::string& path) { return submit("GET", path); }
  void reset(int32_t id) { nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL); }
  void consume(int32_t id, size_t bytes) { nghttp2_session_consume(session_, id, bytes); }

  /// Sends and receives until `done`, or the connection ends (false).
  bool run(const std::function<bool()>& done) {
    char buffer[16384];
    for (;;) {
      if (!flush()) return done();
      if (done()) return true;
      ssize_t size = ::recv(raw_.fd(), buffer, sizeof buffer, 0);
      if (size <= 0) return done();
      nghttp2_session_mem_recv(session_, reinterpret_cast<uint8_t*>(buffer), static_cast<size_t>(size));
    }
  }
  bool flush() {
    const uint8_t* data;
    for (ssize_t size; (size = nghttp2_session_mem_send(session_, &data)) > 0;)
      if (!raw_.send({reinterpret_cast<const char*>(data), static_cast<size_t>(size)})) return false;
    return true;
  }
  const Answer& wait(int32_t id) {
    run([&] { return answers[id].ended; });
    return answers[id];
  }

  std::map<int32_t, Answer> answers;
  bool went_away = false;
  uint32_t goaway_error = 0;
  int informational = 0;
  RawClient& raw() { return raw_; }

 private:
  struct Source {
    std::string text;
    size_t done;
    bool open;
  };

  static Http2Client& of(void* user) { return *static_cast<Http2Client*>(user); }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                       const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Answer& answer = of(user).answers[frame->hd.stream_id];
    std::string key(reinterpret_cast<const char*>(name), name_size);
    std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status" && text == "100") ++of(user).informational;
    else if (key == ":status") answer.status = std::stoi(text);
    else answer.headers.add(key, text);
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
    of(user).answers[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_close(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    of(user).answers[id].ended = true;
    of(user).answers[id].error = error;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_GOAWAY) return 0;
    of(user).went_away = true;
    of(user).goaway_error = frame->goaway.error_code;
    return 0;
  }
  static ssize_t read_source(nghttp2_session*, int32_t, uint8_t* to, size_t size, uint32_t* flags,
                             nghttp2_data_source* from, void*) {
    auto* source = static_cast<Source*>(from->ptr);
    size = std::min(size, source->text.size() - source->done);
    if (size == 0 && source->open) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(source->text.data() + source->done, size, to);
    source->done += size;
    if (source->done == source->text.size() && !source->open) *flags = NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  RawClient raw_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace serin::net::testing
