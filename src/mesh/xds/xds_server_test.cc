#include "mesh/xds/xds_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "mesh/test_support.h"
#include "mesh/xds/ack_status_reconciler.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace serin::mesh {
namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr auto kLong = 30s;  // nothing waits for it to pass

/// Looks until it holds.
bool eventually(const std::function<bool()>& holds) {
  auto end = std::chrono::steady_clock::now() + kLong;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

uint16_t free_port(const char* address) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  inet_pton(AF_INET, address, &at.sin_addr);
  socklen_t size = sizeof at;
  bind(fd, reinterpret_cast<sockaddr*>(&at), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  close(fd);
  return ntohs(at.sin_port);
}

/// A version of the application: answers with its name.
struct Backend {
  std::atomic<int> requests = 0;
  std::unique_ptr<net::HttpServer> server;
  Backend(const std::string& name, const char* address, uint16_t port = 0) {
    net::ServerOptions options;
    options.address = address;
    options.port = port;
    server = net::HttpServer::start(options, [this, name](net::Request, std::unique_ptr<net::Responder> answer) {
               ++requests;
               answer->send({200, {}, name, nullptr});
             }).value();
  }
};

/// Envoy with the bootstrap that gateway pods get, in a folder of its own.
class Envoy {
 public:
  Envoy(const std::string& folder, const std::string& xds_socket) {
    std::string file = folder + "/envoy.yaml";
    std::ofstream(file) << R"(
node:
  id: router~127.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local
  cluster: router
  metadata: {CLUSTER_ID: work-1, LABELS: {istio: ingressgateway}, SERIN_BIND: service}
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    set_node_on_first_message_only: true
    grpc_services:
    - envoy_grpc: {cluster_name: xds-grpc, retry_policy: {retry_back_off: {base_interval: 0.05s, max_interval: 0.2s}}}
  cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
  lds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
static_resources:
  clusters:
  - name: xds-grpc
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: xds-grpc
      endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: )" << xds_socket << "}}}}]}]\n";
    std::vector<std::string> words = {SERIN_TEST_ENVOY, "-c", file, "--concurrency", "1", "--disable-hot-restart",
                                      "--log-level", "warning", "--log-path", folder + "/envoy.log"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn(&pid_, SERIN_TEST_ENVOY, nullptr, nullptr, argv.data(), environ);
  }
  ~Envoy() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

