#include "cluster/endpoints/endpoint_slice_planner.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "cluster/testing/objects.h"

namespace serin::cluster {
namespace {

using client::Write;
using kube::Object;

Object service(const std::string& more = "{}") {
  Object object = from_json(R"({"metadata":{"namespace":"demo","name":"web","uid":"s"},
      "spec":{"clusterIP":"127.11.128.20","selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":"http"}]}})");
  json::value change = json::parse(more).value();
  return object.edit([&](json::value& doc) {
    for (const auto& [name, value] : change.get_object()) json::set(doc, {"spec", name}, value);
  });
}

Object pod(const std::string& name, bool ready = true, bool deleting = false, int64_t port = 8080) {
  Object object(json::object{
      {"metadata", json::object{{"namespace", "demo"}, {"name", name}, {"uid", name}, {"labels", labels("web")}}},
      {"spec", json::object{{"nodeName", "node-1"},
                            {"containers", json::array{json::object{
                                               {"name", "main"},
                                               {"ports", json::array{json::object{{"name", "http"}, {"containerPort", port}}}}}}}}},
      {"status", json::object{{"phase", "Running"},
                              {"podIP", "127.11.0.5"},
                              {"conditions", json::array{json::object{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}}}}});
  return !deleting ? object : object.edit([](json::value& doc) {
    json::set(doc, {"metadata", "deletionTimestamp"}, "2026-01-01T00:00:00Z");
  });
}

/// Carries the writes out on the slices, as a server would.
std::vector<Object> carry_out(std::vector<Object> slices, const std::vector<Write>& writes) {
  static int serial = 0;
  for (const Write& write : writes) {
    if (write.verb == Write::Verb::kCreate) {
      std::string name = "slice-" + std::to_string(serial++);
      slices.push_back(write.object.edit([&](json::value& doc) {
        json::set(doc, {"metadata", "name"}, json::value(name));
        json::set(doc, {"metadata", "uid"}, json::value(name));
      }));
      continue;
    }
    auto at = std::find_if(slices.begin(), slices.end(), [&](const Object& slice) { return slice.key() == write.name; });
    EXPECT_NE(at, slices.end());
    if (write.verb == Write::Verb::kUpdate)
      *at = write.object;
    else
      slices.erase(at);
  }
  return slices;
}

std::vector<Object> settle(const Object& service, const std::vector<Object>& pods, std::vector<Object> slices = {},
                           size_t most = kMostEndpointsPerSlice) {
  slices = carry_out(std::move(slices), plan({service, pods, slices}, most));
  EXPECT_TRUE(plan({service, pods, slices}, most).empty()) << "a second plan writes nothing";
  return slices;
}

const json::value& only_endpoint(const std::vector<Object>& slices) {
  return json::items(slices.at(0).doc(), "endpoints").at(0);
}

TEST(EndpointSlicePlan, DescribesAReadyPod) {
  auto slices = settle(service(), {pod("a")});
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_EQ(slices[0].label(kServiceNameLabel), "web");
  EXPECT_EQ(slices[0].label(kManagedByLabel), kManagedBy);
  EXPECT_EQ(slices[0].controller()->uid, "s");
  EXPECT_EQ(json::dump(*json::find(slices[0].doc(), "ports")), R"([{"name":"http","port":8080,"protocol":"TCP"}])");
  EXPECT_EQ(json::dump_canonical(only_endpoint(slices)),
            R"({"addresses":["127.11.0.5"],"conditions":{"ready":true,"serving":true,"terminating":false},)"
            R"("nodeName":"node-1","targetRef":{"kind":"Pod","name":"a","namespace":"demo","uid":"a"}})");
}

TEST(EndpointSlicePlan, Conditions) {
  struct Case {
    bool ready, deleting, publish;
    const char* want;
  };
  const Case cases[] = {
      {true, false, false, R"({"ready":true,"serving":true,"terminating":false})"},
      {false, false, false, R"({"ready":false,"serving":false,"terminating":false})"},
      {true, true, false, R"({"ready":false,"serving":true,"terminating":true})"},
      {false, true, false, R"({"ready":false,"serving":false,"terminating":true})"},
      {false, false, true, R"({"ready":true,"serving":false,"terminating":false})"},
  };
  for (const Case& c : cases) {
    auto slices = settle(service(c.publish ? R"({"publishNotReadyAddresses":true})" : "{}"), {pod("a", c.ready, c.deleting)});
    EXPECT_EQ(json::dump(*json::find(only_endpoint(slices), "conditions")), c.want);
  }
}

TEST(EndpointSlicePlan, LeavesOutWhatHasNoAddressOrHasEnded) {
  Object unaddressed = pod("a").edit([](json::value& doc) { json::erase(doc, {"status", "podIP"}); });
  Object ended = pod("b").edit([](json::value& doc) { json::set(doc, {"status", "phase"}, "Failed"); });
  Object other = pod("c").edit([](json::value& doc) { json::set(doc, {"metadata", "labels", "app"}, "x"); });
  auto slices = settle(service(), {unaddressed, ended, other});
  ASSERT_EQ(slices.size(), 1u) << "one empty slice says that there is nothing";
  EXPECT_TRUE(json::items(slices[0].doc(), "endpoints").empty() && json::items(slices[0].doc(), "ports").empty());
}

TEST(EndpointSlicePlan, PodsWithOtherPortNumbersStandInOtherSlices) {
  auto slices = settle(service(), {pod("a"), pod("b", true, false, 9090), pod("c")});
  EXPECT_EQ(slices.size(), 2u);
}

TEST(EndpointSlicePlan, NumbersAndMissingTargetPorts) {
  auto slices = settle(service(R"({"ports":[{"name":"a","port":80},{"name":"b","port":81,"targetPort":8081,"protocol":"UDP"},
                                   {"name":"c","port":82,"targetPort":"absent"}]})"),
                       {pod("a")});
  EXPECT_EQ(json::dump(*json::find(slices[0].doc(), "ports")),
            R"([{"name":"a","port":80,"protocol":"TCP"},{"name":"b","port":8081,"protocol":"UDP"}])");
}

