/// Times one weight change at a gateway with many services: from MeshState::put_config to the new route table, and to
/// the last acknowledgement of N proxies that are clients in this process.
///
///   mesh_bench [services] [proxies] [changes]

#include <envoy/service/discovery/v3/ads.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/strings.h"
#include "data/json.h"
#include "mesh/xds/xds_server.h"

namespace {

using namespace serin;
using namespace serin::mesh;
namespace discovery = envoy::service::discovery::v3;
using Steady = std::chrono::steady_clock;

double ms_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

void print(const char* what, std::vector<double> times) {
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  std::printf("%-34s p50 %8.2f ms   p99 %8.2f ms   max %8.2f ms\n", what, times[times.size() / 2],
              times[std::min(times.size() - 1, times.size() * 99 / 100)], times.back());
}

long resident_mib() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4096 / (1 << 20);
}

kube::Object service(const std::string& name) {
  return kube::Object(json::object{
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", json::object{{"name", name}, {"namespace", "demo"}, {"uid", name}}},
      {"spec", json::object{{"clusterIP", "127.0.0.2"}, {"ports", json::array{json::object{{"name", "http"}, {"port", 9090}}}}}}});
}

kube::Object rule(const std::string& name) {
  return kube::Object(json::object{
      {"apiVersion", "networking.istio.io/v1"},
      {"kind", "DestinationRule"},
      {"metadata", json::object{{"name", name}, {"namespace", "demo"}, {"uid", name}, {"generation", 1}}},
      {"spec", json::object{{"host", name},
                            {"subsets", json::array{json::object{{"name", "stable"}, {"labels", json::object{{"v", "1"}}}},
                                                    json::object{{"name", "canary"}, {"labels", json::object{{"v", "2"}}}}}}}}});
}

kube::Object route(const std::string& name, int canary, int generation) {
  auto to = [&](const char* subset, int weight) {
    return json::object{{"destination", json::object{{"host", name}, {"subset", subset}, {"port", json::object{{"number", 9090}}}}},
                        {"weight", weight}};
  };
  return kube::Object(json::object{
      {"apiVersion", "networking.istio.io/v1"},
      {"kind", "VirtualService"},
      {"metadata", json::object{{"name", name}, {"namespace", "demo"}, {"uid", name}, {"generation", generation}}},
      {"spec", json::object{{"hosts", json::array{name + ".example.com"}},
                            {"gateways", json::array{"edge"}},
                            {"http", json::array{json::object{{"name", "primary"}, {"route", json::array{to("stable", 100 - canary), to("canary", canary)}}}}}}}});
}

kube::Object gateway() {
  return kube::Object(json::object{
      {"apiVersion", "networking.istio.io/v1"},
      {"kind", "Gateway"},
      {"metadata", json::object{{"name", "edge"}, {"namespace", "demo"}, {"uid", "edge"}, {"generation", 1}}},
      {"spec", json::object{{"selector", json::object{{"istio", "ingressgateway"}}},
                            {"servers", json::array{json::object{{"hosts", json::array{"*"}},
                                                                 {"port", json::object{{"number", 80}, {"protocol", "HTTP"}}}}}}}}});
}

