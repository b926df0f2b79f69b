#pragma once

/// What one connection still has to send, in order. Small pieces are gathered into full TLS
/// records; large ones are sent from where they are. No I/O of its own, one thread. Private to
/// `net`.

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace serin::net {

class OutputQueue {
 public:
  /// `payload` bytes are counted by `sent`.
  void add(std::string bytes, bool payload = false);
  void add(SharedBytes bytes, bool payload = false);
  /// `size` bytes of `bytes` from `offset` on.
  void add_part(SharedBytes bytes, size_t offset, size_t size);
  /// As `add`, for bytes that others follow at once: joins them into one piece.
  void append(std::string_view bytes);

  bool empty() const { return size_ == 0; }
  /// What to send next; not empty unless `empty()`. Valid until the next call of anything here.
  std::string_view front();
  /// `size` bytes of `front` have been sent; returns how many of them finish payload.
  size_t sent(size_t size);
  void clear();
  /// Bytes not sent yet.
  size_t size() const { return size_; }

 private:
  static constexpr size_t kRecord = 16 << 10;  ///< the most that one TLS record holds
  static constexpr size_t kKeep = 256;         ///< an idle connection holds no larger buffer
  static constexpr size_t kKeepPieces = 4;
  struct Piece {
    std::string own;
    SharedBytes shared;
    size_t done = 0;
    size_t end = 0;
    bool payload = false;
    std::string_view left() const { return std::string_view(shared ? *shared : own).substr(done, end - done); }
  };
  bool none_left() const { return first_ == pieces_.size(); }
  void pop();
  void gather();

  // Not a deque, which holds half a kilobyte when it is empty.
  std::vector<Piece> pieces_;  // from first_ on
  size_t first_ = 0;
  size_t size_ = 0;
  std::string staged_;
  size_t staged_done_ = 0;
  size_t staged_payload_ = 0;
};

}  // namespace serin::net
