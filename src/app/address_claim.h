#pragma once

/// Two systems on one machine would give the same loopback addresses to different pods. Whoever runs a cluster claims
/// its range for as long as the process lives; claims are per network namespace, as the addresses are.

#include "base/error.h"

namespace serin::app {

class AddressClaim {
 public:
  /// Claims 127.(10+number).0.0/16. kConflict while another process holds it.
  static Result<AddressClaim> take(int number);
  AddressClaim(AddressClaim&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  AddressClaim(const AddressClaim&) = delete;
  ~AddressClaim();

 private:
  explicit AddressClaim(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace serin::app
