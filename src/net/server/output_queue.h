#pragma once

/// What one connection still has to send, in order. Small pieces are gathered into full TLS
/// records; large ones are sent from where they are. No I/O of its own, one thread. Private to
/// `net`.

#include <deque>
#include <string>
#include <string_view>

#include "net/http.h"

namespace serin::net {

class OutputQueue {
 public:
  /// `payload` bytes are counted by `sent`.
  void add(std::string bytes, bool payload = false);
  void add(SharedBytes bytes, bool payload = false);

  bool empty() const { return staged_done_ == staged_.size() && pieces_.empty(); }
  /// What to send next; not empty unless `empty()`. Valid until the next call of anything here.
  std::string_view front();
  /// `size` bytes of `front` have been sent; returns how many of them finish payload.
  size_t sent(size_t size);
  void clear();

 private:
  static constexpr size_t kRecord = 16 << 10;  ///< the most that one TLS record holds
  static constexpr size_t kKeep = 1 << 10;     ///< an idle connection holds no larger buffer
  struct Piece {
    std::string own;
    SharedBytes shared;
    size_t done = 0;
    bool payload = false;
    std::string_view left() const { return std::string_view(shared ? *shared : own).substr(done); }
  };
  void gather();

  std::deque<Piece> pieces_;
  std::string staged_;
  size_t staged_done_ = 0;
  size_t staged_payload_ = 0;
};

}  // namespace serin::net
