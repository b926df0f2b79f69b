#pragma once

/// One thread with one Asio context, on which a share of a server's connections lives. What belongs
/// to a loop is touched on its thread only, so connections need no locks. Private to `net`
/// (includes Asio).

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

namespace serin::net {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Something on a loop with a deadline, which the loop looks at now and then: a timer per request
/// would cost more than most requests.
class Timed {
 public:
  virtual ~Timed() = default;
  virtual SteadyTime deadline() const = 0;
  virtual void on_deadline() = 0;
  /// The loop ends.
  virtual void on_stop() = 0;
};

class EventLoop {
 public:
  /// Deadlines are seen up to `tick` late.
  explicit EventLoop(std::chrono::milliseconds tick)
      : tick_(tick), io_(1), timer_(io_), work_(io_.get_executor()) {}

  boost::asio::io_context& io() { return io_; }
  /// Runs on the calling thread until `stop`, then what had been posted.
  void run() { io_.run(); }

  /// Runs `task` on the loop's thread. Any thread; false once the loop has stopped.
  template <class Task>
  bool post(Task&& task) {
    std::lock_guard lock(mutex_);
    if (stopped_) return false;
    boost::asio::post(io_, std::forward<Task>(task));
    return true;
  }

  /// Stops everything that is registered and lets `run` return. Any thread, once.
  void stop() {
    post([this] {
      stopping_ = true;
      for (const auto& timed : std::exchange(timed_, {})) timed->on_stop();
      timer_.cancel();
      std::lock_guard lock(mutex_);
      stopped_ = true;
      work_.reset();
    });
  }

  // The following on the loop's thread only.
  bool stopping() const { return stopping_; }
  void add(std::shared_ptr<Timed> timed) {
    timed_.insert(std::move(timed));
    if (!ticking_) schedule();
  }
  void remove(const std::shared_ptr<Timed>& timed) { timed_.erase(timed); }

  /// Scratch space for reading, valid until the caller returns to the loop.
  std::vector<char>& read_buffer() { return read_buffer_; }

 private:
  void schedule() {
    ticking_ = true;
    timer_.expires_after(tick_);
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
      ticking_ = false;
      if (cancelled || stopping_) return;
      look_at_deadlines();
      if (!timed_.empty()) schedule();
    });
  }

  void look_at_deadlines() {
    SteadyTime now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Timed>> late;
    for (const auto& timed : timed_)
      if (timed->deadline() <= now) late.push_back(timed);
    for (const auto& timed : late) timed->on_deadline();
  }

  const std::chrono::milliseconds tick_;
  boost::asio::io_context io_;
  boost::asio::steady_timer timer_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unordered_set<std::shared_ptr<Timed>> timed_;
  std::vector<char> read_buffer_ = std::vector<char>(64 << 10);
  bool ticking_ = false;
  bool stopping_ = false;

  std::mutex mutex_;
  bool stopped_ = false;  // guarded by mutex_
};

}  // namespace serin::net
