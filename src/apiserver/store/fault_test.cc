// What the durable store promises when the disk fails, at every operation of a workload: nothing that was acknowledged
// is lost, nothing that was not is there in part, no revision is given twice.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "apiserver/store/store.h"
#include "apiserver/testing/fault_disk.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using Fault = FaultDisk::Fault;
const Collection kThings{"work-1", "things"};
constexpr int kLogPages = 24;  // so that the log is folded into the file several times
constexpr int kWrites = 40;

/// Objects by name: revision and text.
using State = std::map<std::string, std::pair<Revision, std::string>>;

State state_of(const Store& store) {
  State state;
  auto all = store.list(kThings, {});
  EXPECT_TRUE(all);
  for (const EntryPtr& entry : all->entries) state[entry->name.name] = {entry->revision, entry->bytes};
  return state;
}

/// The `i`th transaction: a pair that belongs together, a counter, and now and then a deletion.
Transaction transaction(int i, const State& before) {
  Transaction txn;
  auto put = [&](const std::string& name, std::string bytes) {
    auto old = before.find(name);
    txn.operations.push_back({kThings, {"a", name}, std::move(bytes), nullptr, old == before.end() ? 0 : old->second.first});
  };
  std::string text = concat("{\"i\":", i, ",\"pad\":\"", std::string(size_t(200 + i % 7 * 900), 'p'), "\"}");
  put(concat("left-", i % 11), text);
  put(concat("right-", i % 11), text);
  put("counter", concat("{\"count\":", i, "}"));
  if (i % 5 == 4)
    if (auto old = before.find(concat("left-", i % 3)); old != before.end() && i % 11 != i % 3)
      txn.operations.push_back({kThings, {"a", old->first}, std::nullopt, nullptr, old->second.first});
  return txn;
}

class FaultTest : public testing::Test {
 protected:
  FaultTest() {
    char text[] = "/tmp/serin-fault-XXXXXX";
    directory_ = mkdtemp(text);
    // Each fault is logged, as it should be; a thousand of them are no news.
    int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    stderr_ = dup(STDERR_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
  }
  ~FaultTest() override {
    dup2(stderr_, STDERR_FILENO);
    close(stderr_);
    std::filesystem::remove_all(directory_);
  }

  Result<std::unique_ptr<Store>> open() { return open_sqlite_store(directory_, clock_, {}, kLogPages); }

  struct Run {
    State acknowledged, attempted;  ///< `attempted`: with the transaction that failed, as if it had not
    Revision revision = 0;          ///< the highest that anybody has seen
    int writes = 0;
  };

  /// Writes until everything is written or the store refuses, and looks at what a store that refuses does.
  void write(Store& store, Run& run) {
    for (; run.writes < kWrites; ++run.writes) {
      Transaction txn = transaction(run.writes, run.acknowledged);
      run.attempted = run.acknowledged;
      Revision next = run.revision;
      for (const Operation& op : txn.operations) {
        ++next;
        if (op.bytes) run.attempted[op.name.name] = {next, *op.bytes};
        else run.attempted.erase(op.name.name);
      }
      auto done = store.commit_and_wait(std::move(txn));
      if (!done) return check_refusal(store, run, done.error());
      run.acknowledged = run.attempted;
      run.revision = done->back()->revision;
      ASSERT_EQ(run.revision, next);
    }
  }

  void check_refusal(Store& store, const Run& run, const Error& error) {
    EXPECT_EQ(error.code, Code::kUnavailable) << error.message;
    EXPECT_NE(error.message.find("read-only"), std::string::npos) << error.message;
    EXPECT_TRUE(failed_with(store.health(), Code::kUnavailable));
    EXPECT_EQ(state_of(store), run.acknowledged) << "reads go on, and show nothing that is not durable";
    EXPECT_EQ(store.revision(), run.revision);
    EXPECT_TRUE(store.watch(kThings, run.revision, [] {}));
    Transaction another;
    another.operations.push_back({kThings, {"a", "another"}, "{}", nullptr, 0});
    EXPECT_TRUE(failed_with(store.commit_and_wait(another), Code::kUnavailable));
  }

  /// One workload with one fault, then a start after it.
  void strike(Fault fault, uint64_t number, uint32_t seed) {
    SCOPED_TRACE(concat("fault ", int(fault), " at operation ", number));
    FaultDisk disk;
    Run run;
    disk.arm(fault, number, seed);
    {
      auto store = open();
      if (store) write(**store, run);
      else EXPECT_NE(store.error().code, Code::kInvalid) << "not damaged: " << store.error().message;
    }  // closing may fail too
    EXPECT_TRUE(disk.struck());
    disk.restart(seed % 2);
    if (seed % 3 == 0) {  // a second power cut, while the store finds its way back
      disk.arm(Fault::kPowerCut, seed % 17, seed);
      { auto store = open(); }
      disk.restart(false);
    }
    auto store = open();
    ASSERT_TRUE(store) << store.error().message;
    State found = state_of(**store);
    EXPECT_TRUE(found == run.acknowledged || found == run.attempted) << "found " << found.size() << " objects after " << run.writes << " writes";
    EXPECT_GE((*store)->revision(), run.revision);
    run.revision = (*store)->revision();
    run.acknowledged = found;
    write(**store, run);
    EXPECT_EQ(run.writes, kWrites);
  }

  /// How many operations there are that can have this fault, from the first start to the end.
  uint64_t operations(Fault fault) {
    FaultDisk disk;
    {
      auto store = open();
      EXPECT_TRUE(store);
      Run run;
      write(**store, run);
      EXPECT_EQ(run.writes, kWrites);
    }
    return disk.operations(fault);
  }

  void sweep(Fault fault, uint64_t points) {
    uint64_t all = operations(fault);
    uint64_t step = std::max<uint64_t>(1, all / points);
    ASSERT_GT(all, 0u);
    uint32_t seed = 1;
    for (uint64_t at = 0; at < all && !HasFailure(); at += step) strike(fault, at, seed++);
    RecordProperty("points", int(seed - 1));
  }

  SystemClock clock_;
  std::string directory_;
  int stderr_;
};

TEST_F(FaultTest, PowerCut) { sweep(Fault::kPowerCut, 500); }
TEST_F(FaultTest, TornWrite) { sweep(Fault::kTornWrite, 250); }
TEST_F(FaultTest, NoSpace) { sweep(Fault::kNoSpace, 100); }
TEST_F(FaultTest, WriteError) { sweep(Fault::kWriteError, 100); }
TEST_F(FaultTest, ShortWrite) { sweep(Fault::kShortWrite, 100); }
TEST_F(FaultTest, SyncError) { sweep(Fault::kSyncError, 200); }
TEST_F(FaultTest, ReadError) { sweep(Fault::kReadError, 50); }

}  // namespace
}  // namespace serin::apiserver
