#pragma once

/// The only source of time. Whatever needs the time or waits for it is given a `Clock`; nothing outside this
/// file reads the wall clock.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace serin {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::sys_time<Duration>;

class Clock {
 public:
  virtual ~Clock() = default;

  virtual TimePoint now() const = 0;

  /// Blocks on `wake` (whose mutex `lock` holds) until `ready()` or until `deadline`; returns `ready()`.
  virtual bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                          TimePoint deadline, const std::function<bool()>& ready) = 0;

  /// Lets `span` pass.
  void sleep(Duration span);
};

/// Time as it is. Waits by the steady clock, so a stepped wall clock cannot stretch or cut them.
class SystemClock final : public Clock {
 public:
  TimePoint now() const override;
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  TimePoint deadline, const std::function<bool()>& ready) override;
};

/// Time that moves only when told to: simulation and tests. Waiting does not block: it moves time to the
/// deadline unless `ready()` holds already. Safe from any thread.
class VirtualClock final : public Clock {
 public:
  /// Starts at 2026-01-01T00:00:00Z unless told otherwise.
  explicit VirtualClock(TimePoint start = TimePoint(std::chrono::seconds(1767225600)));

  TimePoint now() const override;
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  TimePoint deadline, const std::function<bool()>& ready) override;

  void advance(Duration span);
  /// Moves to `time`, never backwards.
  void advance_to(TimePoint time);

 private:
  mutable std::mutex mutex_;
  TimePoint now_;  // guarded by mutex_
};

}  // namespace serin
