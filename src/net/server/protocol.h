#pragma once

/// The seam between a connection, which moves bytes, and the protocol spoken on it, which gives them a meaning.
/// Everything here runs on the connection's loop. Private to `net`.

#include <memory>
#include <string_view>

#include "net/server/event_loop.h"
#include "net/server/output_queue.h"

namespace serin::net {

/// The connection as its protocol sees it.
class Wire {
 public:
  virtual ~Wire() = default;
  /// What is to be sent. Small, or held elsewhere: the protocol adds more when it has become empty.
  virtual OutputQueue& output() = 0;
  /// Something has changed outside of a call of the wire's own: there is output, or `wish` differs.
  virtual void wake() = 0;
  /// Keeps the connection and its protocol alive.
  virtual std::shared_ptr<void> self() = 0;
};

class Protocol {
 public:
  enum class Wish {
    kOpen,
    kLinger,  ///< all is said: after sending it, read on until the peer closes, so that it sees our last words
    kClose,   ///< after sending what there is
    kDrop,    ///< at once
  };
  virtual ~Protocol() = default;

  /// Adds to the output, which is empty, up to a bound of its own.
  virtual void fill() = 0;
  /// Does what needs no further bytes; `flushed`: all output is with the kernel. True: something has changed.
  virtual bool advance(bool flushed) = 0;
  virtual bool wants_input() const = 0;
  virtual void receive(std::string_view bytes) = 0;
  /// The peer will send nothing more.
  virtual void peer_done() = 0;
  /// `bytes` of payload (see OutputQueue) are with the kernel.
  virtual void sent_payload(size_t bytes) = 0;
  virtual Wish wish() const = 0;

  /// Other than the one for a peer that takes no output, which is the connection's.
  virtual SteadyTime deadline() const = 0;
  virtual void on_deadline() = 0;
  /// The server is about to end: takes no further request. `wish` leaves kOpen when requests already taken are answered;
  /// streaming answers are not waited for.
  virtual void drain() = 0;
  /// The connection is gone. The last call.
  virtual void closed() = 0;
};

}  // namespace serin::net
