#include "client/manager.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "client/events.h"
#include "client/testing/memory_client.h"
#include "client/write.h"
#include "kube/resources.h"

namespace serin::client {
namespace {

using namespace std::chrono_literals;
using testing::MemoryClient;

Object config_map(const std::string& name) {
  return Object(json::object{{"metadata", json::object{{"namespace", "demo"}, {"name", name}}}});
}

/// Answers as a function does.
class Scripted final : public Reconciler {
 public:
  explicit Scripted(std::function<Result<Again>(const Key&)> answer) : answer_(std::move(answer)) {}
  Result<Again> reconcile(const Key& key) override { return answer_(key); }

 private:
  std::function<Result<Again>(const Key&)> answer_;
};

TEST(Manager, RunsAControllerForEachChange) {
  VirtualClock clock;
  MemoryClient api(clock);
  Manager manager(clock);
  std::vector<std::string> runs;
  Controller& controller = manager.add_controller({"test"}, std::make_unique<Scripted>([&](const Key& key) {
    runs.push_back(key.str());
    return Again{};
  }));
  manager.watch(controller, manager.informer("", api, kube::kConfigMaps), own_key());
  ASSERT_TRUE(api.create(kube::kConfigMaps, config_map("one")));
  manager.run_until_idle(1);
  EXPECT_EQ(runs, std::vector<std::string>{"demo/one"});
  ASSERT_TRUE(api.remove(kube::kConfigMaps, {"demo", "one"}));
  manager.run_until_idle(1);
  EXPECT_EQ(runs.size(), 2u);
  EXPECT_EQ(controller.stats().runs, 2u);
}

TEST(Manager, GivesTheSameInformerToAll) {
  VirtualClock clock;
  MemoryClient api(clock);
  Manager manager(clock);
  Informer& first = manager.informer("", api, kube::kConfigMaps);
  EXPECT_EQ(&first, &manager.informer("", api, kube::kConfigMaps));
  EXPECT_NE(&first, &manager.informer("other", api, kube::kConfigMaps));
  EXPECT_NE(&first, &manager.informer("", api, kube::kConfigMaps, {"demo"}));
}

TEST(Manager, AnErrorIsRetriedATerminalOneIsNot) {
  VirtualClock clock;
  MemoryClient api(clock);
  Manager manager(clock);
  Simulation simulation(clock, 1);
  simulation.add(manager);
  std::vector<Duration> at;
  TimePoint start = clock.now();
  bool terminal = false;
  Controller& controller =
      manager.add_controller({"test"}, std::make_unique<Scripted>([&](const Key&) -> Result<Again> {
        at.push_back(clock.now() - start);
        Error error{Code::kUnavailable, "no"};
        error.terminal = terminal;
        return fail(error);
      }));
  controller.enqueue({"", {"demo", "one"}});
  simulation.run_for(36ms);
  EXPECT_EQ(at, (std::vector<Duration>{0ms, 5ms, 15ms, 35ms}));
  ASSERT_TRUE(controller.last_error({"", {"demo", "one"}}));
  terminal = true;
  simulation.run_for(10min);
  EXPECT_EQ(at.size(), 5u);
  EXPECT_EQ(controller.stats().terminal_errors, 1u);
}

TEST(Manager, LooksAgainWhenToldTo) {
  VirtualClock clock;
  MemoryClient api(clock);
  Manager manager(clock);
  Simulation simulation(clock, 1);
  simulation.add(manager);
  int runs = 0;
  Controller& controller = manager.add_controller({"test"}, std::make_unique<Scripted>([&](const Key&) {
    return ++runs < 4 ? Again{10min} : Again{};
  }));
  controller.enqueue({"", {"demo", "one"}});
  TimePoint start = clock.now();
  EXPECT_FALSE(simulation.run_until([&] { return runs == 4; }, 29min));
  EXPECT_TRUE(simulation.run_until([&] { return runs == 4; }, 29min));
  EXPECT_EQ(clock.now() - start, 30min);
}

TEST(Manager, AKeyWaitsForTheInformersOfItsOwnCluster) {
  VirtualClock clock;
  MemoryClient hub(clock), dead(clock);
  Manager manager(clock);
  Simulation simulation(clock, 1);
  simulation.add(manager);
  std::vector<std::string> runs;
  Controller& controller = manager.add_controller({"test"}, std::make_unique<Scripted>([&](const Key& key) {
    runs.push_back(key.str());
    return Again{};
  }));
  manager.watch(controller, manager.informer("", hub, kube::kConfigMaps), own_key());
  Resource unknown{"example.com", "v1", "widgets", "Widget"};  // not served yet: the list fails
  manager.watch(controller, manager.informer("dead", dead, unknown), own_key("dead"));
  ASSERT_TRUE(hub.create(kube::kConfigMaps, config_map("one")));
  controller.enqueue({"dead", {"demo", "two"}});
  simulation.run_for(1s);
  EXPECT_EQ(runs, std::vector<std::string>{"demo/one"});
  dead.serve(unknown);
  simulation.run_for(1min);
  EXPECT_EQ(runs, (std::vector<std::string>{"demo/one", "dead/demo/two"}));
}

TEST(Manager, OwnersAreFoundBeforeAndAfterAChange) {
  Object first = config_map("first").edit([](json::value& doc) {
    json::set(doc, {"metadata", "ownerReferences"},
              json::array{json::object{{"apiVersion", "argoproj.io/v1alpha1"}, {"kind", "Rollout"}, {"name", "a"},
                                       {"uid", "1"}, {"controller", true}}});
  });
  Object second = first.edit([](json::value& doc) {
    json::set(json::find(doc, "metadata", "ownerReferences")->get_array()[0], {"name"}, "b");
  });
  MapFunction map = controller_owner(kube::kRollouts);
  EXPECT_EQ(map(nullptr, &first), (std::vector<Key>{{"", {"demo", "a"}}}));
  EXPECT_EQ(map(&first, &second), (std::vector<Key>{{"", {"demo", "a"}}, {"", {"demo", "b"}}}));
  EXPECT_TRUE(controller_owner(kube::kReplicaSets)(nullptr, &first).empty());
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  auto run = [](uint64_t seed) {
    VirtualClock clock;
    MemoryClient one(clock), two(clock);
    Manager first(clock), second(clock);
    std::vector<std::string> runs;
    for (auto [manager, api, name] : {std::tuple(&first, &one, "1"), std::tuple(&second, &two, "2")}) {
      Controller& controller =
          manager->add_controller({name}, std::make_unique<Scripted>([&runs, name = std::string(name)](const Key& key) {
            runs.push_back(name + key.str());
            return Again{};
          }));
      manager->watch(controller, manager->informer("", *api, kube::kConfigMaps), own_key());
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(api->create(kube::kConfigMaps, config_map(std::to_string(i))));
    }
    Simulation simulation(clock, seed);
    simulation.add(first);
    simulation.add(second);
    simulation.run_until_idle();
    EXPECT_EQ(runs.size(), 10u);
    return runs;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Manager, RunsOnThreads) {
  SystemClock clock;
  MemoryClient api(clock);
  Manager manager(clock);
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::string> seen;
  Controller& controller = manager.add_controller({"test", 4}, std::make_unique<Scripted>([&](const Key& key) {
    std::lock_guard lock(mutex);
    seen.insert(key.str());
    changed.notify_all();
    return Again{};
  }));
  manager.watch(controller, manager.informer("", api, kube::kConfigMaps), own_key());
  manager.start();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(api.create(kube::kConfigMaps, config_map(std::to_string(i))));
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 30s, [&] { return seen.size() == 100; }));
  }
  manager.stop();
}

