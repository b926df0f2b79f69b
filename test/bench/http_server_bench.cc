/// How many small requests a second HttpServer answers, and what each costs it in CPU time.
///
///   http_server_bench [--plain] [--clients N] [--seconds N] [--body BYTES]
///
/// The server runs in a process of its own, so that its CPU time is measured apart from the
/// clients'.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "net/certificates.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace {

using namespace serin;
using namespace serin::net;
using SteadyClock = std::chrono::steady_clock;

struct Settings {
  bool tls = true;
  int clients = 16;
  int seconds = 3;
  size_t body = 1400;
};

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    auto number = [&] { return i + 1 < argc ? std::atoi(argv[++i]) : 0; };
    if (flag == "--plain")
      settings.tls = false;
    else if (flag == "--clients")
      settings.clients = number();
    else if (flag == "--seconds")
      settings.seconds = number();
    else if (flag == "--body")
      settings.body = static_cast<size_t>(number());
    else {
      std::fprintf(stderr, "usage: %s [--plain] [--clients N] [--seconds N] [--body BYTES]\n",
                   argv[0]);
      std::exit(2);
    }
  }
  return settings;
}

/// Serves until its standard input ends; tells its port through `port_pipe`.
int run_server(const Settings& settings, const KeyPair& certificate, int port_pipe, int end_pipe) {
  ServerOptions options;
  if (settings.tls) {
    options.certificate_pem = certificate.certificate_pem;
    options.key_pem = certificate.key_pem;
  }
  std::string body(settings.body, 'x');
  auto server = HttpServer::start(options, [&](Request, std::unique_ptr<Responder> responder) {
    Response response;
    response.headers.add("Content-Type", "application/json");
    response.body = body;
    responder->send(std::move(response));
  });
  if (!server) return 1;
  uint16_t port = (*server)->port();
  if (write(port_pipe, &port, sizeof port) != sizeof port) return 1;
  char end;
  [[maybe_unused]] ssize_t ended = read(end_pipe, &end, 1);
  return 0;
}

struct Measured {
  size_t requests = 0;
  std::vector<double> microseconds;
};

Measured run_clients(const Settings& settings, const KeyPair& ca, uint16_t port) {
  ClientOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.tls = settings.tls;
  options.ca_pem = ca.certificate_pem;
  auto end = SteadyClock::now() + std::chrono::seconds(settings.seconds);
  std::vector<Measured> each(static_cast<size_t>(settings.clients));
  std::vector<std::thread> threads;
  for (Measured& measured : each)
    threads.emplace_back([&measured, options, end] {
      auto client = HttpClient::create(options).value();
      Request request;
      request.method = "GET";
      request.path = "/api/v1/namespaces/demo/configmaps/settings";
      request.headers.add("Accept", "application/json");
      for (auto start = SteadyClock::now(); start < end;) {
        if (!client->send(request, std::chrono::seconds(10))) std::abort();
        auto now = SteadyClock::now();
        measured.microseconds.push_back(
            std::chrono::duration<double, std::micro>(now - start).count());
        start = now;
      }
    });
  Measured all;
  for (std::thread& thread : threads) thread.join();
  for (const Measured& measured : each)
    all.microseconds.insert(all.microseconds.end(), measured.microseconds.begin(),
                            measured.microseconds.end());
  all.requests = all.microseconds.size();
  std::sort(all.microseconds.begin(), all.microseconds.end());
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings = parse(argc, argv);
  TimePoint now = SystemClock().now();
  KeyPair ca = make_ca("bench", now).value();
  KeyPair certificate =
      issue(ca, {.common_name = "bench", .ip_addresses = {"127.0.0.1"}, .server = true}, now)
          .value();
  int port_pipe[2], end_pipe[2];
  if (pipe(port_pipe) != 0 || pipe(end_pipe) != 0) return 1;
  pid_t child = fork();
  if (child == 0) {
    close(end_pipe[1]);
    _exit(run_server(settings, certificate, port_pipe[1], end_pipe[0]));
  }
  uint16_t port = 0;
  if (read(port_pipe[0], &port, sizeof port) != sizeof port) return 1;
  Measured measured = run_clients(settings, ca, port);
  close(end_pipe[1]);
  rusage used{};
  wait4(child, nullptr, 0, &used);
  double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
               static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  auto at = [&](double quantile) {
    return measured
        .microseconds[static_cast<size_t>(quantile * static_cast<double>(measured.requests - 1))];
  };
  std::printf(
      "%s, %d clients, %zu-byte bodies: %.0f requests/s, p50 %.0f us, p99 %.0f us, server CPU %.1f "
      "us/request\n",
      settings.tls ? "TLS" : "plain", settings.clients, settings.body,
      static_cast<double>(measured.requests) / settings.seconds, at(0.5), at(0.99),
      cpu / static_cast<double>(measured.requests));
}
