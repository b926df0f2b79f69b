#pragma once

/// Moves a program's wildcard binds to its pod's address, without the program's help and without root: a seccomp
/// filter hands every `bind` to the supervisor (user notification), which takes the socket with pidfd_getfd,
/// binds it itself and answers for the call. All other calls, other addresses and port 0 go on untouched. The
/// filter refuses nothing: this is no security boundary.
///
/// `[::]` becomes the v4-mapped pod address. A socket with IPV6_V6ONLY that finds the port taken at the pod's
/// address has a twin on 0.0.0.0 (programs that open one listener per family): it gets a free port of its own
/// instead, where it does no harm.

#include <netinet/in.h>

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "node/shim/fd.h"

namespace serin::node {

/// In the child, before exec: installs the filter on this process and all it will start. Returns the listener,
/// which the child must hand over before its first bind. Sets no_new_privs.
Result<Fd> install_bind_filter();

/// In the supervisor. One thread.
class BindMover {
 public:
  /// `on_taken` is told of each bind that failed because the address is in use.
  BindMover(Fd listener, in_addr pod_address, std::function<void(std::string)> on_taken);

  /// Readable when a bind waits; hung up when no process of the container is left.
  int fd() const { return listener_.get(); }
  /// Answers one waiting call. Returns false once the listener is of no use any more.
  bool answer_one();

 private:
  /// The call's result: 0, -errno, or nullopt to let it go on.
  std::optional<int> move(uint64_t id, int tid, int socket, uint64_t address, uint64_t length);
  bool still_waits(uint64_t id) const;

  Fd listener_;
  in_addr pod_address_;
  std::function<void(std::string)> on_taken_;
};

}  // namespace serin::node
