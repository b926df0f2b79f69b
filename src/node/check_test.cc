#include <gmock/gmock.h>
#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "net/certificates.h"
#include "net/http_server.h"
#include "node/check_runner.h"
#include "node/hooks.h"
#include "node/prober.h"
#include "node/test_support.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using node::testing::eventually;

/// Answers each connection with the next of some texts.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::listen(listener_.get(), 16);
    socklen_t size = sizeof at;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) {
        Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!peer) return;
        char buffer[4096];
        ssize_t n = ::read(peer.get(), buffer, sizeof buffer);
        if (n > 0) request_.append(buffer, static_cast<size_t>(n));
        (void)::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    });
  }
  ~ScriptedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  int port() const { return port_; }
  std::string requests() {
    thread_.join();
    return request_;
  }

 private:
  Fd listener_;
  int port_ = 0;
  std::string request_;
  std::thread thread_;
};

Check http(int port) {
  Check check;
  check.type = Check::Type::kHttp;
  check.host = "127.0.0.1";
  check.port = port;
  check.path = "/hello";
  return check;
}

TEST(HttpCheck, JudgesByStatus) {
  for (auto [answer, ok, message] : std::vector<std::tuple<std::string, bool, std::string>>{
           {"HTTP/1.1 200 OK\r\n\r\n", true, ""},
           {"HTTP/1.0 204 No Content\r\n\r\n", true, ""},
           {"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\n\r\n", true, ""},
           {"HTTP/1.1 404 Not Found\r\n\r\n", false, "HTTP status 404"},
           {"HTTP/1.1 503 Unavailable\r\n\r\n", false, "HTTP status 503"},
           {"garbage\r\n\r\n", false, "not HTTP"},
           {"", false, "not HTTP"}}) {
    ScriptedServer server({answer});
    Outcome outcome = check_http(http(server.port()), 10s);
    EXPECT_EQ(outcome.ok, ok) << answer;
    EXPECT_THAT(outcome.message, HasSubstr(message));
  }
}

TEST(HttpCheck, SendsHeadersAndFollowsRedirectsToItself) {
  ScriptedServer server({"HTTP/1.1 301 Moved\r\nlocation: /there\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"});
  Check check = http(server.port());
  check.headers = {{"X-Probe", "yes"}, {"Host", "provider"}};
  EXPECT_TRUE(check_http(check, 10s).ok);
  std::string requests = server.requests();
  EXPECT_THAT(requests, HasSubstr("GET /hello HTTP/1.1\r\nX-Probe: yes\r\nHost: provider\r\n"));
  EXPECT_THAT(requests, HasSubstr("GET /there HTTP/1.1\r\n"));
}

TEST(HttpCheck, SpeaksTlsWithAnyCertificate) {
  SystemClock clock;
  auto authority = net::make_ca("test", clock.now());
  ASSERT_TRUE(authority);
  net::CertificateRequest request;
  request.common_name = "somebody else";
  request.dns_names = {"elsewhere.example"};
  request.server = true;
  auto pair = net::issue(*authority, request, clock.now());
  ASSERT_TRUE(pair);
  net::ServerOptions options;
  options.certificate_pem = pair->certificate_pem;
  options.key_pem = pair->key_pem;
  auto server = net::HttpServer::start(options, [](net::Request request, std::unique_ptr<net::Responder> responder) {
    net::Response response;
    response.status = request.path == "/hello" ? 200 : 500;
    responder->send(std::move(response));
  });
  ASSERT_TRUE(server) << server.error().message;
  Check check = http((*server)->port());
  check.https = true;
  Outcome outcome = check_http(check, 10s);
  EXPECT_TRUE(outcome.ok) << outcome.message;
  check.path = "/other";
  EXPECT_THAT(check_http(check, 10s).message, HasSubstr("HTTP status 500"));
}

TEST(TcpCheck, NeedsAListener) {
  int port = 0;
  {
    ScriptedServer server({""});
    port = server.port();
    Check check = http(port);
    check.type = Check::Type::kTcp;
    EXPECT_TRUE(check_tcp(check, 10s).ok);
  }
  Outcome outcome = check_tcp(http(port), 10s);
  EXPECT_FALSE(outcome.ok);
  EXPECT_THAT(outcome.message, HasSubstr("refused"));
}