TEST(EndpointSlicePlan, FillsSlicesAndKeepsEndpointsWhereTheyAre) {
  std::vector<Object> pods;
  for (int i = 0; i < 5; ++i) pods.push_back(pod("p" + std::to_string(i)));
  auto slices = settle(service(), pods, {}, 2);
  ASSERT_EQ(slices.size(), 3u);
  std::vector<Object> fewer(pods.begin() + 1, pods.end());
  fewer.push_back(pod("q"));
  auto after = settle(service(), fewer, slices, 2);
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[1], slices[1]) << "a slice that nothing happened to stays as it is";
  EXPECT_EQ(settle(service(), {}, after, 2).size(), 1u);
}

TEST(EndpointSlicePlan, WritesNoMoreThanItMust) {
  std::vector<Object> pods;
  for (int i = 0; i < 7; ++i) pods.push_back(pod("p" + std::to_string(i)));
  auto slices = settle(service(), pods, {}, 3);
  ASSERT_EQ(slices.size(), 3u);
  pods.push_back(pod("q"));
  std::vector<Write> one_more = plan({service(), pods, slices}, 3);
  ASSERT_EQ(one_more.size(), 1u) << "into the slice where it fits";
  EXPECT_EQ(one_more[0].verb, Write::Verb::kUpdate);
  EXPECT_EQ(one_more[0].name, slices[2].key());

  auto moved = settle(service(), {pod("a")});
  std::vector<Write> other_port = plan({service(), {pod("a", true, false, 9090)}, moved});
  ASSERT_EQ(other_port.size(), 1u) << "the slice is rewritten in place";
  EXPECT_EQ(other_port[0].verb, Write::Verb::kUpdate);
  EXPECT_EQ(carry_out(moved, other_port)[0].name(), moved[0].name());
}

TEST(EndpointSlicePlan, HoldsItsBoundsHoweverPodsComeAndGo) {
  Random random(7);
  std::vector<Object> slices;
  std::map<std::string, Object> pods;
  for (int round = 0; round < 200; ++round) {
    std::string name = concat("p", random.next() % 40);
    if (random.next() % 2)
      pods[name] = pod(name, random.next() % 2, random.next() % 3 == 0, random.next() % 4 ? 8080 : 9090);
    else
      pods.erase(name);
    std::vector<Object> list;
    for (auto& [key, each] : pods) list.push_back(each);
    slices = settle(service(), list, slices, 5);
    std::set<std::string> seen;
    for (const Object& slice : slices) {
      ASSERT_LE(json::items(slice.doc(), "endpoints").size(), 5u);
      for (const json::value& endpoint : json::items(slice.doc(), "endpoints"))
        ASSERT_TRUE(seen.insert(endpoint_identity(endpoint)).second) << "an endpoint in two slices";
    }
    ASSERT_EQ(seen.size(), pods.size());
  }
}

TEST(EndpointSlicePlan, ForeignSlicesAndServicesWithoutSelectorAreLeftAlone) {
  Object foreign = from_json(R"({"metadata":{"namespace":"demo","name":"x","labels":{"kubernetes.io/service-name":"web"}}})");
  EXPECT_EQ(settle(service(), {pod("a")}, {foreign}).size(), 2u);
  EXPECT_TRUE(plan({service(R"({"selector":{}})"), {pod("a")}, {foreign}}).empty());
}

TEST(EndpointSlicePlan, AHeadlessServiceIsMarked) {
  auto slices = settle(service(R"({"clusterIP":"None","ports":[]})"), {pod("a")});
  ASSERT_EQ(slices.size(), 1u);
  EXPECT_TRUE(json::find(slices[0].doc(), "metadata", "labels", "service.kubernetes.io/headless"));
}

}  // namespace
}  // namespace serin::cluster
