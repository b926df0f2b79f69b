// /metrics: who may read it and what it counts.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

class MetricsTest : public HttpTest {};

TEST_F(MetricsTest, CountsRequestsByWhatTheyAskAndHowTheyEnd) {
  const char* maps = "/api/v1/namespaces/default/configmaps";
  ASSERT_EQ(call("GET", maps).status, 200);
  ASSERT_EQ(call("GET", concat(maps, "/none")).status, 404);
  ASSERT_EQ(call("POST", maps, R"({"metadata":{"name":"a"}})").status, 201);
  ASSERT_EQ(call("GET", concat(maps, "?watch=true&timeoutSeconds=1&resourceVersion=0")).status, 200);
  net::Response response = call("GET", "/metrics");
  ASSERT_EQ(response.status, 200);
  auto has = [&](std::string_view line) { return response.body.find(line) != std::string::npos; };
  std::string what = R"(group="",resource="configmaps",scope=")";
  EXPECT_TRUE(has(concat("apiserver_request_total{code=\"200\",", what, "namespace\",subresource=\"\",verb=\"LIST\",version=\"v1\"} 1\n"))) << response.body;
  EXPECT_TRUE(has(concat("apiserver_request_total{code=\"404\",", what, "resource\",subresource=\"\",verb=\"GET\",version=\"v1\"} 1\n")));
  EXPECT_TRUE(has(concat("apiserver_request_total{code=\"201\",", what, "namespace\",subresource=\"\",verb=\"POST\",version=\"v1\"} 1\n")));
  EXPECT_TRUE(has(concat("apiserver_request_duration_seconds_count{", what, "namespace\",subresource=\"\",verb=\"LIST\",version=\"v1\"} 1\n")));
  EXPECT_TRUE(has("serin_store_revision "));
  EXPECT_TRUE(has("serin_store_healthy 1\n"));
  EXPECT_FALSE(has("process_resident_memory_bytes 0\n"));
  EXPECT_EQ(call(request("GET", "/metrics")).status, 200) << "at the root, for system:masters";
  auto stranger = connect(false);
  for (auto path : {"/metrics", "/clusters/work-1/metrics"}) {
    net::Request asked = request("GET", path);
    asked.headers.set("Authorization", "Bearer reader-token");
    auto refused = stranger->send(asked, std::chrono::seconds(10));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 403);
  }
}

TEST_F(MetricsTest, HealthSaysItsParts) {
  EXPECT_EQ(call(request("GET", "/readyz?verbose")).body, "[+]ping ok\n[+]storage ok\nreadyz check passed\n");
  EXPECT_EQ(call("GET", "/livez/ping").body, "ok");
}

}  // namespace
}  // namespace serin::apiserver
