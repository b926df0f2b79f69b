// The contract of Store, run against every engine, and the promises of the durable one under kill -9.

#include "apiserver/store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

const Collection kThings{"work-1", "things"};

class TempDir {
 public:
  TempDir() {
    char text[] = "/tmp/serin-store-XXXXXX";
    path_ = mkdtemp(text);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Transaction put(const std::string& name, Revision expected, std::string bytes = "{}",
                const std::string& ns = "a") {
  Transaction txn;
  txn.operations.push_back({kThings, {ns, name}, std::move(bytes), nullptr, expected});
  return txn;
}

Transaction removal(const std::string& name, Revision expected) {
  Transaction txn;
  txn.operations.push_back({kThings, {"a", name}, std::nullopt, nullptr, expected});
  return txn;
}

class StoreContract : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Store> make(HistoryBounds bounds = {}) {
    if (!GetParam()) return memory_store(clock_, bounds);
    auto store = open_sqlite_store(dir_.path(), clock_, bounds);
    EXPECT_TRUE(store) << store.error().message;
    return *std::move(store);
  }
  VirtualClock clock_;
  TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(Engines, StoreContract, testing::Bool(),
                         [](const auto& info) { return info.param ? "sqlite" : "memory"; });

TEST_P(StoreContract, WritesGetOneRevisionEach) {
  auto store = make();
  auto first = store->commit_and_wait(put("x", 0));
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)[0]->revision, 1u);
  auto second = store->commit_and_wait(put("x", 1, "{\"a\":1}"));
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)[0]->revision, 2u);
  EXPECT_EQ(store->get(kThings, {"a", "x"})->bytes, "{\"a\":1}");
  EXPECT_EQ(store->revision(), 2u);
}

TEST_P(StoreContract, StaleExpectationIsAConflictAndChangesNothing) {
  auto store = make();
  ASSERT_TRUE(store->commit_and_wait(put("x", 0)));
  EXPECT_TRUE(failed_with(store->commit_and_wait(put("x", 0)), Code::kConflict));
  EXPECT_TRUE(failed_with(store->commit_and_wait(put("y", 7)), Code::kConflict));
  EXPECT_TRUE(failed_with(store->commit_and_wait(removal("x", 9)), Code::kConflict));
  Transaction both = put("new", 0);
  both.operations.push_back(put("x", 5).operations[0]);
  EXPECT_TRUE(failed_with(store->commit_and_wait(both), Code::kConflict));
  EXPECT_EQ(store->get(kThings, {"a", "new"}), nullptr);
  EXPECT_EQ(store->revision(), 1u);
}

TEST_P(StoreContract, GuardsHold) {
  auto store = make();
  ASSERT_TRUE(store->commit_and_wait(put("guarded", 0)));
  Transaction txn = put("y", 0);
  txn.guards.push_back({kThings, {"a", "guarded"}, 1});
  EXPECT_TRUE(store->commit_and_wait(txn));
  txn = put("z", 0);
  txn.guards.push_back({kThings, {"a", "guarded"}, 2});
  EXPECT_TRUE(failed_with(store->commit_and_wait(txn), Code::kConflict));
}

TEST_P(StoreContract, PagesAreFromOneState) {
  auto store = make();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store->commit_and_wait(put(concat("n", i), 0)));
  ListQuery query{.limit = 4};
  auto page = store->list(kThings, query);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->remaining, 6u);
  ASSERT_TRUE(store->commit_and_wait(removal("n5", 6)));
  ASSERT_TRUE(store->commit_and_wait(put("n45", 0)));
  std::vector<std::string> names;
  Revision at = page->revision;
  for (;;) {
    for (auto& entry : page->entries) names.push_back(entry->name.name);
    if (!page->more) break;
    query = {.at = at, .after = page->entries.back()->name, .limit = 4};
    page = store->list(kThings, query);
    ASSERT_TRUE(page);
  }
  EXPECT_EQ(join(names, ","), "n0,n1,n2,n3,n4,n5,n6,n7,n8,n9");
  EXPECT_TRUE(failed_with(store->list(kThings, {.at = 99}), Code::kTimeout));
}

