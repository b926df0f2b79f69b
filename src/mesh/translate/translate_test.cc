#include "mesh/translate/translate.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h>
#include <gtest/gtest.h>

#include "mesh/test_support.h"

namespace serin::mesh {
namespace {

using namespace test;
namespace route = envoy::config::route::v3;

const ProxyKind kGateway{ProxyKind::Type::kGateway, "work-1", "istio-system", {{"istio", "ingressgateway"}}, false};
const ProxyKind kMesh{ProxyKind::Type::kMesh, "work-1", "istio-system", {}, false};
const std::string kStable = "outbound|9090|stable|consumer.demo.svc.cluster.local";
const std::string kCanary = "outbound|9090|canary|consumer.demo.svc.cluster.local";

struct World {
  MeshState state;
  World() {
    state.set_members({"work-1"});
    state.put_workload("work-1", service("consumer", "http", 9090, "10.0.0.1"));
    state.put_workload("work-1", service("provider", "grpc-20880", 20880, "10.0.0.2"));
    state.put_workload("work-1", pod("a", "app: consumer, hash: one"));
    state.put_workload("work-1", pod("b", "app: consumer, hash: two"));
    state.put_workload("work-1", slice("consumer", "http", 8080, endpoint("a", "10.1.0.1") + ", " + endpoint("b", "10.1.0.2")));
    state.put_config(gateway());
    state.put_config(consumer_rule());
  }
  ResourceSetPtr run(const ProxyKind& kind = kGateway, TranslationMemory* memory = nullptr) {
    return translate(*state.view(), kind, memory);
  }
};

template <class Message>
Message parsed(const ResourceSetPtr& set, ResourceType type, const std::string& name) {
  Message out;
  auto found = set->of(type).find(name);
  if (found == set->of(type).end()) ADD_FAILURE() << "no resource " << name;
  else EXPECT_TRUE(out.ParseFromString(found->second->bytes));
  return out;
}

route::RouteConfiguration table(const ResourceSetPtr& set, const std::string& name = "http.9090") {
  return parsed<route::RouteConfiguration>(set, ResourceType::kRoute, name);
}

/// The routes of a VirtualService with these http entries, at the gateway.
std::vector<route::Route> routes(std::string_view http, int hosts = 1) {
  World world;
  world.state.put_config(object(concat("kind: VirtualService\nmetadata: {name: v}\nspec:\n  gateways: [edge]\n  hosts: ['*']\n  http:\n", http)));
  route::RouteConfiguration out = table(world.run());
  EXPECT_EQ(out.virtual_hosts_size(), hosts);
  return {out.virtual_hosts(0).routes().begin(), out.virtual_hosts(0).routes().end()};
}

constexpr const char* kTo = "route: [{destination: {host: consumer}}]";

TEST(Translate, WeightsDropZerosAndSubsetClustersStay) {
  World world;
  world.state.put_config(consumer_route(100, 0));
  ResourceSetPtr set = world.run();
  route::Route only = table(set).virtual_hosts(0).routes(0);
  EXPECT_EQ(only.name(), "primary");
  ASSERT_EQ(only.route().weighted_clusters().clusters_size(), 1) << "a single entry stays weighted";
  EXPECT_EQ(only.route().weighted_clusters().clusters(0).name(), kStable);
  EXPECT_TRUE(set->of(ResourceType::kCluster).contains(kCanary)) << "at weight 0 too";
  EXPECT_TRUE(set->of(ResourceType::kEndpoints).contains(kCanary));

  world.state.put_config(changed(consumer_route(95, 5), {"metadata", "labels", "x"}, "y"));
  only = table(world.run()).virtual_hosts(0).routes(0);
  ASSERT_EQ(only.route().weighted_clusters().clusters_size(), 2);
  EXPECT_EQ(only.route().weighted_clusters().clusters(0).weight().value(), 95u);
  EXPECT_EQ(only.route().weighted_clusters().clusters(1).weight().value(), 5u);
}

TEST(Translate, AWeightChangeAltersOneRouteTable) {
  World world;
  TranslationMemory memory;
  kube::Object v = consumer_route(100, 0);
  world.state.put_config(v);
  ResourceSetPtr before = world.run(kGateway, &memory);
  v = changed(v, {"spec", "http"}, *json::find(consumer_route(95, 5).doc(), "spec", "http"));
  world.state.put_config(v);
  ResourceSetPtr after = world.run(kGateway, &memory);
  ResourceChanges changes = changes_between(before.get(), *after);
  EXPECT_TRUE(changes[0].empty() && changes[1].empty() && changes[2].empty()) << "only a route table";
  EXPECT_EQ(changes[3], std::vector<std::string>{"http.9090"});
  EXPECT_EQ(differing_sources(before->of(ResourceType::kRoute).at("http.9090").get(), after->of(ResourceType::kRoute).at("http.9090").get()).size(), 2u);
}

TEST(Translate, DeterministicAndEqualWithOrWithoutMemory) {
  World a, b;
  for (World* world : {&a, &b}) world->state.put_config(consumer_route(50, 50));
  TranslationMemory memory;
  for (const ProxyKind& kind : {kGateway, kMesh}) {
    ResourceSetPtr one = a.run(kind), two = b.run(kind), three = a.run(kind);
    for (ResourceType type : kResourceTypes) {
      ASSERT_EQ(one->of(type).size(), two->of(type).size());
      for (const auto& [name, resource] : one->of(type)) {
        EXPECT_EQ(resource->bytes, two->of(type).at(name)->bytes) << name;
        EXPECT_EQ(resource->version, three->of(type).at(name)->version) << name;
        EXPECT_TRUE(std::is_sorted(resource->clusters.begin(), resource->clusters.end()));
        EXPECT_TRUE(std::is_sorted(resource->addresses.begin(), resource->addresses.end()));
      }
    }
  }
  ResourceSetPtr first = a.run(kGateway, &memory), second = a.run(kGateway, &memory);
  EXPECT_EQ(first->by_type, second->by_type) << "the same pointers";
}

TEST(Translate, EndpointsBySubset) {
  World world;
  namespace ep = envoy::config::endpoint::v3;
  auto of = [&](const std::string& name) { return world.run()->of(ResourceType::kEndpoints).at(name)->addresses; };
  using List = std::vector<std::string>;
  EXPECT_EQ(of(kStable), List{"10.1.0.1"});
  EXPECT_EQ(of(kCanary), List{"10.1.0.2"});
  EXPECT_EQ(of("outbound|9090||consumer.demo.svc.cluster.local"), (List{"10.1.0.1", "10.1.0.2"}));
  auto load = parsed<ep::ClusterLoadAssignment>(world.run(), ResourceType::kEndpoints, kStable);
  EXPECT_EQ(load.endpoints(0).lb_endpoints(0).endpoint().address().socket_address().port_value(), 8080u) << "the target port";
  EXPECT_EQ(of("outbound|20880||provider.demo.svc.cluster.local"), List{}) << "empty, never missing";
}

TEST(Translate, HttpTwoForGrpcPorts) {
  World world;
  auto options = [&](const std::string& name) {
    auto cluster = parsed<envoy::config::cluster::v3::Cluster>(world.run(), ResourceType::kCluster, name);
    envoy::extensions::upstreams::http::v3::HttpProtocolOptions out;
    cluster.typed_extension_protocol_options().begin()->second.UnpackTo(&out);
    return out;
  };
  EXPECT_TRUE(options("outbound|20880||provider.demo.svc.cluster.local").explicit_http_config().has_http2_protocol_options());
  EXPECT_TRUE(options(kStable).explicit_http_config().has_http_protocol_options());
}

TEST(Translate, FirstRulesPolicyCountsAndSubsetsInheritIt) {
  World world;
  world.state.put_config(object(R"(
kind: DestinationRule
metadata: {name: another}
spec: {host: consumer, trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}, subsets: [{name: stable}, {name: third}]}
)"));
  ResourceSetPtr set = world.run();
  auto cluster = parsed<envoy::config::cluster::v3::Cluster>(set, ResourceType::kCluster, kStable);
  EXPECT_EQ(cluster.circuit_breakers().thresholds(0).max_connections().value(), 7u);
  EXPECT_EQ(cluster.connect_timeout().seconds(), 10);
  EXPECT_TRUE(set->of(ResourceType::kCluster).contains("outbound|9090|third|consumer.demo.svc.cluster.local"));
}

TEST(Translate, HeaderOperations) {
  auto out = routes(R"(
    - route:
      - {destination: {host: consumer, subset: stable}, weight: 1, headers: {request: {add: {lane: v1}}}}
      - {destination: {host: consumer, subset: canary}, weight: 1, headers: {request: {set: {lane: v2, host: x.com}, remove: [gone]}}}
      headers: {response: {add: {served: by}}}
)");
  ASSERT_EQ(out.size(), 1u);
  const auto& first = out[0].route().weighted_clusters().clusters(0);
  const auto& second = out[0].route().weighted_clusters().clusters(1);
  using Option = envoy::config::core::v3::HeaderValueOption;
  ASSERT_EQ(first.request_headers_to_add_size(), 1);
  EXPECT_EQ(first.request_headers_to_add(0).append_action(), Option::APPEND_IF_EXISTS_OR_ADD);
  ASSERT_EQ(second.request_headers_to_add_size(), 1) << "host is a rewrite";
  EXPECT_EQ(second.request_headers_to_add(0).append_action(), Option::OVERWRITE_IF_EXISTS_OR_ADD);
  EXPECT_EQ(second.host_rewrite_literal(), "x.com");
  EXPECT_EQ(second.request_headers_to_remove(0), "gone");
  EXPECT_EQ(out[0].response_headers_to_add(0).header().key(), "served");
}

TEST(Translate, Matches) {
  auto out = routes(concat(R"(
    - match:
      - {uri: {exact: /a}, headers: {lane: {exact: v2}}, method: {exact: GET}}
      - {uri: {prefix: /b}, ignoreUriCase: true, withoutHeaders: {x: {prefix: p}}}
      - {uri: {regex: /c.*}, queryParams: {q: {exact: '1'}}}
      - {headers: {marked: {}}}
      - {port: 1}
      - {gateways: [other]}
      - {sourceLabels: {app: z}}
      )", kTo));
  ASSERT_EQ(out.size(), 4u) << "those of other ports, gateways and sources are left out";
  EXPECT_EQ(out[0].match().path(), "/a");
  ASSERT_EQ(out[0].match().headers_size(), 2);
  EXPECT_EQ(out[0].match().headers(0).name(), ":method");
  EXPECT_EQ(out[0].match().headers(1).string_match().exact(), "v2");
  EXPECT_EQ(out[1].match().prefix(), "/b");
  EXPECT_FALSE(out[1].match().case_sensitive().value());
  EXPECT_TRUE(out[1].match().headers(0).invert_match());
  EXPECT_EQ(out[2].match().safe_regex().regex(), "/c.*");
  EXPECT_EQ(out[2].match().query_parameters(0).string_match().exact(), "1");
  EXPECT_TRUE(out[3].match().headers(0).present_match());
}

TEST(Translate, NothingFollowsACatchAll) {
  auto out = routes(concat("    - {name: one, match: [{uri: {prefix: /}}], ", kTo, "}\n    - {name: two, ", kTo, "}\n"));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].name(), "one");
}

TEST(Translate, RetriesTimeoutsRewrites) {
  auto out = routes(concat("    - {match: [{uri: {exact: /1}}], ", kTo, "}\n",
                           "    - {match: [{uri: {exact: /2}}], retries: {attempts: 0}, timeout: 3s, ", kTo, "}\n",
                           "    - {match: [{uri: {exact: /3}}], retries: {attempts: 5, retryOn: 'reset,503', perTryTimeout: 1s}, ",
                           "rewrite: {uri: /new, authority: h}, ", kTo, "}\n",
                           "    - {match: [{uri: {exact: /4}}], redirect: {uri: /x, redirectCode: 307}}\n",
                           "    - {match: [{uri: {exact: /5}}], directResponse: {status: 418, body: {string: tea}}}\n",
                           "    - {match: [{uri: {exact: /6}}], fault: {abort: {httpStatus: 503, percentage: {value: 50}}}, ",
                           "mirror: {host: provider}, ", kTo, "}\n",
                           "    - {match: [{uri: {exact: /7}}], route: [{destination: {host: a}, weight: 0}, {destination: {host: b}, weight: 0}]}\n"));
  ASSERT_EQ(out.size(), 7u);
  EXPECT_EQ(out[0].route().retry_policy().num_retries().value(), 2u) << "the mesh default";
  EXPECT_EQ(out[0].route().timeout().seconds(), 0) << "no limit";
  EXPECT_FALSE(out[1].route().has_retry_policy());
  EXPECT_EQ(out[1].route().timeout().seconds(), 3);
  EXPECT_EQ(out[2].route().retry_policy().num_retries().value(), 5u);
  EXPECT_EQ(out[2].route().retry_policy().retry_on(), "reset,retriable-status-codes");
  EXPECT_EQ(out[2].route().retry_policy().retriable_status_codes(0), 503u);
  EXPECT_EQ(out[2].route().prefix_rewrite(), "/new");
  EXPECT_EQ(out[2].route().host_rewrite_literal(), "h");
  EXPECT_EQ(out[3].redirect().response_code(), route::RedirectAction::TEMPORARY_REDIRECT);
  EXPECT_EQ(out[4].direct_response().status(), 418u);
  EXPECT_EQ(out[5].route().request_mirror_policies(0).cluster(), "outbound|20880||provider.demo.svc.cluster.local");
  EXPECT_TRUE(out[5].typed_per_filter_config().contains("envoy.filters.http.fault"));
  EXPECT_EQ(out[6].direct_response().status(), 500u) << "no destination has a weight";
}

kube::Object virtual_service(const char* name, const char* created, const char* hosts, std::string_view http, const char* more = "") {
  return object(concat("kind: VirtualService\nmetadata: {name: ", name, ", creationTimestamp: '2026-01-0", created,
                       "T00:00:00Z'}\nspec:\n  gateways: [edge]\n  hosts: ", hosts, "\n", more, "  http:\n", http));
}

TEST(Translate, VirtualServicesOfOneHostMerge) {
  World world;
  world.state.put_config(virtual_service("old", "1", "[a.com]", concat("    - {name: old-all, ", kTo, "}\n")));
  world.state.put_config(virtual_service("new", "2", "[a.com, b.com]", concat("    - {name: new-x, match: [{uri: {prefix: /x}}], ", kTo, "}\n")));
  world.state.put_config(virtual_service("hidden", "3", "[c.com]", concat("    - {name: h, ", kTo, "}\n"), "  exportTo: ['.']\n"));
  route::RouteConfiguration out = table(world.run());
  ASSERT_EQ(out.virtual_hosts_size(), 2) << "what is not exported to the gateway's namespace is not there";
  EXPECT_EQ(out.virtual_hosts(0).name(), "a.com:9090");
  ASSERT_EQ(out.virtual_hosts(0).routes_size(), 2);
  EXPECT_EQ(out.virtual_hosts(0).routes(0).name(), "new-x");
  EXPECT_EQ(out.virtual_hosts(0).routes(1).name(), "old-all") << "catch-alls last";
  EXPECT_EQ(out.virtual_hosts(1).routes_size(), 1);
}

TEST(Translate, AnUnusedGatewayAnswersNotFound) {
  route::RouteConfiguration out = table(World().run());
  ASSERT_EQ(out.virtual_hosts_size(), 1);
  EXPECT_EQ(out.virtual_hosts(0).name(), "blackhole:9090");
  EXPECT_EQ(out.virtual_hosts(0).routes_size(), 0);
}

TEST(Translate, ListenersWhereTheProxyBinds) {
  World world;
  world.state.put_workload("work-1", object(R"(
kind: Service
metadata: {name: gw, namespace: istio-system, annotations: {serin.io/bind: gateway}}
spec: {clusterIP: 10.0.9.9, selector: {istio: ingressgateway}, ports: [{name: http, port: 80}]}
)"));
  auto bind = [&](const ProxyKind& kind) {
    auto set = world.run(kind);
    EXPECT_EQ(set->of(ResourceType::kListener).size(), 1u);
    return parsed<envoy::config::listener::v3::Listener>(set, ResourceType::kListener, "0.0.0.0_9090").address().socket_address().address();
  };
  EXPECT_EQ(bind(kGateway), "0.0.0.0");
  ProxyKind embedded = kGateway;
  embedded.bind_service_addresses = true;
  EXPECT_EQ(bind(embedded), "10.0.9.9");
  auto mesh = world.run(kMesh)->of(ResourceType::kListener);
  EXPECT_EQ(mesh.size(), 2u) << "the gateway's address is the gateway's";
  EXPECT_TRUE(mesh.contains("10.0.0.1_9090"));
}

TEST(Translate, MeshProxyRoutesByTheMostSpecificVirtualService) {
  World world;
  auto put = [&](const char* name, const char* created, const char* host) {
    world.state.put_config(object(concat("{kind: VirtualService, metadata: {name: ", name, ", creationTimestamp: '2026-01-0", created,
                                         "T00:00:00Z'}, spec: {hosts: ['", host, "'], http: [{name: ", name, ", ", kTo, "}]}}")));
  };
  auto name = [&] { return table(world.run(kMesh), "provider.demo.svc.cluster.local:20880").virtual_hosts(0).routes(0).name(); };
  EXPECT_EQ(name(), "default");
  put("wide", "1", "*.svc.cluster.local");
  EXPECT_EQ(name(), "wide");
  put("exact", "2", "provider");
  EXPECT_EQ(name(), "exact");
  put("later", "3", "provider");
  EXPECT_EQ(name(), "exact") << "the first of two, no merging at mesh proxies";
}

TEST(Translate, ARejectedHostGetsNoRoutes) {
  World world;
  world.state.put_config(changed(gateway(), {"spec", "servers"}, json::array{json::object{
      {"hosts", json::array{"hello.m.example"}}, {"port", json::object{{"number", 9090}, {"protocol", "HTTP"}}}}}));
  world.state.put_config(virtual_service("v", "1", "[helloworld.demo.svc.cluster.local]", concat("    - {", kTo, "}\n")));
  EXPECT_EQ(table(world.run()).virtual_hosts(0).name(), "blackhole:9090") << "the hosts do not meet";
}

}  // namespace
}  // namespace serin::mesh
