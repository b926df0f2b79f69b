#pragma once

/// How much of something a peer may do: so much at once, so much a second in the long run. Private to `net`.

#include <algorithm>
#include <chrono>

namespace serin::net {

class Allowance {
 public:
  using Time = std::chrono::steady_clock::time_point;
  Allowance(double burst, double per_second) : burst_(burst), per_second_(per_second), left_(burst) {}

  /// False once it is used up.
  bool spend(Time now) {
    if (last_ != Time{}) left_ = std::min(burst_, left_ + per_second_ * std::chrono::duration<double>(now - last_).count());
    last_ = now;
    left_ -= 1;
    return left_ >= 0;
  }

 private:
  double burst_, per_second_, left_;
  Time last_{};
};

}  // namespace serin::net
