#pragma once

namespace serin::net {

/// How far the reading of an HTTP/1 message is.
enum class MessageState {
  kHead,  ///< the head is not complete
  kBody,  ///< the head is complete, the body is not
  kDone,
  kFailed,
};

}  // namespace serin::net
