#include <gtest/gtest.h>

#include "mesh/config/destination_rule.h"
#include "mesh/config/gateway.h"
#include "mesh/config/names.h"
#include "mesh/config/service.h"
#include "mesh/config/virtual_service.h"
#include "mesh/test_support.h"

namespace serin::mesh {
namespace {

using test::object;

TEST(Names, HostsResolve) {
  struct Row {
    const char *host, *resolved;
  } rows[] = {{"provider", "provider.demo.svc.cluster.local"},
              {"Provider", "provider.demo.svc.cluster.local"},
              {"provider.other", "provider.other"},
              {"provider.other.svc.cluster.local", "provider.other.svc.cluster.local"},
              {"*", "*"},
              {"*.example.com", "*.example.com"},
              {"127.0.0.1", "127.0.0.1"},
              {"::1", "::1"}};
  for (const Row& row : rows) EXPECT_EQ(resolve_host(row.host, "demo"), row.resolved) << row.host;
}

TEST(Names, PatternsCover) {
  struct Row {
    const char *pattern, *host;
    bool covers;
  } rows[] = {{"*", "a.example.com", true},          {"*", "*.example.com", true},
              {"*.example.com", "a.example.com", true}, {"*.example.com", "a.b.example.com", true},
              {"*.example.com", "example.com", false},  {"*.example.com", "*.b.example.com", true},
              {"*.example.com", "*.example.com", true}, {"*.b.example.com", "*.example.com", false},
              {"a.example.com", "a.example.com", true}, {"a.example.com", "*", false},
              {"example.com", "a.example.com", false}};
  for (const Row& row : rows) EXPECT_EQ(host_covers(row.pattern, row.host), row.covers) << row.pattern << " " << row.host;
}

TEST(Names, ResourceNamesAreIstios) {
  EXPECT_EQ(outbound_cluster(9090, "stable", "a.b"), "outbound|9090|stable|a.b");
  EXPECT_EQ(outbound_cluster(80, "", "a.b"), "outbound|80||a.b");
  EXPECT_EQ(listener_name("0.0.0.0", 80), "0.0.0.0_80");
  EXPECT_EQ(gateway_route_name(80), "http.80");
}

TEST(Service, ProtocolByPortNameOrAppProtocol) {
  struct Row {
    const char *name, *app;
    Protocol protocol;
  } rows[] = {{"http", "", Protocol::kHttp},          {"http-web", "", Protocol::kHttp},
              {"HTTP2", "", Protocol::kHttp2},        {"grpc-20880", "", Protocol::kHttp2},
              {"grpc-web-x", "", Protocol::kHttp2},   {"tcp-db", "", Protocol::kTcp},
              {"https", "", Protocol::kTcp},          {"tri-20880", "", Protocol::kUnknown},
              {"dubbo", "", Protocol::kUnknown},      {"", "", Protocol::kUnknown},
              {"tcp", "grpc", Protocol::kHttp2},      {"web", "kubernetes.io/h2c", Protocol::kHttp2},
              {"web", "kubernetes.io/ws", Protocol::kHttp}, {"grpc", "acme.com/thing", Protocol::kUnknown}};
  for (const Row& row : rows) EXPECT_EQ(protocol_of(row.name, row.app), row.protocol) << row.name << " " << row.app;
}

TEST(Service, Reads) {
  Service read = Service::read("work-1", object(R"(
apiVersion: v1
kind: Service
metadata: {name: gateway, annotations: {serin.io/bind: gateway}}
spec:
  clusterIP: 127.11.128.4
  selector: {istio: ingressgateway}
  ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}, {name: grpc-x, port: 9, protocol: TCP}]
)"));
  EXPECT_EQ(read.fqdn, "gateway.demo.svc.cluster.local");
  EXPECT_EQ(read.vip, "127.11.128.4");
  EXPECT_TRUE(read.bound_by_gateway);
  EXPECT_TRUE(read.bound_elsewhere);
  Service kubernetes = Service::read("c", object("{kind: Service, metadata: {name: kubernetes, annotations: {serin.io/bind: api-server}}}"));
  EXPECT_FALSE(kubernetes.bound_by_gateway);
  EXPECT_TRUE(kubernetes.bound_elsewhere);
  EXPECT_FALSE(Service::read("c", object("{kind: Service, metadata: {name: a}}")).bound_elsewhere);
  ASSERT_EQ(read.ports.size(), 2u) << "UDP is not for proxies of HTTP";
  EXPECT_EQ(read.ports[1], (ServicePort{"grpc-x", 9, Protocol::kHttp2}));
  EXPECT_EQ(Service::read("c", object("{kind: Service, metadata: {name: a}, spec: {clusterIP: None}}")).vip, "");
}

TEST(Gateway, BoundHosts) {
  Gateway read = Gateway::read(object(R"(
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway, tier: front}
  servers:
    - hosts: [a.example.com, other/*.test, ./C.local]
      port: {number: 80, protocol: http}
    - hosts: ['*']
      port: {number: 443, protocol: HTTPS}
)"));
  const GatewayServer& server = read.servers[0];
  using Hosts = std::set<std::string>;
  EXPECT_EQ(server.bound_hosts("*", "demo"), (Hosts{"a.example.com", "c.local"})) << "every host that meets";
  EXPECT_EQ(server.bound_hosts("*.example.com", "demo"), Hosts{"a.example.com"});
  EXPECT_EQ(server.bound_hosts("x.test", "other"), Hosts{"x.test"});
  EXPECT_EQ(server.bound_hosts("x.test", "demo"), Hosts{});
  EXPECT_EQ(server.bound_hosts("c.local", "other"), Hosts{});
  EXPECT_TRUE(server.plain_http());
  EXPECT_FALSE(read.servers[1].plain_http());
  EXPECT_EQ(read.problems.size(), 1u);
  EXPECT_TRUE(read.selects({{"istio", "ingressgateway"}, {"tier", "front"}, {"more", "x"}}));
  EXPECT_FALSE(read.selects({{"istio", "ingressgateway"}}));
}

TEST(VirtualService, ReadsTheSubsetShape) {
  VirtualService read = VirtualService::read(test::consumer_route(95, 5));
  EXPECT_EQ(read.hosts, std::vector<std::string>{"*"});
  EXPECT_EQ(read.gateways, std::vector<std::string>{"demo/edge"});
  EXPECT_TRUE(read.on_gateway({"demo", "edge"}));
  EXPECT_FALSE(read.on_mesh());
  ASSERT_EQ(read.http.size(), 1u);
  const HttpRoute& http = read.http[0];
  EXPECT_EQ(http.name, "primary");
  ASSERT_EQ(http.destinations.size(), 2u);
  EXPECT_EQ(http.destinations[1].host, "consumer.demo.svc.cluster.local");
  EXPECT_EQ(http.destinations[1].subset, "canary");
  EXPECT_EQ(http.destinations[1].port, 9090);
  EXPECT_EQ(http.destinations[1].weight, 5);
  EXPECT_EQ(http.retries->attempts, 0);
  EXPECT_TRUE(read.problems.empty());
}

TEST(VirtualService, ReadsTheHostShapeWithHeaders) {
  VirtualService read = VirtualService::read(object(R"(
kind: VirtualService
metadata: {name: provider}
spec:
  hosts: [provider]
  http:
    - name: test-v1
      match: [{headers: {Lane: {exact: test-v1}}, uri: {prefix: /api}, gateways: [mesh], port: 7}, {queryParams: {q: {}}}]
      route:
        - destination: {host: provider}
          weight: 100
          headers: {request: {add: {lane: test-v1}, set: {a: b}, remove: [c]}, response: {set: {r: s}}}
        - {destination: {host: provider-canary}, weight: 0}
      timeout: 1.5s
      retries: {attempts: 3, perTryTimeout: 2s, retryOn: '5xx,503'}
    - route: [{destination: {host: provider}}]
)"));
  EXPECT_TRUE(read.on_mesh()) << "no gateways means the mesh";
  ASSERT_EQ(read.http.size(), 2u);
  const HttpRoute& http = read.http[0];
  ASSERT_EQ(http.matches.size(), 2u);
  EXPECT_EQ(http.matches[0].headers.at("lane").value, "test-v1") << "header names in lower case";
  EXPECT_EQ(http.matches[0].port, 7);
  EXPECT_FALSE(http.matches[0].catch_all());
  EXPECT_EQ(http.matches[1].query.at("q").kind, StringMatch::Kind::kPresent);
  EXPECT_EQ(http.destinations[0].headers.request_add.at("lane"), "test-v1");
  EXPECT_EQ(http.destinations[0].headers.request_remove, std::vector<std::string>{"c"});
  EXPECT_EQ(http.destinations[0].headers.response_set.at("r"), "s");
  EXPECT_EQ(http.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(http.retries->attempts, 3);
  EXPECT_EQ(http.retries->per_try_timeout, std::chrono::seconds(2));
}

TEST(VirtualService, SaysWhatIsNotTranslated) {
  VirtualService read = VirtualService::read(object(R"(
kind: VirtualService
metadata: {name: provider}
spec:
  hosts: [provider]
  http:
    - name: a
      delegate: {name: x}
      corsPolicy: {}
      fault: {abort: {grpcStatus: UNAVAILABLE}}
      route: [{destination: {host: x}, weight: 0}, {destination: {host: y}, weight: 0}]
  tcp: [{}]
)"));
  EXPECT_EQ(read.problems.size(), 5u);
}

TEST(VirtualService, BadShapesNeverFail) {
  for (const char* text : {"{kind: VirtualService, metadata: {name: a}}",
                           "{kind: VirtualService, metadata: {name: a}, spec: {hosts: 3, http: {}, gateways: [1]}}",
                           "{kind: VirtualService, metadata: {name: a}, spec: {http: [3, {match: [4], route: [5, {}]}]}}"})
    EXPECT_NO_THROW(VirtualService::read(object(text))) << text;
}

TEST(VirtualService, OldestFirstThenByName) {
  auto at = [](const char* name, const char* time) {
    return VirtualService::read(
        object(concat("{kind: VirtualService, metadata: {name: ", name, ", creationTimestamp: '", time, "'}}")));
  };
  auto older = at("z", "2026-01-01T00:00:00Z"), newer = at("a", "2026-01-02T00:00:00Z"), same = at("b", "2026-01-02T00:00:00Z");
  EXPECT_TRUE(applies_before(older, newer));
  EXPECT_TRUE(applies_before(newer, same));
  EXPECT_FALSE(applies_before(same, older));
}

TEST(DestinationRule, ReadsSubsetsAndPolicy) {
  DestinationRule read = DestinationRule::read(object(R"(
kind: DestinationRule
metadata: {name: provider}
spec:
  host: provider
  trafficPolicy:
    connectionPool: {http: {maxRetries: 3, h2UpgradePolicy: UPGRADE}}
    portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]
    tls: {mode: ISTIO_MUTUAL}
  subsets:
    - name: stable
      labels: {app: provider}
    - name: canary
      labels: {app: provider}
      trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 2, interval: 5s}}
)"));
  EXPECT_EQ(read.host, "provider.demo.svc.cluster.local");
  EXPECT_EQ(read.policy.max_retries, 3);
  EXPECT_EQ(read.policy.h2_upgrade, true);
  EXPECT_EQ(read.policy.at_port(80).load_balancer, "RANDOM");
  EXPECT_FALSE(read.policy.at_port(80).max_retries) << "port settings replace everything else";
  TrafficPolicy canary = read.subsets[1].policy.over(read.policy);
  EXPECT_EQ(canary.max_retries, 3) << "the block is inherited";
  EXPECT_EQ(canary.load_balancer, "ROUND_ROBIN");
  EXPECT_EQ(canary.outlier_detection->consecutive_5xx, 2);
  EXPECT_EQ(read.problems.size(), 1u);
}

}  // namespace
}  // namespace serin::mesh