TEST_P(StoreContract, ListsOneNamespace) {
  auto store = make();
  for (auto ns : {"a", "b", "c"}) ASSERT_TRUE(store->commit_and_wait(put("x", 0, "{}", ns)));
  EXPECT_EQ(store->list(kThings, {.ns = "b"})->entries.size(), 1u);
  EXPECT_EQ(store->list(kThings, {})->entries.size(), 3u);
  EXPECT_EQ(store->list(kThings, {.ns = ""})->entries.size(), 0u);
}

TEST_P(StoreContract, WatchReplaysFromAnOldRevisionThenGoesOn) {
  auto store = make();
  ASSERT_TRUE(store->commit_and_wait(put("x", 0)));
  ASSERT_TRUE(store->commit_and_wait(put("x", 1, "{\"v\":2}")));
  int woken = 0;
  auto watch = store->watch(kThings, 1, [&] { ++woken; });
  ASSERT_TRUE(watch);
  auto batch = (*watch)->poll(10);
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->events.size(), 1u);
  EXPECT_EQ(batch->events[0]->revision, 2u);
  EXPECT_EQ(batch->events[0]->previous->revision, 1u);
  ASSERT_TRUE(store->commit_and_wait(removal("x", 2)));
  EXPECT_EQ(woken, 1);
  batch = (*watch)->poll(10);
  ASSERT_EQ(batch->events.size(), 1u);
  EXPECT_EQ(batch->events[0]->entry, nullptr);
  EXPECT_EQ(batch->seen, 3u);
  EXPECT_TRUE((*watch)->poll(10)->events.empty());
  EXPECT_TRUE(failed_with(store->watch(kThings, 50, [] {}), Code::kTimeout));
}

TEST_P(StoreContract, OldHistoryIsRefusedNotSkipped) {
  auto store = make({.max_events = 3, .min_events = 0});
  ASSERT_TRUE(store->commit_and_wait(put("x", 0)));
  auto slow = store->watch(kThings, 1, [] {});
  for (Revision r = 1; r < 8; ++r) ASSERT_TRUE(store->commit_and_wait(put("x", r)));
  EXPECT_TRUE(failed_with((*slow)->poll(10), Code::kExpired));
  EXPECT_TRUE(failed_with(store->watch(kThings, 1, [] {}), Code::kExpired));
  EXPECT_TRUE(failed_with(store->list(kThings, {.at = 2}), Code::kExpired));
  EXPECT_TRUE(store->list(kThings, {.at = 6}));
  EXPECT_EQ(store->list(kThings, {.at = 6})->entries[0]->revision, 6u);
  EXPECT_TRUE(store->watch(kThings, 5, [] {}));
}

TEST_P(StoreContract, HistoryAgesByTheClock) {
  auto store = make({.max_age = std::chrono::minutes(15), .min_events = 0});
  ASSERT_TRUE(store->commit_and_wait(put("x", 0)));
  clock_.advance(std::chrono::minutes(14));
  ASSERT_TRUE(store->commit_and_wait(put("x", 1)));
  EXPECT_TRUE(store->watch(kThings, 0, [] {}));
  clock_.advance(std::chrono::minutes(2));
  ASSERT_TRUE(store->commit_and_wait(put("x", 2)));
  EXPECT_TRUE(failed_with(store->watch(kThings, 0, [] {}), Code::kExpired));
  EXPECT_TRUE(store->watch(kThings, 1, [] {}));
}

TEST_P(StoreContract, HookRunsBeforeTheWriteIsVisible) {
  auto store = make();
  Transaction txn = put("x", 0);
  std::atomic<bool> ran{false};
  txn.before_visible = [&] { ran = true; };
  ASSERT_TRUE(store->commit_and_wait(txn));
  EXPECT_TRUE(ran);
  ran = false;
  txn.operations[0].expected = 44;
  EXPECT_FALSE(store->commit_and_wait(txn));
  EXPECT_FALSE(ran);
}

