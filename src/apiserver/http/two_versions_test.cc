// Kinds with two served versions over one storage: Events, HorizontalPodAutoscalers.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

constexpr const char* kCore = "/api/v1/namespaces/default/events";
constexpr const char* kNew = "/apis/events.k8s.io/v1/namespaces/default/events";

class TwoVersionsTest : public HttpTest {};

TEST_F(TwoVersionsTest, AnEventIsSeenThroughBothGroups) {
  net::Response made = call("POST", kNew, R"({"metadata":{"name":"e"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"c",
      "reportingInstance":"i","action":"Act","reason":"Why","type":"Normal","note":"text","regarding":{"kind":"Pod","name":"p","namespace":"default"}})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(json::get_string(body_of(made), "apiVersion"), "events.k8s.io/v1");
  EXPECT_EQ(json::get_string(body_of(made), "note"), "text");
  json::value old = body_of(call("GET", concat(kCore, "/e")));
  EXPECT_EQ(json::get_string(old, "apiVersion"), "v1");
  EXPECT_EQ(json::get_string(old, "message"), "text");
  EXPECT_EQ(json::get_string(old, "involvedObject", "name"), "p");
  for (auto [path, field] : {std::pair{kCore, "involvedObject.name%3Dp"}, std::pair{kNew, "regarding.name%3Dp"}}) {
    json::value list = body_of(call("GET", concat(path, "?fieldSelector=", field)));
    EXPECT_EQ(json::items(list, "items").size(), 1u) << json::dump(list);
  }
  EXPECT_EQ(call("GET", concat(kNew, "?fieldSelector=involvedObject.name%3Dp")).status, 400);
  net::Response patched = call("PATCH", concat(kCore, "/e"), R"({"count":4})", "application/merge-patch+json");
  ASSERT_EQ(patched.status, 200) << patched.body;
  json::value now = body_of(call("GET", concat(kNew, "/e")));
  EXPECT_EQ(json::get_int(now, 0, "deprecatedCount"), 4);
  EXPECT_EQ(call("POST", kCore, R"({"metadata":{"name":"e"},"involvedObject":{"namespace":"default"}})").status, 409);
  EXPECT_EQ(call("DELETE", concat(kNew, "/e")).status, 200);
  EXPECT_EQ(call("GET", concat(kCore, "/e")).status, 404);
}

TEST_F(TwoVersionsTest, AWatchShowsTheVersionAskedFor) {
  ASSERT_EQ(call("POST", kCore, R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p","namespace":"default"},"message":"m"})").status, 201);
  net::Response events = call("GET", concat(kNew, "?watch=true&resourceVersion=0&timeoutSeconds=1"));
  json::value event = json::parse(std::string_view(events.body).substr(0, events.body.find('\n'))).value();
  EXPECT_EQ(json::get_string(event, "object", "apiVersion"), "events.k8s.io/v1");
  EXPECT_EQ(json::get_string(event, "object", "note"), "m");
  json::value table;
  net::Request asked = request("GET", concat("/clusters/work-1", kNew));
  asked.headers.set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
  table = body_of(call(asked));
  EXPECT_NE(json::dump(table).find("pod/p"), std::string::npos) << json::dump(table);
}

TEST_F(TwoVersionsTest, AnAutoscalerOfVersion1IsStoredAsVersion2) {
  const char* v1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
  const char* v2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
  net::Response made = call("POST", v1, R"({"metadata":{"name":"h"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"d"},
      "maxReplicas":4,"targetCPUUtilizationPercentage":70}})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(json::get_int(body_of(made), 0, "spec", "minReplicas"), 1);
  json::value metrics = *json::find(body_of(call("GET", concat(v2, "/h"))), "spec", "metrics");
  EXPECT_EQ(json::get_int(metrics.get_array().at(0), 0, "resource", "target", "averageUtilization"), 70);
  ASSERT_EQ(call("PATCH", concat(v2, "/h"), R"({"spec":{"maxReplicas":9}})", "application/merge-patch+json").status, 200);
  EXPECT_EQ(json::get_int(body_of(call("GET", concat(v1, "/h"))), 0, "spec", "maxReplicas"), 9);
}

}  // namespace
}  // namespace serin::apiserver
