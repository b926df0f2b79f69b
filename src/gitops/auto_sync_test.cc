#include "gitops/auto_sync.h"

#include <gmock/gmock.h>

#include "gitops/testing/hub_fixture.h"

namespace serin::gitops {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class AutoSyncTest : public testing::HubTest {
 protected:
  void automated(std::string_view more = "") {
    application(concat("  syncPolicy: {syncOptions: [PrunePropagationPolicy=background], automated: {", more, "}}\n"));
  }
  void write(const std::string& name, std::string_view value) {
    git_.write("app/" + name + ".yaml", concat("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ", name, "}\ndata: {k: '", value, "'}\n"));
  }
  std::string data(const std::string& name) {
    Result<kube::Object> map = work().get(kube::kConfigMaps, {"demo", name});
    return map ? std::string(json::get_string(map->doc(), "data", "k")) : "none";
  }
  void drift(const std::string& name, const char* value) {
    merge(work(), kube::kConfigMaps, {"demo", name}, concat("data: {k: ", value, "}"));
  }
};

TEST_F(AutoSyncTest, FollowsGit) {
  write("a", "1");
  git_.commit();
  automated();
  reconcile();
  EXPECT_EQ(data("a"), "1");
  EXPECT_EQ(status("sync", "status"), "Synced");
  EXPECT_EQ(status("operationState", "operation", "initiatedBy"), R"({"automated":true})");
  write("a", "2");
  git_.commit();
  reconcile();
  EXPECT_EQ(data("a"), "2");
  EXPECT_EQ(json::items(app().doc(), "status", "history").size(), 2u);
}

TEST_F(AutoSyncTest, OffMeansOff) {
  write("a", "1");
  git_.commit();
  automated("enabled: false, prune: true");
  reconcile();
  EXPECT_EQ(data("a"), "none");
}

TEST_F(AutoSyncTest, LeavesDriftAloneWithoutSelfHeal) {
  write("a", "1");
  git_.commit();
  automated();
  reconcile();
  drift("a", "x");
  clock_.advance(1h);
  reconcile();
  EXPECT_EQ(data("a"), "x");
  EXPECT_EQ(status("sync", "status"), "OutOfSync");
}

TEST_F(AutoSyncTest, HealsWithGrowingWaits) {
  write("a", "1");
  git_.commit();
  automated("selfHeal: true");
  reconcile();
  drift("a", "x");
  reconcile();
  EXPECT_EQ(data("a"), "1");
  drift("a", "x");
  client::Again again = reconcile();
  EXPECT_EQ(data("a"), "x");
  EXPECT_LE(*again.after, 2s);
  clock_.advance(2s);
  reconcile();
  EXPECT_EQ(data("a"), "1");
  drift("a", "x");
  clock_.advance(5s);
  reconcile();
  EXPECT_EQ(data("a"), "x");
  clock_.advance(1s);
  reconcile();
  EXPECT_EQ(data("a"), "1");
  EXPECT_EQ(json::items(app().doc(), "status", "history").size(), 1u);
}

TEST_F(AutoSyncTest, PrunesWhereAllowedButNeverEverything) {
  write("a", "1");
  write("b", "1");
  git_.commit();
  automated("prune: true");
  reconcile();
  git_.remove("app/b.yaml");
  git_.commit();
  for (int i = 0; i < 3; ++i) reconcile();
  EXPECT_EQ(data("b"), "none");
  git_.remove("app/a.yaml");
  git_.write("app/keep.txt", "");
  git_.commit();
  reconcile();
  EXPECT_EQ(data("a"), "1");
  EXPECT_THAT(condition(), StartsWith("SyncError: auto-sync would remove all resources"));
}

TEST_F(AutoSyncTest, ExtrasAloneDoNotStartASyncThatMayNotPrune) {
  write("a", "1");
  write("b", "1");
  git_.commit();
  automated();
  reconcile();
  git_.remove("app/b.yaml");
  git_.commit();
  reconcile();
  EXPECT_EQ(data("b"), "1");
  EXPECT_EQ(json::items(app().doc(), "status", "history").size(), 1u);
}

TEST_F(AutoSyncTest, RetriesWithBackoffThenWaitsForANewRevision) {
  git_.write("app/bad.yaml", "apiVersion: example.com/v1\nkind: Unknown\nmetadata: {name: c}\n");
  git_.commit();
  application("  syncPolicy: {automated: {}, retry: {limit: 2, backoff: {duration: 10s, factor: 2, maxDuration: 1m}}}\n");
  reconcile();
  EXPECT_EQ(status("operationState", "phase"), "Running");
  EXPECT_THAT(status("operationState", "message"), HasSubstr("Retrying attempt #1 in 10s"));
  clock_.advance(9s);
  reconcile();
  EXPECT_EQ(status("operationState", "retryCount"), "");
  clock_.advance(1s);
  reconcile();
  EXPECT_THAT(status("operationState", "message"), HasSubstr("Retrying attempt #2 in 20s"));
  clock_.advance(20s);
  reconcile();
  EXPECT_EQ(status("operationState", "phase"), "Failed");
  EXPECT_THAT(condition(), HasSubstr("is not tried again by itself"));
  auto revision = server_->revision();
  clock_.advance(1h);
  reconcile();
  EXPECT_EQ(server_->revision(), revision);
  git_.remove("app/bad.yaml");
  write("a", "1");
  git_.commit();
  reconcile();
  EXPECT_EQ(data("a"), "1");
  EXPECT_EQ(condition(), "");
}

}  // namespace
}  // namespace serin::gitops
