// The rules of reads over HTTP: resourceVersion and its match, expired pages, field selectors, remaining items.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

using kube::kConfigMaps;

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

class ListRulesTest : public HttpTest {
 protected:
  void configure(ServerOptions& options) override {
    options.history.max_events = 10;
    options.history.min_events = 0;
  }
  void make(const std::string& name) { ASSERT_TRUE(client_->create(kConfigMaps, config_map(name))); }
};

TEST_F(ListRulesTest, CombinationsThatMakeNoSenseAreRefusedInKubernetesWords) {
  struct Row { const char* query; int status; const char* message; };
  for (const Row& row : {
           Row{"resourceVersionMatch=Exact", 422, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"},
           Row{"resourceVersion=1&resourceVersionMatch=Some", 422, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: \"Some\": supported values: \"Exact\", \"NotOlderThan\", \"\""},
           Row{"resourceVersion=0&resourceVersionMatch=Exact", 422, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""},
           Row{"resourceVersion=1&resourceVersionMatch=Exact&continue=x", 422, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided"},
           Row{"resourceVersion=x", 400, "invalid resource version: \"x\""},
           Row{"continue=nonsense", 400, "continue key is not valid"},
           Row{"sendInitialEvents=true", 422, "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"},
           Row{"watch=true&sendInitialEvents=true", 422, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"},
           Row{"watch=true&resourceVersion=1&resourceVersionMatch=Exact", 422, "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"},
           Row{"fieldSelector=spec.x%3D1", 400, "\"spec.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""}}) {
    net::Response response = call("GET", concat(kMaps, '?', row.query));
    EXPECT_EQ(response.status, row.status) << row.query;
    EXPECT_EQ(json::get_string(body_of(response), "message"), row.message);
  }
  net::Response pods = call("GET", "/api/v1/pods?fieldSelector=spec.x%3D1");
  EXPECT_EQ(json::get_string(body_of(pods), "message"), "field label not supported: spec.x");
}

TEST_F(ListRulesTest, AnExpiredPageCanBeContinuedAtTheLatestState) {
  for (auto name : {"a", "b", "c"}) make(name);
  json::value first = body_of(call("GET", concat(kMaps, "?limit=1")));
  EXPECT_EQ(json::get_int(first, 0, "metadata", "remainingItemCount"), 2);
  std::string token(json::get_string(first, "metadata", "continue"));
  json::value selected = body_of(call("GET", concat(kMaps, "?limit=1&labelSelector=!x")));
  EXPECT_EQ(json::find(selected, "metadata", "remainingItemCount"), nullptr);
  EXPECT_NE(json::get_string(selected, "metadata", "continue"), "");
  for (int i = 0; i < 40; ++i) make(concat("d", i));
  net::Response expired = call("GET", concat(kMaps, "?limit=1&continue=", token));
  ASSERT_EQ(expired.status, 410) << expired.body;
  EXPECT_EQ(json::get_string(body_of(expired), "reason"), "Expired");
  std::string on(json::get_string(body_of(expired), "metadata", "continue"));
  ASSERT_NE(on, "");
  net::Response second = call("GET", concat(kMaps, "?limit=1&continue=", on));
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(json::get_string(json::items(body_of(second), "items")[0], "metadata", "name"), "b");
  net::Response old = call("GET", concat(kMaps, "?resourceVersionMatch=Exact&resourceVersion=", json::get_string(first, "metadata", "resourceVersion")));
  EXPECT_EQ(old.status, 410);
}

TEST_F(ListRulesTest, FlagsThatAreNotSetReadAsFalse) {
  const kube::Resource kNodes = kube::kNodes;
  ASSERT_TRUE(client_->create(kNodes, kube::Object(json::object{{"metadata", json::object{{"name", "n1"}}}})));
  ASSERT_TRUE(client_->create(kNodes, kube::Object(json::object{{"metadata", json::object{{"name", "n2"}}}, {"spec", json::object{{"unschedulable", true}}}})));
  auto free = client_->list(kNodes, {.field_selector = "spec.unschedulable=false"});
  ASSERT_TRUE(free);
  ASSERT_EQ(free->items.size(), 1u);
  EXPECT_EQ(free->items[0].name(), "n1");
}

TEST_F(ListRulesTest, UnknownPatchTypesAreToldWhichThereAre) {
  make("a");
  net::Response refused = call("PATCH", concat(kMaps, "/a"), "{}", "application/cbor");
  EXPECT_EQ(refused.status, 415);
  EXPECT_NE(refused.headers.get("Accept-Patch").find("application/apply-patch+yaml"), std::string_view::npos);
  EXPECT_EQ(call("PATCH", concat(kMaps, "/a"), "{}", "application/json-patch+json").status, 400);
  net::Response failed = call("PATCH", concat(kMaps, "/a"), R"([{"op":"test","path":"/data/key","value":"no"}])", "application/json-patch+json");
  EXPECT_EQ(failed.status, 422);
}

}  // namespace
}  // namespace serin::apiserver