// Every watcher sees every event of every writer, once and in order, and whoever has been answered reads its
// own write.
TEST_P(StoreContract, WatchersSeeEverythingOnceUnderConcurrentWriters) {
  auto store = make();
  constexpr int kWriters = 4, kEach = 200, kWatchers = 3;
  struct Watcher {
    std::mutex mutex;
    std::condition_variable wake;
    bool ready = true;
    std::vector<std::shared_ptr<const Event>> seen;
  };
  std::vector<Watcher> watchers(kWatchers);
  std::vector<std::thread> threads;
  for (Watcher& w : watchers) {
    threads.emplace_back([&] {
      auto watch = store->watch(kThings, 0, [&] {
        std::lock_guard lock(w.mutex);
        w.ready = true;
        w.wake.notify_all();
      });
      ASSERT_TRUE(watch);
      while (w.seen.size() < size_t(kWriters * kEach * 3)) {
        {
          std::unique_lock lock(w.mutex);
          w.wake.wait(lock, [&] { return w.ready; });
          w.ready = false;
        }
        for (;;) {
          auto batch = (*watch)->poll(7);
          ASSERT_TRUE(batch);
          if (batch->events.empty()) break;
          w.seen.insert(w.seen.end(), batch->events.begin(), batch->events.end());
        }
      }
    });
  }
  for (int t = 0; t < kWriters; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        std::string name = concat("w", t, "-", i % 10);
        auto made = store->commit_and_wait(put(name, 0));
        ASSERT_TRUE(made);
        ASSERT_EQ(store->get(kThings, {"a", name})->revision, (*made)[0]->revision);
        auto changed = store->commit_and_wait(put(name, (*made)[0]->revision, "{\"i\":1}"));
        ASSERT_TRUE(changed);
        ASSERT_TRUE(store->commit_and_wait(removal(name, (*changed)[0]->revision)));
        ASSERT_EQ(store->get(kThings, {"a", name}), nullptr);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (Watcher& w : watchers) {
    ASSERT_EQ(w.seen.size(), size_t(kWriters * kEach * 3));
    for (size_t i = 0; i < w.seen.size(); ++i) ASSERT_EQ(w.seen[i]->revision, i + 1);
  }
}

TEST(SqliteStore, EverythingSurvivesARestart) {
  TempDir dir;
  SystemClock clock;
  {
    auto store = *open_sqlite_store(dir.path(), clock);
    ASSERT_TRUE(store->commit_and_wait(put("x", 0, R"({"metadata":{"labels":{"k":"v"}}})")));
    ASSERT_TRUE(store->commit_and_wait(put("y", 0)));
    ASSERT_TRUE(store->commit_and_wait(removal("y", 2)));
  }
  auto store = *open_sqlite_store(dir.path(), clock);
  EXPECT_EQ(store->revision(), 3u);
  EntryPtr x = store->get(kThings, {"a", "x"});
  ASSERT_TRUE(x);
  EXPECT_EQ(x->revision, 1u);
  EXPECT_EQ(json::get_string(x->labels, "k"), "v");
  EXPECT_EQ(store->get(kThings, {"a", "y"}), nullptr);
  EXPECT_TRUE(failed_with(store->watch(kThings, 1, [] {}), Code::kExpired));
  EXPECT_TRUE(store->watch(kThings, 3, [] {}));
  EXPECT_EQ((*store->commit_and_wait(put("z", 0)))[0]->revision, 4u);
  EXPECT_EQ(store->clusters(), std::vector<std::string>{"work-1"});
}

TEST(SqliteStore, RefusesWhatIsNotItsOwn) {
  SystemClock clock;
  {
    TempDir dir;
    std::ofstream(dir.path() + "/serin.db") << "this is no database, but it is longer than a header is";
    auto store = open_sqlite_store(dir.path(), clock);
    ASSERT_TRUE(failed_with(store, Code::kInvalid));
    EXPECT_NE(store.error().message.find("move it away"), std::string::npos);
  }
  auto with_sql = [](const std::string& dir, const char* sql) {
    sqlite3* db = nullptr;
    sqlite3_open((dir + "/serin.db").c_str(), &db);
    ASSERT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  };
  {
    TempDir dir;
    with_sql(dir.path(), "CREATE TABLE other(a)");
    EXPECT_TRUE(failed_with(open_sqlite_store(dir.path(), clock), Code::kInvalid));
  }
  TempDir dir;
  { auto store = *open_sqlite_store(dir.path(), clock); }
  with_sql(dir.path(), "PRAGMA user_version=99");
  auto newer = open_sqlite_store(dir.path(), clock);
  ASSERT_FALSE(newer);
  EXPECT_NE(newer.error().message.find("newer"), std::string::npos);
}

TEST(SqliteStore, RefusesADamagedFile) {
  TempDir dir;
  SystemClock clock;
  {
    auto store = *open_sqlite_store(dir.path(), clock);
    for (int i = 0; i < 300; ++i)
      ASSERT_TRUE(store->commit_and_wait(put(concat("n", i), 0, "\"" + std::string(500, 'x') + "\"")));
  }
  {
    std::fstream file(dir.path() + "/serin.db", std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 1; page < 30; ++page) {
      file.seekp(page * 4096);
      file << std::string(64, '\xff');
    }
  }
  auto store = open_sqlite_store(dir.path(), clock);
  ASSERT_TRUE(failed_with(store, Code::kInvalid));
  EXPECT_NE(store.error().message.find("damaged"), std::string::npos);
}

TEST(SqliteStore, OneProcessAtATime) {
  TempDir dir;
  SystemClock clock;
  auto store = *open_sqlite_store(dir.path(), clock);
  EXPECT_TRUE(failed_with(open_sqlite_store(dir.path(), clock), Code::kConflict));
}

TEST(SqliteStore, SaysThatItCannotWrite) {
  SystemClock clock;
  EXPECT_TRUE(failed_with(open_sqlite_store("/proc/serin", clock), Code::kForbidden));
}

// A child writes pairs and reports each answer through a pipe; it is killed in the middle of it. Whatever was
// answered must be there after reopening, and a pair is there whole or not at all.
TEST(SqliteStore, AcknowledgedWritesSurviveKill) {
  for (int round = 0; round < 3; ++round) {
    TempDir dir;
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(pipes[0]);
      SystemClock clock;
      auto store = open_sqlite_store(dir.path(), clock);
      if (!store) _exit(1);
      for (uint32_t i = 0;; ++i) {
        Transaction pair = put(concat("n", i, "-left"), 0, "{\"pad\":\"" + std::string(300, 'p') + "\"}");
        pair.operations.push_back(put(concat("n", i, "-right"), 0).operations[0]);
        (*store)->commit(pair, [i, fd = pipes[1]](Result<Committed> done) {
          if (done && write(fd, &i, sizeof i) != sizeof i) _exit(2);
        });
      }
    }
    close(pipes[1]);
    std::set<uint32_t> answered;
    uint32_t i;
    while (answered.size() < size_t(400 * (round + 1)) && read(pipes[0], &i, sizeof i) == sizeof i)
      answered.insert(i);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(pipes[0], &i, sizeof i) == sizeof i) answered.insert(i);
    close(pipes[0]);
    SystemClock clock;
    auto store = open_sqlite_store(dir.path(), clock);
    ASSERT_TRUE(store) << store.error().message;
    for (uint32_t number : answered) {
      ASSERT_TRUE((*store)->get(kThings, {"a", concat("n", number, "-left")})) << number;
      ASSERT_TRUE((*store)->get(kThings, {"a", concat("n", number, "-right")})) << number;
    }
    auto all = (*store)->list(kThings, {});
    ASSERT_TRUE(all);
    EXPECT_EQ(all->entries.size() % 2, 0u);
    EXPECT_GE(all->entries.size(), answered.size() * 2);
    for (const EntryPtr& entry : all->entries) EXPECT_LE(entry->revision, (*store)->revision());
  }
}

}  // namespace
}  // namespace serin::apiserver
