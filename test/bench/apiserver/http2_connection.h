#pragma once

/// One HTTP/2 connection with many streaming answers, as Kubernetes' own clients hold their watches. Any surprise aborts
/// the measurement with a message. One thread.

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>

#include "connection.h"

namespace serin::bench {

class Http2Connection final : public Polled {
 public:
  /// Connected and past the handshake when it returns.
  Http2Connection(const TlsClient& tls, const Endpoint& endpoint);
  ~Http2Connection() override;
  Http2Connection(const Http2Connection&) = delete;

  /// Asks for `path` on a stream of its own, whose answer may go on for ever.
  void get(const std::string& path);
  /// How many answers have begun.
  size_t streaming() const { return streaming_; }
  int fd() const override { return fd_; }
  void readable() override;

 private:
  static int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size, const uint8_t* value,
                       size_t value_size, uint8_t, void* self);
  static int on_close(nghttp2_session*, int32_t, uint32_t, void*);
  void flush();

  const std::string authority_, base_;
  int fd_;
  SSL* ssl_;
  nghttp2_session* session_ = nullptr;
  size_t streaming_ = 0;
};

}  // namespace serin::bench
