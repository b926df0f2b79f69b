// Lists and watches through the in-process client.

#include "apiserver/testing/fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using client::WatchEvent;
using kube::kConfigMaps;
using kube::kPods;

class ReadTest : public ServerTest {
 protected:
  kube::Object labelled(const std::string& name, const std::string& color) {
    return config_map(name).edit([&](json::value& doc) { json::set(doc, {"metadata", "labels", "color"}, json::value(color)); });
  }
  /// "A:a" for each event there is.
  std::string drain(client::Watch& watch) {
    std::string out;
    for (;;) {
      auto event = watch.next(clock_.now());
      EXPECT_TRUE(event) << event.error().message;
      if (!event || !*event) return out;
      out += concat("AMDB"[int((*event)->type)], ':', (*event)->object.name(), ' ');
    }
  }
};

TEST_F(ReadTest, SelectorsAndPages) {
  for (int i = 0; i < 9; ++i) must(client_->create(kConfigMaps, labelled(concat("m", i), i % 3 == 0 ? "red" : "blue")));
  EXPECT_EQ(client_->list(kConfigMaps, {.ns = "default", .label_selector = "color=red"})->items.size(), 3u);
  EXPECT_EQ(client_->list(kConfigMaps, {.field_selector = "metadata.name=m4"})->items.size(), 1u);
  EXPECT_TRUE(failed_with(client_->list(kConfigMaps, {.field_selector = "spec.x=1"}), Code::kBadRequest));
  std::string names;
  client::ListOptions options{.ns = "default", .label_selector = "color=blue", .limit = 4};
  for (;;) {
    auto page = client_->list(kConfigMaps, options);
    ASSERT_TRUE(page) << page.error().message;
    for (const auto& item : page->items) names += item.name();
    if (page->continue_token.empty()) break;
    options.continue_token = page->continue_token;
  }
  EXPECT_EQ(names, "m1m2m4m5m7m8");
}

TEST_F(ReadTest, WatchGivesStateThenChanges) {
  must(client_->create(kConfigMaps, config_map("a")));
  auto watch = client_->watch(kConfigMaps, {.ns = "default"});
  ASSERT_TRUE(watch);
  EXPECT_EQ(drain(**watch), "A:a ");
  must(client_->create(kConfigMaps, config_map("b")));
  must(client_->update(kConfigMaps, config_map("a", "2")));
  ASSERT_TRUE(client_->remove(kConfigMaps, {"default", "b"}));
  EXPECT_EQ(drain(**watch), "A:b M:a D:b ");
  (*watch)->cancel();
  EXPECT_FALSE((*watch)->next(clock_.now()));
}

TEST_F(ReadTest, ObjectsEnterAndLeaveASelection) {
  auto watch = client_->watch(kConfigMaps, {.label_selector = "color=red"});
  ASSERT_TRUE(watch);
  must(client_->create(kConfigMaps, labelled("a", "blue")));
  must(client_->update(kConfigMaps, labelled("a", "red")));
  must(client_->update(kConfigMaps, labelled("a", "green")));
  EXPECT_EQ(drain(**watch), "A:a D:a ");
}

TEST_F(ReadTest, DeletionCarriesItsOwnVersion) {
  kube::Object made = must(client_->create(kConfigMaps, config_map("a")));
  auto watch = client_->watch(kConfigMaps, {.from = made.version()});
  ASSERT_TRUE(client_->remove(kConfigMaps, {"default", "a"}));
  auto event = (*watch)->next(clock_.now());
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->object.version().value, server_->revision());
}

TEST_F(ReadTest, WatchFromTheFutureFails) {
  EXPECT_TRUE(failed_with(client_->watch(kConfigMaps, {.from = {server_->revision() + 9}}), Code::kTimeout));
}

TEST_F(ReadTest, NextWaitsUnderTheVirtualClock) {
  auto watch = client_->watch(kConfigMaps, {.ns = "default"});
  TimePoint until = clock_.now() + std::chrono::minutes(5);
  auto event = (*watch)->next(until);
  ASSERT_TRUE(event);
  EXPECT_FALSE(*event);
  EXPECT_EQ(clock_.now(), until);
}

}  // namespace
}  // namespace serin::apiserver
