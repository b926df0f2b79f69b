// A watch whose reader takes nothing: what waits for it is bounded, and it is told once it has missed something.

#include "apiserver/catalog.h"
#include "apiserver/http/watch_pump.h"
#include "apiserver/testing/fake_responder.h"
#include "apiserver/testing/fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

TEST(SlowWatch, HoldsNoMoreThanItsBacklogAndEndsWith410) {
  constexpr size_t kBacklog = 4096, kObject = 1000, kBatch = 64;
  SystemClock clock;
  Random random{7};
  HistoryBounds bounds;
  bounds.max_events = 100;
  bounds.min_events = 0;
  std::unique_ptr<Store> store = memory_store(clock, bounds);
  Rest rest{*store, {&clock, &random, {}}};
  ClusterPtr cluster = std::make_shared<LogicalCluster>("work-1", Catalog::builtin());
  Target target{cluster, cluster->catalog()->find("", "v1", "configmaps"), {"default", ""}, ""};
  Revision last = 0;
  auto write = [&] {
    Transaction txn;
    txn.operations.push_back({target.collection(), {"default", "m"},
                              concat(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","namespace":"default"},"data":{"a":")",
                                     std::string(kObject, 'x'), "\"}}"), nullptr, last});
    auto written = store->commit_and_wait(std::move(txn));
    ASSERT_TRUE(written) << written.error().message;
    last = written->front()->revision;
  };
  write();

  WatchPump pump(rest, {std::chrono::hours(1), kBacklog});
  auto slow = FakeAnswer::stalled();
  auto quick = std::make_shared<FakeAnswer>();
  for (const auto& answer : {slow, quick}) {
    WatchRequest request{target, {}, {}, false, false, std::chrono::hours(1)};
    pump.start(std::move(request), std::make_unique<FakeResponder>(answer), RequestInfo());
  }
  for (int i = 0; i < 300; ++i) {
    ASSERT_NO_FATAL_FAILURE(write());
    ASSERT_NO_FATAL_FAILURE(quick->wait_for(concat("\"resourceVersion\":\"", last, '"')));  // one reader's slowness is not another's
  }
  EXPECT_LT(slow->pending(), kBacklog + kBatch * (kObject + 200));
  slow->drain();
  std::string all = slow->all();
  EXPECT_NE(all.find(R"("type":"ERROR")"), std::string::npos);
  EXPECT_NE(all.find(R"("code":410)"), std::string::npos);
}

}  // namespace
}  // namespace serin::apiserver
