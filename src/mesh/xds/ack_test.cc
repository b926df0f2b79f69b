#include <gtest/gtest.h>

#include "client/testing/memory_client.h"
#include "kube/resources.h"
#include "mesh/test_support.h"
#include "mesh/xds/ack_status_reconciler.h"

namespace serin::mesh {
namespace {

using std::chrono::seconds;

const SourceRef kV1{"VirtualService", {"demo", "v"}, "u", 1};
const SourceRef kV2{"VirtualService", {"demo", "v"}, "u", 2};

TEST(AckTable, CountsWhoSubscribes) {
  VirtualClock clock;
  AckTable table(clock);
  std::vector<std::set<SourceRef>> heard;
  table.on_change([&](const std::set<SourceRef>& changed) { heard.push_back(changed); });
  EXPECT_FALSE(table.of(kV1)) << "not translated";
  table.set_translated({kV1});
  EXPECT_EQ(table.of(kV1)->subscribed, 0);
  table.report("a", {{kV1, {true, true, ""}}});
  table.report("b", {{kV1, {true, false, ""}}});
  table.report("c", {{kV1, {false, false, ""}}});
  EXPECT_EQ(heard.size(), 3u) << "c said nothing";
  EXPECT_EQ(table.of(kV1)->subscribed, 2);
  EXPECT_EQ(table.of(kV1)->lagging, std::vector<std::string>{"b"});
  table.report("b", {{kV1, {true, false, ""}}});
  EXPECT_EQ(heard.size(), 3u) << "nothing new";
  table.report("b", {{kV1, {true, false, "no"}}});
  EXPECT_EQ(table.of(kV1)->rejections, std::vector<std::string>{"b: no"});
  table.disconnect("b");
  EXPECT_EQ(table.of(kV1)->subscribed, 1);
  EXPECT_EQ(table.of(kV1)->acked, 1);
  clock.advance(seconds(1));
  table.set_translated({kV2});
  EXPECT_FALSE(table.of(kV1));
  EXPECT_EQ(table.of(kV2)->since, clock.now());
  EXPECT_EQ(table.proxies(), 2u);
}

TEST(Judge, Verdicts) {
  TimePoint since(seconds(100));
  auto say = [&](Acknowledgement ack, Duration after) {
    ack.since = since;
    auto verdict = judge(ack, since + after);
    return verdict ? verdict->status + " " + verdict->reason + " " + verdict->message : "(waits)";
  };
  EXPECT_EQ(say({2, 2, {}, {}, {}, {}}, {}), "True Acknowledged 2/2 proxies");
  EXPECT_EQ(say({0, 0, {}, {}, {}, {}}, {}), "True Acknowledged 0/0 proxies");
  EXPECT_EQ(say({0, 0, {}, {}, {}, since + seconds(3)}, seconds(2)), "(waits)") << "proxies are on their way back";
  EXPECT_EQ(say({2, 1, {"b"}, {}, {}, {}}, {}), "(waits)");
  EXPECT_EQ(say({2, 1, {"b"}, {}, {}, {}}, seconds(1)), "False Pending 1/2 proxies; waiting for b");
  EXPECT_EQ(say({2, 1, {}, {"b: bad regex"}, {}, {}}, {}), "False Rejected b: bad regex");
}

struct World {
  VirtualClock clock;
  client::testing::MemoryClient hosted{clock};
  AckTable table{clock};
  AckStatusReconciler reconciler{hosted, kube::kVirtualServices, table, clock};
  client::Key key{"", {"demo", "consumer"}};
  kube::Object object = *hosted.create(kube::kVirtualServices, test::consumer_route(95, 5));

  SourceRef source() { return SourceRef::of(*hosted.get(kube::kVirtualServices, key.name)); }
  client::Again pass() { return *reconciler.reconcile(key); }
  std::string message() {
    object = *hosted.get(kube::kVirtualServices, key.name);
    const json::value* found = kube::find_condition(object, "Reconciled");
    return found ? std::string(json::get_string(*found, "message")) : "";
  }
};

TEST(AckStatus, OneWriteForOneConfirmation) {
  World world;
  world.pass();
  EXPECT_EQ(world.message(), "") << "not translated";
  world.table.set_translated({world.source()});
  world.table.report("a", {{world.source(), {true, false, ""}}});
  EXPECT_EQ(world.pass().after, kPatience);
  EXPECT_EQ(world.message(), "");
  world.table.report("a", {{world.source(), {true, true, ""}}});
  world.pass();
  EXPECT_EQ(world.message(), "1/1 proxies");
  EXPECT_EQ(json::get_int(world.object.doc(), 0, "status", "observedGeneration"), 1);
  uint64_t revision = world.hosted.revision();
  world.pass();
  EXPECT_EQ(world.hosted.revision(), revision) << "a second pass writes nothing";
}

TEST(AckStatus, ACountMayBeLateAConfirmationMayNot) {
  World world;
  world.table.set_translated({world.source()});
  world.pass();
  EXPECT_EQ(world.message(), "0/0 proxies");
  world.table.report("a", {{world.source(), {true, true, ""}}});
  EXPECT_EQ(world.pass().after, kCountRefresh);
  EXPECT_EQ(world.message(), "0/0 proxies");
  world.clock.advance(kCountRefresh);
  world.pass();
  EXPECT_EQ(world.message(), "1/1 proxies");
  world.table.report("a", {{world.source(), {true, false, "bad"}}});
  world.pass();
  EXPECT_EQ(world.message(), "a: bad") << "a rejection is said at once";
}

}  // namespace
}  // namespace serin::mesh
