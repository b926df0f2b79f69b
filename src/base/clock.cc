#include "base/clock.h"

#include <algorithm>

namespace serin {

void Clock::sleep(Duration span) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  wait_until(lock, never, now() + span, [] { return false; });
}

TimePoint SystemClock::now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

bool SystemClock::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                             TimePoint deadline, const std::function<bool()>& ready) {
  constexpr Duration kLongest = std::chrono::hours(24 * 365);  // wait_for overflows near the maximum
  Duration left = std::min(deadline - now(), kLongest);
  return wake.wait_for(lock, std::max(left, Duration::zero()), ready);
}

VirtualClock::VirtualClock(TimePoint start) : now_(start) {}

TimePoint VirtualClock::now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

bool VirtualClock::wait_until(std::unique_lock<std::mutex>&, std::condition_variable&,
                              TimePoint deadline, const std::function<bool()>& ready) {
  if (ready()) return true;
  advance_to(deadline);
  return ready();
}

void VirtualClock::advance(Duration span) {
  std::lock_guard lock(mutex_);
  now_ += span;
}

void VirtualClock::advance_to(TimePoint time) {
  std::lock_guard lock(mutex_);
  now_ = std::max(now_, time);
}

}  // namespace serin
