#include "app/proxy_bootstrap.h"

#include <gtest/gtest.h>

#include "mesh/xds/proxy_id.h"

namespace serin::app {
namespace {

ProxyOptions gateway() {
  ProxyOptions options;
  options.type = "router";
  options.xds = "unix:/state/run/xds.sock";
  options.cluster = "work-1";
  options.ns = "istio-system";
  options.pod = "gateway-7x2lp";
  options.pod_ip = "127.11.0.3";
  options.labels = {{"istio", "ingressgateway"}};
  options.run_dir = "/state/run";
  return options;
}

TEST(ProxyBootstrap, TheControlPlaneKnowsTheNodeAgain) {
  json::value bootstrap = envoy_bootstrap(gateway());
  const json::value& node = *json::find(bootstrap, "node");
  auto proxy = mesh::identify(json::get_string(node, "id"), json::get_string(node, "metadata", "CLUSTER_ID"),
                              {{"istio", std::string(json::get_string(node, "metadata", "LABELS", "istio"))}},
                              json::get_string(node, "metadata", "SERIN_BIND") == "service");
  ASSERT_TRUE(proxy) << proxy.error().message;
  EXPECT_EQ(proxy->name, "work-1/gateway-7x2lp.istio-system");
  EXPECT_EQ(proxy->kind.type, mesh::ProxyKind::Type::kGateway);
  EXPECT_EQ(proxy->kind.labels.at("istio"), "ingressgateway");
  EXPECT_TRUE(proxy->kind.bind_service_addresses);
}

TEST(ProxyBootstrap, NothingButReadinessIsServedOnTheNetwork) {
  json::value bootstrap = envoy_bootstrap(gateway());
  EXPECT_TRUE(json::find(bootstrap, "admin", "address", "pipe")) << "admin can stop the proxy: a socket file only";
  const json::array& listeners = json::items(bootstrap, "static_resources", "listeners");
  ASSERT_EQ(listeners.size(), 1u);
  EXPECT_EQ(json::get_string(listeners[0], "address", "socket_address", "address"), "127.11.0.3");
  std::string text = json::dump(listeners[0]);
  EXPECT_NE(text.find(R"("path":"/healthz/ready")"), std::string::npos);
  EXPECT_EQ(text.find(R"("prefix":"/)"), std::string::npos);
}

}  // namespace
}  // namespace serin::app