TEST(EventRecorder, CountsRepetitionsUpAndCutsOffSpam) {
  VirtualClock clock;
  MemoryClient api(clock);
  EventRecorder recorder(api, clock, "test", {10, 5, 5min});
  Object about = *api.create(kube::kConfigMaps, config_map("one"));
  recorder.normal(about, "Scaled", "to 3");
  clock.advance(10s);
  recorder.normal(about, "Scaled", "to 3");
  recorder.warning(about, "Failed", "no");
  auto events = api.list(kube::kEvents)->items;
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(json::get_int(events[0].doc(), 0, "count"), 2);
  EXPECT_EQ(json::get_string(events[0].doc(), "involvedObject", "uid"), about.uid());
  EXPECT_NE(json::get_string(events[0].doc(), "firstTimestamp"), json::get_string(events[0].doc(), "lastTimestamp"));
  for (int i = 0; i < 10; ++i) recorder.normal(about, "Spam", std::to_string(i));
  EXPECT_EQ(api.list(kube::kEvents)->items.size(), 4u);
  EXPECT_EQ(recorder.dropped(), 8u);
  clock.advance(5min);
  recorder.normal(about, "Spam", "more");
  EXPECT_EQ(api.list(kube::kEvents)->items.size(), 5u);
}

TEST(EventRecorder, AForgottenEventIsMadeAnew) {
  VirtualClock clock;
  MemoryClient api(clock);
  EventRecorder recorder(api, clock, "test");
  Object about = *api.create(kube::kConfigMaps, config_map("one"));
  recorder.normal(about, "Scaled", "to 3");
  ASSERT_TRUE(api.remove(kube::kEvents, api.list(kube::kEvents)->items[0].key()));
  recorder.normal(about, "Scaled", "to 3");
  ASSERT_EQ(api.list(kube::kEvents)->items.size(), 1u);
  EXPECT_EQ(json::get_int(api.list(kube::kEvents)->items[0].doc(), 0, "count"), 1);
}

}  // namespace
}  // namespace serin::client
