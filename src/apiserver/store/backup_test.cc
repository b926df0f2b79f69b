#include "apiserver/store/backup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/strings.h"

namespace serin::apiserver {
namespace {

namespace fs = std::filesystem;
const Collection kThings{"work-1", "things"}, kOthers{"mesh", "others.example.com"};

class BackupTest : public testing::Test {
 protected:
  BackupTest() {
    char text[] = "/tmp/serin-backup-XXXXXX";
    directory_ = mkdtemp(text);
    file_ = directory_ + "/backup";
  }
  ~BackupTest() override { fs::remove_all(directory_); }

  std::unique_ptr<Store> open(const std::string& name) {
    auto store = open_sqlite_store(directory_ + "/" + name, clock_);
    EXPECT_TRUE(store) << store.error().message;
    return *std::move(store);
  }
  static Revision put(Store& store, const Collection& collection, const std::string& name, const std::string& bytes, Revision expected = 0) {
    Transaction txn;
    txn.operations.push_back({collection, {"a", name}, bytes, nullptr, expected});
    auto done = store.commit_and_wait(std::move(txn));
    EXPECT_TRUE(done);
    return done->front()->revision;
  }
  void take(const Store& store) {
    auto snapshot = take_snapshot(store);
    ASSERT_TRUE(snapshot);
    auto written = write_backup(*snapshot, file_);
    ASSERT_TRUE(written) << written.error().message;
  }
  std::string restored_into(const std::string& name) { return directory_ + "/" + name; }

  SystemClock clock_;
  std::string directory_, file_;
};

TEST_F(BackupTest, RestoresEverythingOfOneState) {
  {
    auto store = open("old");
    put(*store, kThings, "x", R"({"metadata":{"labels":{"k":"v"}}})");
    put(*store, kOthers, "y", R"({"metadata":{},"v":1})");
    auto snapshot = take_snapshot(*store);
    ASSERT_TRUE(snapshot);
    put(*store, kOthers, "y", R"({"metadata":{},"v":2})", 2);  // after the state that is being written
    ASSERT_TRUE(write_backup(*snapshot, file_));
  }
  struct stat found{};
  ASSERT_EQ(stat(file_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  auto restored = restore_backup(file_, restored_into("new"));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->objects, 2u);
  EXPECT_EQ(restored->taken_at, 2u);
  EXPECT_EQ(restored->replaced, "");
  auto store = open("new");
  EXPECT_EQ(json::get_string(store->get(kThings, {"a", "x"})->labels, "k"), "v");
  EXPECT_EQ(store->get(kOthers, {"a", "y"})->bytes, R"({"metadata":{},"v":1})");
  EXPECT_EQ(store->get(kOthers, {"a", "y"})->revision, 2u);
}

TEST_F(BackupTest, RevisionsJumpSoThatWhoKnowsMoreIsTold) {
  Revision newest;
  {
    auto store = open("old");
    put(*store, kThings, "x", "{}");
    take(*store);
    newest = put(*store, kThings, "after-the-backup", "{}");
  }
  auto restored = restore_backup(file_, restored_into("old"));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->continues_at, newest + kRestoreJump);
  auto store = open("old");
  EXPECT_EQ(store->get(kThings, {"a", "after-the-backup"}), nullptr);
  EXPECT_TRUE(failed_with(store->watch(kThings, newest, [] {}), Code::kExpired));
  EXPECT_TRUE(failed_with(store->list(kThings, {.at = newest}), Code::kExpired));
  EXPECT_GT(put(*store, kThings, "next", "{}"), restored->continues_at);
}

TEST_F(BackupTest, KeepsTheDatabaseThatWasThere) {
  { put(*open("old"), kThings, "x", "{}"); }
  { take(*open("old")); }
  { put(*open("old"), kThings, "lost", "{}"); }
  auto restored = restore_backup(file_, restored_into("old"));
  ASSERT_TRUE(restored) << restored.error().message;
  ASSERT_TRUE(fs::exists(restored->replaced));
  fs::create_directories(restored_into("again"));
  fs::rename(restored->replaced, restored_into("again") + "/serin.db");
  EXPECT_TRUE(open("again")->get(kThings, {"a", "lost"}));
}

TEST_F(BackupTest, RestoresOverADamagedDatabaseAndItsLog) {
  { put(*open("old"), kThings, "x", "{}"); }
  { take(*open("old")); }
  std::ofstream(restored_into("old") + "/serin.db", std::ios::trunc) << "no database at all, but long enough to look like one, "
                                                                        "as far as its length goes";
  std::ofstream(restored_into("old") + "/serin.db-wal") << "whatever";
  auto restored = restore_backup(file_, restored_into("old"));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_FALSE(fs::exists(restored_into("old") + "/serin.db-wal"));
  EXPECT_TRUE(open("old")->get(kThings, {"a", "x"}));
}

TEST_F(BackupTest, RefusesADirectoryInUseAndLeavesItAlone) {
  auto store = open("old");
  put(*store, kThings, "x", "{}");
  take(*store);
  EXPECT_TRUE(failed_with(restore_backup(file_, restored_into("old")), Code::kConflict));
  put(*store, kThings, "y", "{}");
  EXPECT_TRUE(store->get(kThings, {"a", "x"}));
}

TEST_F(BackupTest, RefusesWhatIsNoSoundBackupBeforeTouchingAnything) {
  { put(*open("old"), kThings, "x", "{}"); }
  { take(*open("old")); }
  EXPECT_TRUE(failed_with(restore_backup(directory_ + "/nowhere", restored_into("old")), Code::kNotFound));
  fs::resize_file(file_, fs::file_size(file_) / 2);
  EXPECT_TRUE(failed_with(restore_backup(file_, restored_into("old")), Code::kInvalid));
  std::ofstream(file_, std::ios::trunc) << "";
  EXPECT_TRUE(failed_with(restore_backup(file_, restored_into("old")), Code::kInvalid));
  std::ofstream(file_, std::ios::trunc) << std::string(2000, 'x');
  EXPECT_TRUE(failed_with(restore_backup(file_, restored_into("old")), Code::kInvalid));
  EXPECT_TRUE(open("old")->get(kThings, {"a", "x"}));
  EXPECT_FALSE(fs::exists(restored_into("old") + "/serin.db.restored.partial"));
}

TEST_F(BackupTest, LeavesNothingBehindThatIsNotWhole) {
  {
    auto writer = BackupWriter::create(file_);
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->add(kThings, {"a", "x"}, 1, "{}"));
  }
  EXPECT_TRUE(fs::is_empty(directory_));
  EXPECT_TRUE(failed_with(BackupWriter::create("/proc/serin"), Code::kForbidden));
}

}  // namespace
}  // namespace serin::apiserver
