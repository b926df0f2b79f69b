#include "server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "apiserver/server.h"
#include "client/kubeconfig.h"
#include "net/certificates.h"
#include "net/http_server.h"

namespace serin::bench {
namespace {

constexpr std::chrono::seconds kStartLimit{60};
constexpr const char* kCluster = "work-1";

std::vector<std::string> command(const std::string& program, const std::string& directory) {
  if (program.empty()) return {"/proc/self/exe", "--serve", directory};
  return {program, "up", "--state", directory, "--api-port", "0", "--without",
          "mesh,node,rollout,gitops,replicaset,deployment,endpointslice,service-address,scheduler,namespace,namespace-defaults,event-expiry,"
          "garbage-collector"};
}

bool answers(const Endpoint& endpoint) {
  try {
    TlsClient tls(endpoint);
    Endpoint root = endpoint;
    root.base.clear();
    return ask(tls, root, "GET", "/readyz").status == 200;
  } catch (...) {
    return false;
  }
}

}  // namespace

ServerProcess::ServerProcess(const std::string& program, const std::string& directory) {
  std::filesystem::create_directories(directory);
  std::string kubeconfig = directory + "/kubeconfig";
  std::filesystem::remove(kubeconfig);
  std::vector<std::string> words = command(program, directory);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  auto begin = SteadyClock::now();
  pid_ = fork();
  if (pid_ == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  while (!std::filesystem::exists(kubeconfig)) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) die("the server ended: " + words[0]);
    if (SteadyClock::now() > begin + kStartLimit) die("the server did not start");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  auto config = client::Kubeconfig::load({kubeconfig});
  if (!config) die(config.error().message);
  auto context = config->context(kCluster);
  if (!context) die(context.error().message);
  const std::string& url = context->server;  // https://127.0.0.1:PORT/clusters/work-1
  size_t host = url.find("//") + 2, colon = url.find(':', host), path = url.find('/', colon);
  endpoint_ = {url.substr(host, colon - host), uint16_t(std::atoi(url.c_str() + colon + 1)), url.substr(path),
               context->ca_pem, context->certificate_pem, context->key_pem};
  while (!answers(endpoint_))
    if (SteadyClock::now() > begin + kStartLimit) die("the server is not ready");
  ready_ms_ = std::chrono::duration<double, std::milli>(SteadyClock::now() - begin).count();
}

ServerProcess::~ServerProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

double ServerProcess::status_mb(const char* field) const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field)) return std::atof(line.c_str() + std::string_view(field).size()) / 1024;
  return 0;
}

double ServerProcess::resident_mb() const { return status_mb("VmRSS:"); }
double ServerProcess::peak_mb() const { return status_mb("VmHWM:"); }

double ServerProcess::cpu_seconds() const {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) die("the server's CPU time cannot be read");
  return double(used.tv_sec) + double(used.tv_nsec) / 1e9;
}

int serve(const std::string& directory) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  SystemClock clock;
  std::string pki = directory + "/pki";
  std::filesystem::create_directories(pki);
  auto keep = [&](const std::string& name, const std::function<net::KeyPair()>& make) {
    net::KeyPair pair;
    std::ifstream old(pki + "/" + name);
    std::string text((std::istreambuf_iterator<char>(old)), {});
    if (size_t key = text.find("-----BEGIN PRIVATE"); key != std::string::npos)
      return net::KeyPair{text.substr(0, key), text.substr(key)};
    pair = make();
    std::ofstream(pki + "/" + name) << pair.certificate_pem << pair.key_pem;
    return pair;
  };
  net::KeyPair ca = keep("ca", [&] { return *net::make_ca("bench", clock.now()); });
  net::KeyPair own = keep("server", [&] {
    return *net::issue(ca, {.common_name = "serin", .ip_addresses = {"127.0.0.1"}, .server = true}, clock.now());
  });
  net::KeyPair admin = keep("admin", [&] {
    return *net::issue(ca, {.common_name = "admin", .organizations = {"system:masters"}, .client = true}, clock.now());
  });
  apiserver::ServerOptions options;
  options.state_directory = directory + "/store";
  options.clock = &clock;
  auto server = apiserver::Server::open(options);
  if (!server) die(server.error().message);
  if (auto added = (*server)->add_cluster(kCluster); !added) die(added.error().message);
  net::ServerOptions listen;
  listen.certificate_pem = own.certificate_pem;
  listen.key_pem = own.key_pem;
  listen.client_ca_pem = ca.certificate_pem;
  listen.max_connections = 20'000;
  auto http = net::HttpServer::start(listen, (*server)->http_handler());
  if (!http) die(http.error().message);
  client::KubeContext context;
  context.name = kCluster;
  context.server = "https://127.0.0.1:" + std::to_string((*http)->port()) + "/clusters/" + kCluster;
  context.ca_pem = ca.certificate_pem;
  context.certificate_pem = admin.certificate_pem;
  context.key_pem = admin.key_pem;
  if (auto written = client::write_kubeconfig(directory + "/kubeconfig", {context}, kCluster); !written)
    die(written.error().message);
  int signal = 0;
  sigwait(&ends, &signal);
  http->reset();
  return 0;
}

}  // namespace serin::bench