class WithEnvoy : public ::testing::Test {
 protected:
  void SetUp() override {
    if (access(SERIN_TEST_ENVOY, X_OK) != 0) GTEST_SKIP() << "no Envoy: packaging/fetch-envoy.sh fetches it";
    char name[] = "/tmp/serin-xds-XXXXXX";
    folder_ = mkdtemp(name);
    port_ = free_port("127.0.0.1");
    state_.set_members({"work-1"});
    state_.put_workload("work-1", object(R"(
kind: Service
metadata: {name: gw, namespace: istio-system, annotations: {serin.io/bind: gateway}}
spec: {clusterIP: 127.0.0.1, selector: {istio: ingressgateway}, ports: []}
)"));
    state_.put_workload("work-1", service("consumer", "http", 9090, "10.0.0.1"));
    state_.put_workload("work-1", pod("a", "app: consumer, hash: one"));
    state_.put_workload("work-1", pod("b", "app: consumer, hash: two"));
    backends(endpoint("a", "127.0.1.1") + ", " + endpoint("b", "127.0.1.2"));
    state_.put_config(changed(gateway(), {"spec", "servers"},
                              json::array{json::object{{"hosts", json::array{"*"}},
                                                       {"port", json::object{{"number", static_cast<int>(port_)}, {"protocol", "HTTP"}}}}}));
    state_.put_config(consumer_rule());
    put(consumer_route(100, 0));
    start_server();
    envoy_ = std::make_unique<Envoy>(folder_, folder_ + "/xds.sock");
    net::ClientOptions options;
    options.host = "127.0.0.1";
    options.port = port_;
    options.tls = false;
    client_ = net::HttpClient::create(options).value();
    ASSERT_TRUE(eventually([&] { return get() == "v1"; }));
  }
  void TearDown() override {
    envoy_.reset();
    server_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void start_server() {
    acks_ = std::make_unique<AckTable>(clock_);
    server_ = XdsServer::start({"unix:" + folder_ + "/xds.sock"}, *acks_).value();
    push();
  }
  void push() {
    MeshViewPtr view = state_.view();
    server_->update(view);
    std::set<SourceRef> sources;
    for (const auto& item : view->virtual_services) sources.insert(item->source);
    acks_->set_translated(sources);
  }
  void backends(const std::string& endpoints) {
    state_.put_workload("work-1", slice("consumer", "http", v1_.server->port(), endpoints));
  }
  void put(const kube::Object& route) {
    route_ = route.edit([&](json::value& doc) { json::set(doc, {"metadata", "generation"}, ++generation_); });
    state_.put_config(route_);
  }
  std::optional<AckVerdict> verdict() {
    auto ack = acks_->of(SourceRef::of(route_));
    return ack && ack->subscribed > 0 ? judge(*ack, clock_.now()) : std::nullopt;
  }
  bool confirmed() {
    return eventually([&] {
      auto said = verdict();
      return said && said->status == "True";
    });
  }
  /// The answer's body, or "status N", or "failed".
  std::string get() {
    net::Request request{"GET", "/hello", "", {}, "", {}};  // a Host header is the client's own
    auto answer = client_->send(request, 10s);
    if (!answer) return "failed";
    return answer->status == 200 ? answer->body : concat("status ", answer->status);
  }
  std::map<std::string, int> count(int n) {
    std::map<std::string, int> out;
    for (int i = 0; i < n; ++i) ++out[get()];
    return out;
  }

  Backend v1_{"v1", "127.0.1.1"};
  Backend v2_{"v2", "127.0.1.2", v1_.server->port()};
  SystemClock clock_;
  MeshState state_;
  std::string folder_;
  uint16_t port_ = 0;
  int generation_ = 0;
  kube::Object route_;
  std::unique_ptr<AckTable> acks_;
  std::unique_ptr<XdsServer> server_;
  std::unique_ptr<Envoy> envoy_;
  std::unique_ptr<net::HttpClient> client_;
};

TEST_F(WithEnvoy, WeightsAreConfirmedAndThenInForce) {
  ASSERT_TRUE(confirmed());
  EXPECT_EQ(count(20), (std::map<std::string, int>{{"v1", 20}}));
  put(consumer_route(50, 50));
  push();
  ASSERT_TRUE(confirmed());
  EXPECT_EQ(acks_->of(SourceRef::of(route_))->acked, 1);
  auto split = count(400);
  EXPECT_EQ(split["v1"] + split["v2"], 400) << "nothing fails";
  EXPECT_NEAR(split["v2"], 200, 40) << "four sigma";
  put(consumer_route(0, 100));
  push();
  ASSERT_TRUE(confirmed());
  EXPECT_EQ(count(20), (std::map<std::string, int>{{"v2", 20}})) << "from the acknowledgement on";
}

TEST_F(WithEnvoy, ARejectedConfigurationLeavesTheLastOneServing) {
  kube::Object bad = consumer_route(0, 100).edit([](json::value& doc) {
    json::find_at(doc, {"spec", "http"})->get_array()[0].get_object()["match"] =
        json::array{json::object{{"uri", json::object{{"regex", "/(["}}}}};
  });
  put(bad);
  push();
  ASSERT_TRUE(eventually([&] {
    auto said = verdict();
    return said && said->reason == "Rejected";
  }));
  EXPECT_NE(verdict()->message.find("work-1/gw-1.istio-system"), std::string::npos) << verdict()->message;
  EXPECT_NE(verdict()->message.find("missing ]"), std::string::npos) << "Envoy's own words: " << verdict()->message;
  EXPECT_EQ(count(20), (std::map<std::string, int>{{"v1", 20}}));
  put(consumer_route(0, 100));
  push();
  ASSERT_TRUE(confirmed());
  EXPECT_EQ(get(), "v2");
}

TEST_F(WithEnvoy, ARestartOfTheServerIsNotNoticed) {
  ASSERT_TRUE(confirmed());
  server_.reset();
  EXPECT_EQ(count(20), (std::map<std::string, int>{{"v1", 20}})) << "without a control plane";
  start_server();
  ASSERT_TRUE(eventually([&] { return !server_->proxies().empty(); }));
  ASSERT_TRUE(confirmed()) << "by what it still has";
  put(consumer_route(0, 100));
  push();
  ASSERT_TRUE(confirmed());
  EXPECT_EQ(get(), "v2");
}

TEST_F(WithEnvoy, NoRequestIsLostWhileEndpointsAndWeightsMove) {
  ASSERT_TRUE(confirmed());
  std::atomic<bool> stop = false;
  std::map<std::string, int> seen;
  std::thread load([&] {
    while (!stop) {
      ++seen[get()];
      std::this_thread::sleep_for(2ms);  // the client's rate
    }
  });
  for (int round = 0; round < 10; ++round) {
    put(consumer_route(round % 2 ? 100 : 0, round % 2 ? 0 : 100));
    push();
    EXPECT_TRUE(confirmed());
    // The version without weight loses its endpoint, which is gone once the proxy has let go of it.
    bool v1 = round % 2;
    std::string gone = v1 ? "127.0.1.2" : "127.0.1.1";
    backends(v1 ? endpoint("a", "127.0.1.1") : endpoint("b", "127.0.1.2"));
    push();
    EXPECT_TRUE(eventually([&] { return !server_->in_use(gone); }));
    backends(endpoint("a", "127.0.1.1") + ", " + endpoint("b", "127.0.1.2"));
    push();
    EXPECT_TRUE(server_->in_use(gone));
  }
  stop = true;
  load.join();
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_GT(seen["v1"], 0);
  EXPECT_GT(seen["v2"], 0);
}

TEST(XdsServer, SaysWhereItCannotListen) {
  SystemClock clock;
  AckTable acks(clock);
  auto first = XdsServer::start({"127.0.0.1:0"}, acks);
  ASSERT_TRUE(first);
  auto second = XdsServer::start({(*first)->address()}, acks);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_EQ(XdsServer::start({"unix:/" + std::string(200, 'x')}, acks).error().code, Code::kInvalid);
}

TEST(ProxyId, Nodes) {
  auto read = [](const char* id, const char* cluster) { return identify(id, cluster, {{"istio", "x"}}, true); };
  auto gateway = read("router~127.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local", "work-1");
  ASSERT_TRUE(gateway);
  EXPECT_EQ(gateway->name, "work-1/gw-1.istio-system");
  EXPECT_EQ(gateway->kind.type, ProxyKind::Type::kGateway);
  EXPECT_EQ(gateway->kind.ns, "istio-system");
  EXPECT_EQ(gateway->kind.labels.size(), 1u);
  auto mesh = read("sidecar~127.0.0.1~a.demo~demo.svc.cluster.local", "work-1");
  EXPECT_EQ(mesh->kind.type, ProxyKind::Type::kMesh);
  EXPECT_TRUE(mesh->kind.labels.empty()) << "mesh proxies of a namespace are alike";
  for (const char* bad : {"", "router~a~b", "waypoint~1~a.b~c"}) EXPECT_FALSE(read(bad, "work-1")) << bad;
  EXPECT_FALSE(read("router~127.0.0.1~gw~x", ""));
}

}  // namespace
}  // namespace serin::mesh
