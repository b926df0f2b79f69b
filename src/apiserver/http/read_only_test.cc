// A server whose disk has failed, as clients see it; and a disk that is really full.

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <filesystem>

#include "apiserver/testing/fault_disk.h"
#include "apiserver/testing/http_fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

class FailedDisk : public HttpTest {
 protected:
  FailedDisk() {
    char text[] = "/tmp/serin-read-only-XXXXXX";
    directory_ = mkdtemp(text);
  }
  ~FailedDisk() override { std::filesystem::remove_all(directory_); }
  void configure(ServerOptions& options) override { options.state_directory = directory_; }
  static std::string map(const std::string& name) { return concat(R"({"metadata":{"name":")", name, R"("},"data":{"a":"b"}})"); }

  std::string directory_;
  FaultDisk disk_;
};

TEST_F(FailedDisk, WritersAreToldAndReadersServed) {
  EXPECT_EQ(call("POST", kMaps, map("before")).status, 201);
  EXPECT_EQ(call(request("GET", "/readyz")).status, 200);
  disk_.arm(FaultDisk::Fault::kSyncError, 0, 1);

  net::Response refused = call("POST", kMaps, map("during"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(json::get_string(body_of(refused), "reason"), "ServiceUnavailable");
  EXPECT_NE(json::get_string(body_of(refused), "message").find("read-only"), std::string_view::npos) << refused.body;
  EXPECT_EQ(call("DELETE", concat(kMaps, "/before")).status, 503);
  EXPECT_EQ(call("PATCH", concat(kMaps, "/before"), R"({"data":{"a":"d"}})", "application/merge-patch+json").status, 503);

  EXPECT_EQ(call("GET", concat(kMaps, "/before")).status, 200);
  EXPECT_EQ(call("GET", concat(kMaps, "/during")).status, 404);
  net::Response watch = call("GET", concat(kMaps, "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dbefore"));
  EXPECT_EQ(watch.status, 200);
  EXPECT_NE(watch.body.find("ADDED"), std::string::npos);
  net::Response ready = call(request("GET", "/readyz"));
  EXPECT_EQ(ready.status, 500);
  EXPECT_NE(ready.body.find("read-only"), std::string::npos) << ready.body;
  EXPECT_EQ(call(request("GET", "/livez")).status, 200);
  EXPECT_EQ(call(request("GET", "/backup")).status, 200);
}

// In a process of its own, which mounts a file system of 1 MiB where the kernel lets it.
TEST(FullDisk, TurnsReadOnlyAndLosesNothing) {
  enum { kGood, kBad, kSkipped };
  char text[] = "/tmp/serin-full-XXXXXX";
  std::string directory = mkdtemp(text);
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool root = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (!root || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m") != 0)
      _exit(kSkipped);
    SystemClock clock;
    const Collection things{"work-1", "things"};
    size_t written = 0;
    {
      auto store = open_sqlite_store(directory, clock);
      if (!store) _exit(kBad);
      for (;; ++written) {
        Transaction txn;
        txn.operations.push_back({things, {"a", concat("n", written)}, "{\"pad\":\"" + std::string(3000, 'p') + "\"}", nullptr, 0});
        if (auto done = (*store)->commit_and_wait(txn); done) continue;
        else if (done.error().message.find("no space left") == std::string::npos) _exit(kBad);
        break;
      }
      if ((*store)->health() || (*store)->list(things, {})->entries.size() != written) _exit(kBad);
    }
    auto store = open_sqlite_store(directory, clock);
    _exit(store && written > 10 && (*store)->list(things, {})->entries.size() == written ? kGood : kBad);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::filesystem::remove_all(directory);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kSkipped) GTEST_SKIP() << "the kernel lets nobody here mount a file system";
  EXPECT_EQ(WEXITSTATUS(status), int(kGood));
}

}  // namespace
}  // namespace serin::apiserver
