#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/patch.h"
#include "kube/resources.h"
#include "rollout/names.h"
#include "rollout/testing/objects.h"
#include "rollout/traffic/istio_routes.h"
#include "rollout/traffic/router.h"

namespace serin::rollout {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::parse;

Object generation(json::value doc, int64_t number) {
  json::set(doc, {"metadata", "generation"}, number);
  return Object(std::move(doc));
}

struct Subsets {
  Rollout rollout{Object(testing::weight_rollout())};
  TrafficObjects objects;
  std::unique_ptr<TrafficRouter> router;

  explicit Subsets(json::value vs = testing::subset_virtual_service()) {
    objects.virtual_services = {generation(std::move(vs), 3)};
    objects.destination_rule = generation(testing::subset_rule(), 2);
    router = make_router(rollout);
  }

  /// Carries the writes out on the objects.
  void apply(const std::vector<client::Write>& writes) {
    for (const client::Write& write : writes) {
      Object& target = write.resource.plural == "virtualservices"    ? objects.virtual_services[0]
                       : write.resource.plural == "destinationrules" ? objects.destination_rule
                       : write.name.name == "provider"               ? objects.stable_service
                                                                     : objects.canary_service;
      json::value doc = target.doc();
      if (write.patch.type == client::Patch::Type::kJson) {
        auto patched = json::apply_patch(doc, write.patch.body);
        ASSERT_TRUE(patched) << patched.error().message;
        doc = *patched;
      } else {
        json::merge_patch(doc, write.patch.body);
      }
      target = Object(doc);
    }
  }
};

TEST(IstioRouter, WritesLeavesAndThenNothing) {
  Subsets s;
  Routing to{"aaa", "bbb", 5, {}};
  EXPECT_THAT(s.router->problems(s.objects), IsEmpty());
  EXPECT_EQ(s.router->current(s.objects), (Routing{"", "", 0, {}}));
  std::vector<client::Write> writes = s.router->set(to, s.objects);
  ASSERT_EQ(writes.size(), 2u);
  s.apply(writes);
  EXPECT_EQ(s.router->current(s.objects), to);
  EXPECT_THAT(s.router->set(to, s.objects), IsEmpty());

  json::value expected = testing::subset_rule();
  json::set(expected, {"metadata", "generation"}, 2);
  json::set(expected, {"metadata", "annotations", kManagedBy}, json::value("provider"));
  json::array& subsets = json::find(expected, "spec", "subsets")->get_array();
  json::set(subsets[0], {"labels", kHashLabel}, json::value("aaa"));
  json::set(subsets[1], {"labels", kHashLabel}, json::value("bbb"));
  EXPECT_EQ(s.objects.destination_rule.doc(), expected);
}

TEST(IstioRouter, AForeignChangeInBetweenFailsTheWrite) {
  Subsets s;
  std::vector<client::Write> writes = s.router->set({"", "", 5, {}}, s.objects);
  ASSERT_EQ(writes.size(), 1u);
  Object newer = generation(s.objects.virtual_services[0].doc(), 4);
  EXPECT_FALSE(json::apply_patch(newer.doc(), writes[0].patch.body));
}

TEST(IstioRouter, ForeignDestinationsKeepTheirShare) {
  json::value vs = testing::subset_virtual_service();
  json::array& route = json::find(vs, "spec", "http")->get_array()[0].get_object()["route"].get_array();
  route[0].get_object()["weight"] = 80;
  route.push_back(parse(R"({"destination": {"host": "experiment"}, "weight": 20})"));
  Subsets s(vs);
  for (int64_t weight : {0, 5, 33, 50, 99, 100}) {
    s.apply(s.router->set({"", "", weight, {}}, s.objects));
    int64_t sum = 0;
    const json::array& http = json::items(s.objects.virtual_services[0].doc(), "spec", "http");
    for (const json::value& entry : json::items(http[0], "route")) sum += json::get_int(entry, 0, "weight");
    EXPECT_EQ(sum, 100) << weight;
    EXPECT_THAT(s.router->set({"", "", weight, {}}, s.objects), IsEmpty()) << weight;
  }
}

TEST(IstioRouter, NamesWhatIsMissing) {
  auto problem = [](const std::function<void(Subsets&)>& change) {
    Subsets s;
    change(s);
    std::vector<Cause> causes = s.router->problems(s.objects);
    return causes.empty() ? std::string() : causes[0].field + ": " + causes[0].message;
  };
  EXPECT_THAT(problem([](Subsets& s) { s.objects.virtual_services[0] = Object(); }),
              HasSubstr("virtualService.name: VirtualService demo/provider not found"));
  EXPECT_THAT(problem([](Subsets& s) { s.objects.destination_rule = Object(); }),
              HasSubstr("destinationRule.name: DestinationRule demo/provider not found"));
  EXPECT_THAT(problem([](Subsets& s) {
                s.objects.destination_rule = s.objects.destination_rule.edit([](json::value& doc) {
                  json::array& subsets = json::find(doc, "spec", "subsets")->get_array();
                  subsets.erase(subsets.begin() + 1);
                });
              }),
              HasSubstr("destinationRule.canarySubsetName: DestinationRule demo/provider has no subset 'canary'"));
  EXPECT_THAT(problem([](Subsets& s) {
                s.objects.virtual_services[0] = s.objects.virtual_services[0].edit([](json::value& doc) {
                  json::find(doc, "spec", "http")->get_array()[0].get_object()["name"] = "other";
                });
              }),
              HasSubstr("virtualService.routes: VirtualService demo/provider: has no HTTP route 'main'"));
  EXPECT_THAT(problem([](Subsets& s) {
                s.objects.virtual_services[0] = s.objects.virtual_services[0].edit([](json::value& doc) {
                  json::array& http = json::find(doc, "spec", "http")->get_array();
                  http[0].get_object()["route"].get_array().pop_back();
                });
              }),
              HasSubstr("HTTP route 'main' has no destination for the canary subset 'canary'"));
}

TEST(IstioRouter, WithoutNamesTakesTheOnlyOrTheUnnamedRoute) {
  auto routes = [](const std::string& http) {
    json::value doc = json::object();
    json::set(doc, {"spec", "http"}, parse(http));
    return weighted_routes(doc, {}, {"lane"});
  };
  EXPECT_EQ(*routes(R"([{"name": "a"}])"), std::vector<size_t>{0});
  EXPECT_EQ(*routes(R"([{"name": "lane"}, {"name": "a"}])"), std::vector<size_t>{1});
  EXPECT_EQ(*routes(R"([{"name": "a"}, {}, {}])"), std::vector<size_t>{1});
  EXPECT_FALSE(routes(R"([{"name": "a"}, {"name": "b"}])"));
  EXPECT_FALSE(routes("[]"));
}

TEST(IstioRouter, HeaderRoutesStandInFrontInOrder) {
  Rollout rollout(Object(testing::header_rollout()));
  Subsets s;
  s.router = make_router(rollout);
  s.objects.virtual_services = {generation(testing::service_virtual_service(), 1)};
  s.objects.destination_rule = Object();
  s.objects.stable_service = Object(testing::service("provider"));
  s.objects.canary_service = Object(testing::service("provider-canary"));
  EXPECT_THAT(s.router->problems(s.objects), IsEmpty());
  Routing to{"aaa", "bbb", 0, {{"lane-v2", {{"lane", "exact", "x"}, {"user", "regex", "t.*"}}}}};
  s.apply(s.router->set(to, s.objects));
  EXPECT_EQ(s.router->current(s.objects), to);
  EXPECT_THAT(s.router->set(to, s.objects), IsEmpty());
  const json::array& http = json::items(s.objects.virtual_services[0].doc(), "spec", "http");
  ASSERT_EQ(http.size(), 3u);
  EXPECT_EQ(json::dump(*json::find(http[0], "match")),
            R"([{"headers":{"lane":{"exact":"x"}}},{"headers":{"user":{"regex":"t.*"}}}])");
  // Somebody has moved it behind the others: it is put back.
  s.objects.virtual_services[0] = s.objects.virtual_services[0].edit([](json::value& doc) {
    json::array& list = json::find(doc, "spec", "http")->get_array();
    std::swap(list[0], list[1]);
  });
  EXPECT_NE(s.router->current(s.objects), to);
  s.apply(s.router->set(to, s.objects));
  EXPECT_EQ(s.router->current(s.objects), to);
  to.header_routes.clear();
  s.apply(s.router->set(to, s.objects));
  EXPECT_EQ(json::items(s.objects.virtual_services[0].doc(), "spec", "http"),
            json::items(testing::service_virtual_service(), "spec", "http"));
}

TEST(IstioRouter, ReadsTheMeshsConfirmation) {
  auto confirmed = [](const std::string& status) {
    Subsets s;
    s.objects.virtual_services[0] =
        s.objects.virtual_services[0].edit([&](json::value& doc) { json::set(doc, {"status"}, parse(status)); });
    return s.router->confirmed(s.objects);
  };
  EXPECT_EQ(confirmed("{}").routes, Ack::kNobodyReports);
  EXPECT_EQ(confirmed(R"({"conditions": [{"type": "Reconciled", "status": "Unknown"}]})").routes, Ack::kNobodyReports);
  EXPECT_EQ(confirmed(R"({"observedGeneration": 3, "conditions": [{"type": "Reconciled", "status": "True"}]})").routes,
            Ack::kYes);
  EXPECT_EQ(confirmed(R"({"observedGeneration": "4", "conditions": [{"type": "Reconciled", "status": "True"}]})").routes,
            Ack::kYes);
  EXPECT_EQ(confirmed(R"({"observedGeneration": 2, "conditions": [{"type": "Reconciled", "status": "True"}]})").routes,
            Ack::kNotYet);
  Confirmation lagging = confirmed(
      R"({"observedGeneration": 3, "conditions": [{"type": "Reconciled", "status": "False", "message": "7/12 proxies"}]})");
  EXPECT_EQ(lagging.routes, Ack::kNotYet);
  EXPECT_EQ(lagging.message, "7/12 proxies");
  EXPECT_EQ(lagging.object, "VirtualService demo/provider");
  EXPECT_EQ(lagging.subsets, Ack::kNobodyReports);
}

TEST(IstioRouter, VirtualServicesMayStandInAnotherNamespace) {
  auto name = [](const std::string& text) {
    json::value doc = testing::weight_rollout();
    json::set(doc, {"spec", "strategy", "canary", "trafficRouting", "istio", "virtualService", "name"},
              json::value(text));
    return Rollout(Object(doc)).canary().istio->virtual_services[0].name.str();
  };
  EXPECT_EQ(name("routes"), "demo/routes");
  EXPECT_EQ(name("routes.mesh"), "mesh/routes");
  EXPECT_EQ(name("my.routes.mesh.cluster.local"), "mesh/my.routes");
}

}  // namespace
}  // namespace serin::rollout
