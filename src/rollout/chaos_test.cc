// Anything that people may do to a release, at any moment and in any order, with proxies that lag by up to half a
// minute: no request may meet a place without pods, and once everybody is quiet the release ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"
#include "kube/resources.h"
#include "rollout/names.h"
#include "rollout/testing/cluster.h"
#include "rollout/verbs.h"

namespace serin::rollout::testing {
namespace {

class Chaos : public ::testing::TestWithParam<uint64_t> {
 protected:
  Chaos() : random_(GetParam()), cluster_(GetParam(), options()) {}

  static ClusterOptions options() {
    return {std::chrono::seconds(1 + GetParam() % 7), std::chrono::seconds(1 + GetParam() * 7 % 30)};
  }

  /// An order that is refused now is no order.
  void order(const Result<std::vector<client::Write>>& writes) {
    if (writes) cluster_.carry_out(writes);
  }

  void act() {
    switch (random_.next() % 8) {
      case 0:
      case 1: return cluster_.apply_template_label(concat("v", 1 + random_.next() % 4));
      case 2: return order(abort(cluster_.rollout()));
      case 3: return order(retry(cluster_.rollout()));
      case 4: return order(promote(cluster_.rollout()));
      case 5: return order(promote_full(cluster_.rollout()));
      case 6: return order(undo(cluster_.rollout(), cluster_.sets()));
      default:
        return cluster_.change_rollout(
            [&](json::value& doc) { json::set(doc, {"spec", "replicas"}, 1 + random_.next() % 5); });
    }
  }

  /// Pods leave as soon as they may: no delay covers for a missing confirmation.
  static json::value without_delays(json::value doc) {
    json::set(doc, {"spec", "strategy", "canary", "scaleDownDelaySeconds"}, 0);
    json::set(doc, {"spec", "strategy", "canary", "abortScaleDownDelaySeconds"}, 1);
    return doc;
  }

  void play() {
    ASSERT_TRUE(cluster_.until_settled());
    for (int i = 0; i < 12; ++i) {
      act();
      cluster_.run_for(std::chrono::milliseconds(random_.next() % 90'000));
    }
    order(retry(cluster_.rollout()));
    ASSERT_TRUE(cluster_.run_until(
        [&] {
          order(promote_full(cluster_.rollout()));
          return cluster_.rollout().stable_hash() == cluster_.rollout().current_hash();
        },
        std::chrono::hours(2)));
    ASSERT_TRUE(cluster_.until_settled());
    EXPECT_THAT(cluster_.losses(), ::testing::IsEmpty());
  }

  Random random_;
  Cluster cluster_;
};

TEST_P(Chaos, WithSubsetsLosesNothing) {
  cluster_.create(kube::kVirtualServices, subset_virtual_service());
  cluster_.create(kube::kDestinationRules, subset_rule());
  cluster_.create(kube::kRollouts, without_delays(weight_rollout(3)));
  play();
  EXPECT_EQ(cluster_.weight("stable"), 100);
  EXPECT_EQ(cluster_.subset_hash("stable"), cluster_.rollout().stable_hash());
  EXPECT_EQ(cluster_.subset_hash("canary"), cluster_.rollout().stable_hash());
}

TEST_P(Chaos, WithADynamicStableScaleLosesNothing) {
  cluster_.create(kube::kVirtualServices, subset_virtual_service());
  cluster_.create(kube::kDestinationRules, subset_rule());
  json::value doc = weight_rollout(3);
  json::set(doc, {"spec", "strategy", "canary", "dynamicStableScale"}, true);
  cluster_.create(kube::kRollouts, std::move(doc));
  play();
  EXPECT_EQ(cluster_.set_of(std::string(json::get_string(cluster_.rollout().pod_template(), "metadata", "labels",
                                                         "version")))
                .available,
            cluster_.rollout().replicas());
}

TEST_P(Chaos, WithServicesLosesNothing) {
  cluster_.create(kube::kServices, service("provider"));
  cluster_.create(kube::kServices, service("provider-canary"));
  cluster_.create(kube::kVirtualServices, service_virtual_service());
  cluster_.create(kube::kRollouts, without_delays(header_rollout(3)));
  play();
  EXPECT_EQ(cluster_.weight("provider"), 100);
  Object vs = cluster_.get(kube::kVirtualServices, "provider");
  EXPECT_EQ(json::items(vs.doc(), "spec", "http").size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Chaos, ::testing::Range<uint64_t>(1, 21));

}  // namespace
}  // namespace serin::rollout::testing
