#include "client/work_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace serin::client {
namespace {

using namespace std::chrono_literals;

Key key(const std::string& name) { return {"", {"demo", name}}; }

TEST(Backoff, DoublesUpToItsLimit) {
  Backoff backoff{5ms, 60s, 2};
  EXPECT_EQ(backoff.after(1), 5ms);
  EXPECT_EQ(backoff.after(2), 10ms);
  EXPECT_EQ(backoff.after(4), 40ms);
  EXPECT_EQ(backoff.after(14), 40960ms);
  EXPECT_EQ(backoff.after(15), 60s);
  EXPECT_EQ(backoff.after(5000), 60s);
}

TEST(WorkQueue, AddingAKeyTwiceRunsItOnce) {
  VirtualClock clock;
  WorkQueue queue(clock);
  queue.add(key("a"));
  queue.add(key("a"));
  queue.add(key("b"));
  EXPECT_EQ(queue.try_take(0), key("a"));
  EXPECT_EQ(queue.try_take(0), key("b"));
  EXPECT_EQ(queue.try_take(0), std::nullopt);
}

TEST(WorkQueue, AKeyIsNeverOutTwice) {
  VirtualClock clock;
  WorkQueue queue(clock);
  queue.add(key("a"));
  ASSERT_EQ(queue.try_take(0), key("a"));
  queue.add(key("a"));
  EXPECT_FALSE(queue.ready());
  EXPECT_EQ(queue.try_take(0), std::nullopt);
  queue.done(key("a"));
  EXPECT_EQ(queue.try_take(0), key("a"));
  queue.done(key("a"));
  EXPECT_EQ(queue.try_take(0), std::nullopt);
}

TEST(WorkQueue, TheEarliestTimerOfAKeyCounts) {
  VirtualClock clock;
  WorkQueue queue(clock);
  queue.add_after(key("a"), 10s);
  queue.add_after(key("a"), 5s);
  queue.add_after(key("a"), 20s);
  EXPECT_EQ(queue.next_due(), clock.now() + 5s);
  clock.advance(4999ms);
  EXPECT_EQ(queue.try_take(0), std::nullopt);
  clock.advance(1ms);
  EXPECT_EQ(queue.try_take(0), key("a"));
  queue.done(key("a"));
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(WorkQueue, TakingAKeyEndsItsTimer) {
  VirtualClock clock;
  WorkQueue queue(clock);
  queue.add_after(key("a"), 10s);
  queue.add(key("a"));
  ASSERT_EQ(queue.try_take(0), key("a"));
  queue.done(key("a"));
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(WorkQueue, RetriesWaitLongerUntilForgotten) {
  VirtualClock clock;
  WorkQueue queue(clock, {5ms, 60s, 2});
  for (Duration wait : {5ms, 10ms, 20ms}) {
    queue.retry(key("a"));
    EXPECT_EQ(queue.next_due(), clock.now() + wait);
    clock.advance(wait);
    ASSERT_TRUE(queue.try_take(0));
    queue.done(key("a"));
  }
  queue.forget(key("a"));
  queue.retry(key("a"));
  EXPECT_EQ(queue.next_due(), clock.now() + 5ms);
  clock.advance(5ms);
  ASSERT_TRUE(queue.try_take(0));
  queue.done(key("a"));
  queue.retry(key("a"), 3s);
  EXPECT_EQ(queue.next_due(), clock.now() + 3s);
}

TEST(WorkQueue, ABusyWorkerDelaysNoOtherKeysTimer) {
  SystemClock clock;
  WorkQueue queue(clock);
  std::mutex mutex;
  std::condition_variable changed;
  std::set<Key> taken;
  bool together = false;
  auto work = [&] {
    while (std::optional<Key> key = queue.take()) {
      std::unique_lock lock(mutex);
      taken.insert(*key);
      changed.notify_all();
      together |= changed.wait_for(lock, 20s, [&] { return taken.size() == 2; });
      lock.unlock();
      queue.done(*key);
    }
  };
  std::thread one(work), two(work);
  queue.add_after(key("a"), 20ms);
  queue.add_after(key("b"), 40ms);
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 10s, [&] { return taken.size() == 2; }));
  }
  queue.shut_down();
  one.join();
  two.join();
  EXPECT_TRUE(together);
}

TEST(WorkQueue, ManyWorkersTakeEachKeyAloneAndShutDownEndsThem) {
  SystemClock clock;
  WorkQueue queue(clock);
  std::mutex mutex;
  std::condition_variable finished;
  std::map<Key, int> running, runs;
  bool overlap = false;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      while (std::optional<Key> taken = queue.take()) {
        {
          std::lock_guard lock(mutex);
          overlap |= ++running[*taken] > 1;
        }
        std::this_thread::yield();
        {
          std::lock_guard lock(mutex);
          --running[*taken];
          ++runs[*taken];
          finished.notify_all();
        }
        queue.done(*taken);
      }
    });
  }
  for (int i = 0; i < 2000; ++i) queue.add(key(std::to_string(i % 7)));
  queue.add_after(key("last"), 1ms);
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(finished.wait_for(lock, 30s, [&] { return runs.size() == 8; }));
  }
  queue.shut_down();
  for (std::thread& worker : workers) worker.join();
  EXPECT_FALSE(overlap);
}

}  // namespace
}  // namespace serin::client
