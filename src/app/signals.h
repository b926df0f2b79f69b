#pragma once

/// Waits for SIGINT or SIGTERM. Made before any thread is, so that no thread takes the signal instead.

#include <csignal>

#include "base/clock.h"

namespace serin::app {

class TerminationSignal {
 public:
  TerminationSignal() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }

  void wait() {
    int number = 0;
    sigwait(&set_, &number);
    let_through();
  }

  /// True once a signal has come; waits for it at most `span`.
  bool wait_for(Duration span) {
    timespec time{span / std::chrono::seconds(1), (span % std::chrono::seconds(1)).count()};
    if (sigtimedwait(&set_, nullptr, &time) <= 0) return false;
    let_through();
    return true;
  }

 private:
  /// A second signal ends the process at once: somebody has no patience for a clean stop.
  void let_through() { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

  sigset_t set_;
};

}  // namespace serin::app
