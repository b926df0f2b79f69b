#pragma once

/// An incremental HTTP/1.x response parser: bytes in, head and body out. No I/O, one thread.
/// Interim responses (1xx) are skipped. Private to `net`.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/http1/message_state.h"

namespace serin::net {

class ResponseParser {
 public:
  using State = MessageState;

  /// `bodiless`: the answer to HEAD.
  ResponseParser(bool bodiless, size_t max_body_bytes);
  ~ResponseParser();

  /// Returns how many bytes were used; the others must be fed again with what follows them.
  size_t feed(std::string_view bytes);
  /// The peer has closed: kDone where that is how this body ends, else kFailed.
  void end_of_stream();

  State state() const;
  /// Why it failed.
  const std::string& error() const;
  bool too_large() const;
  /// Head, from kBody on.
  Response& head();
  /// Body bytes decoded since the last call.
  std::string take_body();
  bool keep_alive() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace serin::net
