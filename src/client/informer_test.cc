#include "client/informer.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/strings.h"
#include "client/cached_client.h"
#include "client/testing/memory_client.h"
#include "client/write.h"
#include "kube/resources.h"

namespace serin::client {
namespace {

using namespace std::chrono_literals;
using testing::MemoryClient;

Object config_map(const std::string& name, const std::string& value, const std::string& app = "a") {
  return Object(json::object{
      {"metadata", json::object{{"namespace", "demo"}, {"name", name}, {"labels", json::object{{"app", app}}}}},
      {"data", json::object{{"value", value}}}});
}

class InformerTest : public ::testing::Test {
 protected:
  InformerTest() : informer(api, kube::kConfigMaps, clock), cached(api) {
    cached.use(informer);
    informer.add_handler([this](const Object* old, const Object* now) {
      auto value = [](const Object* object) {
        return object ? std::string(json::get_string(object->doc(), "data", "value")) : "-";
      };
      heard.push_back(concat((now ? now : old)->name(), ":", value(old), ">", value(now)));
    });
  }
  void pump() {
    while (informer.pump()) {
    }
  }
  std::string value(const std::string& name) {
    auto object = informer.get({"demo", name});
    return object ? std::string(json::get_string(object->doc(), "data", "value")) : "-";
  }
  std::vector<std::string> take_heard() { return std::exchange(heard, {}); }

  VirtualClock clock;
  MemoryClient api{clock};
  Informer informer;
  CachedClient cached;
  std::vector<std::string> heard;
};

using Heard = std::vector<std::string>;

TEST_F(InformerTest, KeepsNoMoreThanItIsAskedTo) {
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1")));
  InformerOptions options;
  options.keep = {"metadata.finalizers", "immutable"};
  Informer small(api, kube::kConfigMaps, clock, options);
  cached.use(small);
  while (small.pump()) {
  }
  Object kept = *small.get({"demo", "one"});
  EXPECT_FALSE(json::find(kept.doc(), "data"));
  EXPECT_FALSE(json::find(kept.doc(), "metadata", "labels"));
  EXPECT_EQ(kept.describe(), "ConfigMap demo/one");
  ASSERT_TRUE(execute(api, merge_patch(kube::kConfigMaps, {"demo", "one"},
                                       json::parse(R"({"immutable":true,"metadata":{"finalizers":["x"]}})").value(), "")));
  while (small.pump()) {
  }
  kept = *small.get({"demo", "one"});
  EXPECT_TRUE(json::get_bool(kept.doc(), false, "immutable"));
  EXPECT_TRUE(kept.has_finalizer("x"));
  pump();
  EXPECT_EQ(json::get_string(cached.get(kube::kConfigMaps, {"demo", "one"})->doc(), "data", "value"), "1")
      << "readers of whole objects do not see it";
}

TEST_F(InformerTest, ListsThenFollows) {
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1")));
  EXPECT_FALSE(informer.synced());
  pump();
  EXPECT_TRUE(informer.synced());
  EXPECT_EQ(take_heard(), Heard{"one:->1"});
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("two", "2")));
  ASSERT_TRUE(execute(api, merge_patch(kube::kConfigMaps, {"demo", "one"},
                                       json::object{{"data", json::object{{"value", "3"}}}}, "")));
  ASSERT_TRUE(api.remove(kube::kConfigMaps, {"demo", "two"}));
  pump();
  EXPECT_EQ(take_heard(), (Heard{"two:->2", "one:1>3", "two:2>-"}));
  EXPECT_EQ(value("one"), "3");
  EXPECT_EQ(informer.size(), 1u);
  EXPECT_EQ(informer.version().value, api.revision());
}

TEST_F(InformerTest, ALateHandlerHearsWhatIsThere) {
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1")));
  pump();
  int additions = 0;
  informer.add_handler([&](const Object* old, const Object* now) { additions += !old && now; });
  EXPECT_EQ(additions, 1);
}

TEST_F(InformerTest, ListsByNamespaceAndSelectorAndIndex) {
  informer.add_index("app", [](const Object& object) { return std::vector<std::string>{std::string(object.label("app"))}; });
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1", "a")));
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("two", "2", "b")));
  pump();
  EXPECT_EQ(informer.list("demo").size(), 2u);
  EXPECT_EQ(informer.list("other").size(), 0u);
  EXPECT_EQ(informer.list("", *kube::LabelSelector::parse("app=b")).size(), 1u);
  ASSERT_EQ(informer.by_index("app", "a").size(), 1u);
  ASSERT_TRUE(execute(api, merge_patch(kube::kConfigMaps, {"demo", "one"},
                                       json::parse(R"({"metadata":{"labels":{"app":"b"}}})").value(), "")));
  pump();
  EXPECT_EQ(informer.by_index("app", "a").size(), 0u);
  EXPECT_EQ(informer.by_index("app", "b").size(), 2u);
}

TEST_F(InformerTest, TakesALostWatchUpAgainWithoutListing) {
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1")));
  pump();
  api.break_watches(Code::kUnavailable);
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("two", "2")));
  pump();
  EXPECT_EQ(value("two"), "-");
  ASSERT_TRUE(informer.next_due());
  EXPECT_EQ(*informer.next_due(), clock.now() + 100ms);
  clock.advance_to(*informer.next_due());
  pump();
  EXPECT_EQ(value("two"), "2");
  EXPECT_EQ(informer.stats().lists, 1u);
  EXPECT_EQ(take_heard(), (Heard{"one:->1", "two:->2"}));
}

