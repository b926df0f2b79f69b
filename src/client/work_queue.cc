#include "client/work_queue.h"

#include <algorithm>

namespace serin::client {

void WorkQueue::add_locked(const Key& key) {
  if (shut_down_ || !dirty_.insert(key).second) return;
  ++stats_.added;
  if (out_.count(key)) return;
  queue_.push_back(key);
  wake_.notify_one();
}

void WorkQueue::add(const Key& key) {
  std::lock_guard lock(mutex_);
  add_locked(key);
}

void WorkQueue::add_after(const Key& key, Duration delay) {
  std::lock_guard lock(mutex_);
  if (delay <= Duration::zero()) return add_locked(key);
  if (shut_down_) return;
  TimePoint at = clock_.now() + delay;
  auto known = due_.find(key);
  if (known != due_.end()) {
    if (known->second <= at) return;
    delayed_.erase({known->second, key});
  }
  due_[key] = at;
  delayed_.insert({at, key});
  wake_.notify_one();
}

void WorkQueue::retry(const Key& key, Duration at_least) {
  Duration wait;
  {
    std::lock_guard lock(mutex_);
    ++stats_.retried;
    wait = std::max(backoff_.after(++failures_[key]), at_least);
  }
  add_after(key, wait);
}

void WorkQueue::forget(const Key& key) {
  std::lock_guard lock(mutex_);
  failures_.erase(key);
}

void WorkQueue::promote_locked(TimePoint now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    Key key = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    due_.erase(key);
    add_locked(key);
  }
}

Key WorkQueue::out_locked(std::deque<Key>::iterator at) {
  Key key = *at;
  queue_.erase(at);
  dirty_.erase(key);
  out_.insert(key);
  if (auto timer = due_.find(key); timer != due_.end()) {
    delayed_.erase({timer->second, key});
    due_.erase(timer);
  }
  ++stats_.taken;
  // This worker is busy now: another one must know of what is due next.
  if (!queue_.empty() || !delayed_.empty()) wake_.notify_one();
  return key;
}

std::optional<Key> WorkQueue::take() {
  std::unique_lock lock(mutex_);
  while (!shut_down_) {
    promote_locked(clock_.now());
    if (!queue_.empty()) return out_locked(queue_.begin());
    TimePoint deadline =
        delayed_.empty() ? clock_.now() + std::chrono::hours(1) : delayed_.begin()->first;
    clock_.wait_until(lock, wake_, deadline, [&] {
      return shut_down_ || !queue_.empty() || (!delayed_.empty() && delayed_.begin()->first < deadline);
    });
  }
  return std::nullopt;
}

std::optional<Key> WorkQueue::try_take(uint64_t pick) {
  std::lock_guard lock(mutex_);
  if (shut_down_) return std::nullopt;
  promote_locked(clock_.now());
  if (queue_.empty()) return std::nullopt;
  return out_locked(queue_.begin() + static_cast<ptrdiff_t>(pick % queue_.size()));
}

void WorkQueue::done(const Key& key) {
  std::lock_guard lock(mutex_);
  out_.erase(key);
  if (!dirty_.count(key) || shut_down_) return;
  queue_.push_back(key);
  wake_.notify_one();
}

bool WorkQueue::ready() const {
  std::lock_guard lock(mutex_);
  return !queue_.empty() || (!delayed_.empty() && delayed_.begin()->first <= clock_.now());
}

std::optional<TimePoint> WorkQueue::next_due() const {
  std::lock_guard lock(mutex_);
  if (!queue_.empty()) return clock_.now();
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

void WorkQueue::shut_down() {
  std::lock_guard lock(mutex_);
  shut_down_ = true;
  wake_.notify_all();
}

QueueStats WorkQueue::stats() const {
  std::lock_guard lock(mutex_);
  QueueStats now = stats_;
  now.depth = queue_.size();
  now.delayed = delayed_.size();
  now.out = out_.size();
  return now;
}

}  // namespace serin::client
