#pragma once

/// An incremental HTTP/1.x request parser: bytes in, a `Request` out. No I/O, one thread. Private to `net`. In state
/// kFailed `failure()` says how to answer.
///
/// Feed it what has arrived; bytes that it did not use must be fed again with what follows them
/// (a field is taken only when it is complete). After `kDone` the unused bytes belong to the next
/// request.

#include <cstddef>
#include <memory>
#include <string_view>

#include "net/http.h"
#include "net/http1/message_state.h"

namespace serin::net {

class RequestParser {
 public:
  using State = MessageState;
  struct Failure {
    int status = 400;
    std::string_view reason = "BadRequest";
    std::string_view message;
  };

  RequestParser(size_t max_header_bytes, size_t max_body_bytes);
  ~RequestParser();

  /// Returns how many bytes were used. Stops once between head and body, so that the caller can
  /// answer "Expect: 100-continue"; call it again for the body.
  size_t feed(std::string_view bytes);
  /// Ready for the next request.
  void reset();

  State state() const;
  const Failure& failure() const;
  /// Whole from kDone on.
  Request& request();
  /// Bytes of the body that have been kept so far.
  size_t body_size() const;
  bool keep_alive() const;
  bool expects_continue() const;
  bool http_1_0() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serin::net
