#include "http2_connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

namespace serin::bench {
namespace {

std::string_view view(const uint8_t* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

nghttp2_nv field(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view text) { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

Http2Connection::Http2Connection(const TlsClient& tls, const Endpoint& endpoint)
    : authority_(endpoint.host + ":" + std::to_string(endpoint.port)),
      base_(endpoint.base),
      fd_(connect_to(endpoint)),
      ssl_(tls.connect(fd_, true)) {
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  flush();
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  SSL_free(ssl_);
  close(fd_);
}

void Http2Connection::get(const std::string& path) {
  std::string whole = base_ + path;
  nghttp2_nv fields[] = {field(":method", "GET"),          field(":scheme", "https"),      field(":authority", authority_),
                         field(":path", whole),            field("user-agent", "bench/1"), field("accept", "application/json")};
  if (nghttp2_submit_request(session_, nullptr, fields, std::size(fields), nullptr, nullptr) < 0) die("a request could not be sent");
  flush();
}

void Http2Connection::readable() {
  char buffer[16 << 10];
  for (;;) {
    int got = SSL_read(ssl_, buffer, sizeof buffer);
    if (got <= 0) {
      if (SSL_get_error(ssl_, got) != SSL_ERROR_WANT_READ) die("the server closed a connection");
      return flush();
    }
    if (nghttp2_session_mem_recv(session_, reinterpret_cast<uint8_t*>(buffer), size_t(got)) < 0) die("what came is not HTTP/2");
  }
}

void Http2Connection::flush() {
  const uint8_t* data = nullptr;
  for (ssize_t size; (size = nghttp2_session_mem_send(session_, &data)) > 0;)
    if (SSL_write(ssl_, data, int(size)) != int(size)) die("a request could not be sent");
}

int Http2Connection::on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size, const uint8_t* value,
                               size_t value_size, uint8_t, void* self) {
  if (view(name, name_size) != ":status") return 0;
  if (view(value, value_size) != "200") die("a watch was refused");
  ++static_cast<Http2Connection*>(self)->streaming_;
  return 0;
}

int Http2Connection::on_close(nghttp2_session*, int32_t, uint32_t, void*) { die("the server ended a watch"); }

}  // namespace serin::bench