/// A proxy that acknowledges everything: one thread, one stream.
class Proxy {
 public:
  Proxy(const std::string& address, int number) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    stub_ = discovery::AggregatedDiscoveryService::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
    stream_ = stub_->DeltaAggregatedResources(&context_);
    discovery::DeltaDiscoveryRequest first;
    first.mutable_node()->set_id(concat("router~127.0.0.1~gw-", number, ".istio-system~x"));
    auto& fields = *first.mutable_node()->mutable_metadata()->mutable_fields();
    fields["CLUSTER_ID"].set_string_value("work-1");
    (*fields["LABELS"].mutable_struct_value()->mutable_fields())["istio"].set_string_value("ingressgateway");
    first.set_type_url(std::string(type_url(ResourceType::kCluster)));
    stream_->Write(first);
    discovery::DeltaDiscoveryRequest listeners;
    listeners.set_type_url(std::string(type_url(ResourceType::kListener)));
    stream_->Write(listeners);
    discovery::DeltaDiscoveryRequest routes;
    routes.set_type_url(std::string(type_url(ResourceType::kRoute)));
    routes.add_resource_names_subscribe("http.80");
    stream_->Write(routes);
    thread_ = std::thread([this] { run(); });
  }
  ~Proxy() {
    context_.TryCancel();
    thread_.join();
  }

 private:
  void run() {
    discovery::DeltaDiscoveryResponse response;
    while (stream_->Read(&response)) {
      discovery::DeltaDiscoveryRequest answer;
      answer.set_type_url(response.type_url());
      answer.set_response_nonce(response.nonce());
      stream_->Write(answer);
      if (response.type_url() != type_url(ResourceType::kCluster)) continue;
      discovery::DeltaDiscoveryRequest endpoints;
      endpoints.set_type_url(std::string(type_url(ResourceType::kEndpoints)));
      for (const auto& resource : response.resources()) endpoints.add_resource_names_subscribe(resource.name());
      stream_->Write(endpoints);
    }
  }

  std::unique_ptr<discovery::AggregatedDiscoveryService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<discovery::DeltaDiscoveryRequest, discovery::DeltaDiscoveryResponse>> stream_;
  std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
  auto argument = [&](int at, int otherwise) { return argc > at ? std::atoi(argv[at]) : otherwise; };
  int services = argument(1, 1000), proxies = argument(2, 100), changes = argument(3, 50);

  MeshState state;
  state.set_members({"work-1"});
  state.put_config(gateway());
  std::vector<int> generation(services, 1);
  auto name = [](int i) { return concat("service-", i); };
  for (int i = 0; i < services; ++i) {
    state.put_workload("work-1", service(name(i)));
    state.put_config(rule(name(i)));
    state.put_config(route(name(i), 0, 1));
  }

  ProxyKind kind{ProxyKind::Type::kGateway, "work-1", "istio-system", {{"istio", "ingressgateway"}}, false};
  TranslationMemory memory;
  auto start = Steady::now();
  ResourceSetPtr set = translate(*state.view(), kind, &memory);
  std::printf("%d services, %d proxies; route table %zu bytes; first translation %.1f ms\n", services, proxies,
              set->of(ResourceType::kRoute).begin()->second->bytes.size(), ms_since(start));

  std::vector<double> times;
  for (int i = 0; i < changes; ++i) {
    int which = i * 7919 % services;
    start = Steady::now();
    state.put_config(route(name(which), i % 90 + 5, ++generation[which]));
    translate(*state.view(), kind, &memory);
    times.push_back(ms_since(start));
  }
  print("configuration to resource", times);

  SystemClock clock;
  AckTable acks(clock);
  std::mutex mutex;
  std::condition_variable wake;
  acks.on_change([&](const std::set<SourceRef>&) {
    std::lock_guard lock(mutex);
    wake.notify_all();
  });
  auto started = XdsServer::start({}, acks);
  if (!started) return 1;
  XdsServer& server = **started;
  auto wait_for = [&](const SourceRef& source) {
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] {
      auto ack = acks.of(source);
      return ack && ack->acked == proxies;
    });
  };
  auto source = [&](int i) { return SourceRef{"VirtualService", {"demo", name(i)}, name(i), generation[i]}; };
  auto push = [&](int i) {
    server.update(state.view());
    acks.set_translated({source(i)});
  };
  push(0);
  std::vector<std::unique_ptr<Proxy>> clients;
  start = Steady::now();
  for (int i = 0; i < proxies; ++i) clients.push_back(std::make_unique<Proxy>(server.address(), i));
  wait_for(source(0));
  std::printf("all proxies connected and acknowledged: %.0f ms\n", ms_since(start));

  times.clear();
  for (int i = 0; i < changes; ++i) {
    int which = i * 7919 % services;
    start = Steady::now();
    state.put_config(route(name(which), i % 90 + 6, ++generation[which]));
    push(which);
    wait_for(source(which));
    times.push_back(ms_since(start));
  }
  print("configuration to last ACK", times);
  std::printf("resident, clients included: %ld MiB\n", resident_mib());
  clients.clear();
  return 0;
}