TEST_F(InformerTest, AnExpiredWatchListsAgainAndTellsTheDifference) {
  for (const char* name : {"same", "changed", "removed"})
    ASSERT_TRUE(api.create(kube::kConfigMaps, config_map(name, "1")));
  pump();
  take_heard();
  api.break_watches(Code::kUnavailable);
  ASSERT_TRUE(execute(api, merge_patch(kube::kConfigMaps, {"demo", "changed"},
                                       json::object{{"data", json::object{{"value", "2"}}}}, "")));
  ASSERT_TRUE(api.remove(kube::kConfigMaps, {"demo", "removed"}));
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("added", "1")));
  api.compact();
  pump();
  clock.advance(1s);
  pump();
  EXPECT_EQ(informer.stats().lists, 2u);
  EXPECT_EQ(take_heard(), (Heard{"added:->1", "changed:1>2", "removed:1>-"}));
}

TEST_F(InformerTest, ReadsItsOwnWritesWhileTheWatchLags) {
  pump();
  api.hold_watches(true);
  ASSERT_TRUE(cached.create(kube::kConfigMaps, config_map("one", "1")));
  EXPECT_EQ(value("one"), "1");
  EXPECT_TRUE(cached.get(kube::kConfigMaps, {"demo", "one"}));
  EXPECT_EQ(cached.list(kube::kConfigMaps, {"demo"})->items.size(), 1u);
  EXPECT_TRUE(take_heard().empty());
  api.hold_watches(false);
  pump();
  EXPECT_EQ(take_heard(), Heard{"one:->1"});
}

TEST_F(InformerTest, AnOlderEventDoesNotUndoAnOwnWrite) {
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1")));
  pump();
  api.hold_watches(true);
  ASSERT_TRUE(execute(api, merge_patch(kube::kConfigMaps, {"demo", "one"},
                                       json::object{{"data", json::object{{"value", "2"}}}}, "")));
  ASSERT_TRUE(execute(cached, merge_patch(kube::kConfigMaps, {"demo", "one"},
                                          json::object{{"data", json::object{{"value", "3"}}}}, "")));
  api.hold_watches(false);
  ASSERT_TRUE(informer.pump());  // brings 2
  EXPECT_EQ(value("one"), "3");
  pump();
  EXPECT_EQ(value("one"), "3");
  EXPECT_EQ(take_heard(), (Heard{"one:->1", "one:1>2", "one:2>3"}));
}

TEST_F(InformerTest, WhatItDeletedStaysHiddenUntilConfirmed) {
  informer.add_index("app", [](const Object& object) { return std::vector<std::string>{std::string(object.label("app"))}; });
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1")));
  pump();
  api.hold_watches(true);
  ASSERT_TRUE(cached.remove(kube::kConfigMaps, {"demo", "one"}));
  EXPECT_EQ(value("one"), "-");
  EXPECT_TRUE(informer.by_index("app", "a").empty());
  ASSERT_TRUE(cached.create(kube::kConfigMaps, config_map("one", "2")));
  EXPECT_EQ(value("one"), "2");
  api.hold_watches(false);
  pump();
  EXPECT_EQ(value("one"), "2");
  EXPECT_EQ(informer.by_index("app", "a").size(), 1u);
  EXPECT_EQ(take_heard(), (Heard{"one:->1", "one:1>-", "one:->2"}));
}

TEST_F(InformerTest, ADeleteThatWaitsForAFinalizerReadsAsDeleting) {
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one", "1").edit([](json::value& doc) {
    json::set(doc, {"metadata", "finalizers"}, json::array{"example.com/hold"});
  })));
  pump();
  api.hold_watches(true);
  ASSERT_TRUE(cached.remove(kube::kConfigMaps, {"demo", "one"}));
  ASSERT_TRUE(informer.get({"demo", "one"}));
  EXPECT_TRUE(informer.get({"demo", "one"})->deleting());
}

TEST_F(InformerTest, AnAnswerOfAWriteThatCameLateIsIgnored) {
  pump();
  Object written = *api.create(kube::kConfigMaps, config_map("one", "1"));
  ASSERT_TRUE(api.remove(kube::kConfigMaps, {"demo", "one"}));
  pump();
  informer.observe(written);
  EXPECT_EQ(value("one"), "-");
}

TEST_F(InformerTest, RunsOnAThreadAndStops) {
  SystemClock system;
  MemoryClient live(system);
  Informer threaded(live, kube::kConfigMaps, system);
  std::mutex mutex;
  std::condition_variable changed;
  int count = 0;
  threaded.add_handler([&](const Object*, const Object*) {
    std::lock_guard lock(mutex);
    ++count;
    changed.notify_all();
  });
  std::thread driver([&] { threaded.run(); });
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(live.create(kube::kConfigMaps, config_map(concat("c", i), "1")));
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 30s, [&] { return count == 50; }));
  }
  threaded.stop();
  driver.join();
}

}  // namespace
}  // namespace serin::client