TEST(GrpcCheck, AsksForHealth) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::CallbackGenericService nothing_else;
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&nothing_else);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  Check check;
  check.type = Check::Type::kGrpc;
  check.host = "127.0.0.1";
  check.port = port;
  Outcome outcome = check_grpc(check, 10s);
  EXPECT_TRUE(outcome.ok) << outcome.message;
  check.service = "serin.example.Unknown";
  EXPECT_FALSE(check_grpc(check, 10s).ok);
  server->GetHealthCheckService()->SetServingStatus("serin.example.Unknown", true);
  EXPECT_TRUE(check_grpc(check, 10s).ok);
  server->GetHealthCheckService()->SetServingStatus("", false);
  check.service = "";
  EXPECT_THAT(check_grpc(check, 10s).message, HasSubstr("not SERVING"));
  server->Shutdown();
}

/// Says what it is told to.
class FakeChecks final : public CheckRunner {
 public:
  Outcome run(const Check& check, const ContainerId&, Duration) override {
    ++asked;
    if (check.type == Check::Type::kExec) return {live, "dead"};
    return {well, "no answer"};
  }
  std::atomic<bool> well = false, live = true;
  std::atomic<int> asked = 0;
};

ContainerProbes both() {
  ContainerProbes probes;
  probes.readiness = ProbeSpec{};
  probes.readiness->check.type = Check::Type::kTcp;
  probes.readiness->period = 10ms;
  probes.readiness->failure_threshold = 2;
  probes.liveness = ProbeSpec{};
  probes.liveness->check.type = Check::Type::kExec;
  probes.liveness->check.command = {"x"};
  probes.liveness->period = 10ms;
  return probes;
}

TEST(ProberTest, FollowsReadinessAndGivesUpOnLiveness) {
  SystemClock clock;
  FakeChecks checks;
  std::atomic<int> changes = 0;
  Prober prober(checks, clock, {[&](const ContainerId&) { ++changes; }, {}}, {2});
  ContainerId id{"u", "c", 0};
  prober.watch(id, clock.now(), both(), false);
  EXPECT_FALSE(prober.health(id)->ready);
  checks.well = true;
  EXPECT_TRUE(eventually([&] { return prober.health(id)->ready; }));
  checks.well = false;
  EXPECT_TRUE(eventually([&] { return !prober.health(id)->ready; }));
  EXPECT_THAT(prober.health(id)->not_ready, HasSubstr("no answer"));
  EXPECT_FALSE(prober.health(id)->unhealthy);
  checks.live = false;
  EXPECT_TRUE(eventually([&] { return prober.health(id)->unhealthy; }));
  EXPECT_GE(changes, 3);
  prober.forget(id);
  EXPECT_FALSE(prober.health(id));
}

TEST(ProberTest, AStartupProbeHoldsBackTheOthers) {
  SystemClock clock;
  FakeChecks checks;
  Prober prober(checks, clock, {}, {2});
  ContainerId id{"u", "c", 0};
  ContainerProbes probes = both();
  probes.startup = probes.readiness;
  probes.startup->failure_threshold = 1000000;
  checks.live = false;
  prober.watch(id, clock.now(), probes, false);
  EXPECT_TRUE(eventually([&] { return checks.asked > 5; }));
  EXPECT_FALSE(prober.health(id)->started);
  EXPECT_FALSE(prober.health(id)->unhealthy);
  checks.well = true;
  EXPECT_TRUE(eventually([&] { return prober.health(id)->started && prober.health(id)->unhealthy; }));
}

TEST(ProberTest, WhatWasReadyStaysReadyUntilItFails) {
  SystemClock clock;
  FakeChecks checks;
  Prober prober(checks, clock, {}, {2});
  ContainerProbes probes = both();
  probes.readiness->initial_delay = 1h;
  prober.watch({"u", "c", 0}, clock.now(), probes, true);
  EXPECT_TRUE(prober.health({"u", "c", 0})->ready);
  prober.watch({"u", "d", 0}, clock.now(), probes, false);
  EXPECT_FALSE(prober.health({"u", "d", 0})->ready);
}

TEST(HookTest, RunsAndEndsPausesWhenStopped) {
  SystemClock clock;
  FakeChecks checks;
  HookRunner hooks(checks, clock);
  std::promise<Outcome> first, second;
  hooks.run({"u", "a", 0}, Hook{Check{}, {}}, 1s, [&](const Outcome& outcome) { first.set_value(outcome); });
  EXPECT_FALSE(first.get_future().get().ok);
  hooks.run({"u", "b", 0}, Hook{std::nullopt, 1h}, 1h, [&](const Outcome& outcome) { second.set_value(outcome); });
  hooks.stop();
  EXPECT_TRUE(second.get_future().get().ok);
}

}  // namespace
}  // namespace serin::node
