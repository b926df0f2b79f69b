#include "cluster/deployment_scaling.h"

#include <gtest/gtest.h>

#include "cluster/testing/objects.h"

namespace serin::cluster {
namespace {

struct Set {
  int64_t replicas, available;
  int64_t desired = -1, most = -1;
};

SetSize size(const Set& is, const std::string& name) {
  json::value doc = json::object{
      {"metadata", json::object{{"namespace", "demo"}, {"name", name}}},
      {"spec", json::object{{"replicas", is.replicas}}},
      {"status", json::object{{"replicas", is.replicas}, {"availableReplicas", is.available}}}};
  if (is.desired >= 0) json::set(doc, {"metadata", "annotations", kDesiredReplicas}, json::value(std::to_string(is.desired)));
  if (is.most >= 0) json::set(doc, {"metadata", "annotations", kMaxReplicas}, json::value(std::to_string(is.most)));
  return size_of(Object(doc));
}

Deployment deployment(int64_t replicas, json::value surge, json::value unavailable) {
  return Deployment(workload("Deployment", "web", replicas).edit([&](json::value& doc) {
    json::set(doc, {"spec", "strategy"},
              json::object{{"type", "RollingUpdate"},
                           {"rollingUpdate", json::object{{"maxSurge", surge}, {"maxUnavailable", unavailable}}}});
  }));
}

SetSizes sizes(std::vector<Set> old, std::optional<Set> current) {
  SetSizes sizes;
  for (size_t i = 0; i < old.size(); ++i) sizes.old.push_back(size(old[i], std::to_string(i)));
  if (current) sizes.current = size(*current, "current");
  return sizes;
}

TEST(Deployment, RoundsSurgeUpAndUnavailableDown) {
  Deployment d = deployment(10, "25%", "25%");
  EXPECT_EQ(d.max_surge, 3);
  EXPECT_EQ(d.max_unavailable, 2);
  Deployment both_zero = deployment(1, "0%", "25%");
  EXPECT_EQ(both_zero.max_surge, 0);
  EXPECT_EQ(both_zero.max_unavailable, 1);
  EXPECT_EQ(Deployment(workload("Deployment", "web", 4)).max_surge, 1);
}

struct RollCase {
  const char* name;
  int64_t replicas;
  json::value surge, unavailable;
  std::vector<Set> old;
  Set current;
  std::vector<int64_t> want_old;
  int64_t want_current;
};

TEST(Roll, Table) {
  const RollCase cases[] = {
      {"grows into the surge", 4, 1, 0, {{4, 4}}, {0, 0}, {4}, 1},
      {"waits for the new pod", 4, 1, 0, {{4, 4}}, {1, 0}, {4}, 1},
      {"trades one for one", 4, 1, 0, {{4, 4}}, {1, 1}, {3}, 1},
      {"grows where an old one has gone", 4, 1, 0, {{3, 3}}, {1, 1}, {3}, 2},
      {"shrinks at once by maxUnavailable", 4, 0, 2, {{4, 4}}, {0, 0}, {2}, 0},
      {"surge and unavailable together", 10, 3, 2, {{10, 10}}, {0, 0}, {8}, 3},
      {"broken old pods go first", 4, 1, 0, {{2, 2}, {2, 0}}, {1, 1}, {2, 1}, 1},
      {"a status that lags asks for no more", 4, 0, 1, {{3, 4}}, {1, 0}, {3}, 1},
      {"nothing left to do", 4, 1, 0, {{0, 0}}, {4, 4}, {0}, 4},
      {"too large a current set shrinks", 2, 1, 0, {}, {5, 5}, {}, 2},
  };
  for (const RollCase& c : cases) {
    SetSizes sets = sizes(c.old, c.current);
    roll(deployment(c.replicas, c.surge, c.unavailable), sets);
    for (size_t i = 0; i < c.want_old.size(); ++i) EXPECT_EQ(sets.old[i].replicas, c.want_old[i]) << c.name;
    EXPECT_EQ(sets.current->replicas, c.want_current) << c.name;
  }
}

// Whatever the sizes: never more than the most, never fewer available than the least, and it ends.
TEST(Roll, KeepsItsBoundsOnTheWayAndArrives) {
  for (int64_t replicas : {1, 2, 3, 7, 10}) {
    for (int64_t surge : {0, 1, 3}) {
      for (int64_t unavailable : {0, 1, 4}) {
        Deployment d = deployment(replicas, surge, unavailable);
        int64_t old = replicas, current = 0;
        int passes = 0;
        while (old > 0 || current < replicas) {
          SetSizes sets = sizes({{old, old}}, Set{current, current});
          roll(d, sets);
          ASSERT_LE(sets.old[0].replicas + sets.current->replicas, d.most());
          ASSERT_GE(sets.old[0].replicas + std::min(current, sets.current->replicas), d.least_available());
          old = sets.old[0].replicas;
          current = sets.current->replicas;
          ASSERT_LT(++passes, 100) << replicas << " " << surge << " " << unavailable;
        }
      }
    }
  }
}

TEST(Spread, GrowsInProportion) {
  // 10 pods, surge 3: 8 old and 5 new when the Deployment grows to 20 (surge 6): 26 pods to spread.
  Deployment d = deployment(20, "30%", 2);
  SetSizes sets = sizes({{8, 8, 10, 13}}, Set{5, 5, 10, 13});
  ASSERT_TRUE(resized(d, sets));
  spread(d, sets);
  EXPECT_EQ(sets.old[0].replicas, 16);
  EXPECT_EQ(sets.current->replicas, 10);
}

TEST(Spread, ShrinksInProportionAndLosesNobodyToRounding) {
  Deployment d = deployment(5, 0, 1);
  SetSizes sets = sizes({{4, 4, 10, 10}, {3, 3, 10, 10}}, Set{3, 3, 10, 10});
  spread(d, sets);
  EXPECT_EQ(sets.old[0].replicas + sets.old[1].replicas + sets.current->replicas, 5);
}

TEST(Spread, ToZero) {
  Deployment d = deployment(0, "25%", "25%");
  SetSizes sets = sizes({{4, 4, 8, 10}}, Set{6, 6, 8, 10});
  spread(d, sets);
  EXPECT_EQ(sets.old[0].replicas, 0);
  EXPECT_EQ(sets.current->replicas, 0);
}

TEST(Spread, ASingleSetTakesTheWholeSize) {
  Deployment d = deployment(7, "25%", "25%");
  SetSizes sets = sizes({{0, 0}}, Set{3, 3, 3, 4});
  spread(d, sets);
  EXPECT_EQ(sets.current->replicas, 7);
  EXPECT_EQ(sets.old[0].replicas, 0);
}

}  // namespace
}  // namespace serin::cluster
