/// What the API server does under load, over TLS with keep-alive, with a real disk: one table, in a few minutes.
///
///   apiserver_bench [--serin build/bin/serin] [--state DIR] [--seconds 3] [--objects 10000] [--watches 10000]
///                   [--only creates,updates,patches,custom,latency,list,memory,idle,restart,watches,
///                           http2-watches]
///
/// Without --serin the server is the API server module alone, in a process of its own. The state directory is a new
/// one below --state (default: the current directory) and removed at the end; it must be on the disk to be measured.
/// Client and server share the machine. Ratios are against kube-apiserver 1.33 with etcd 3.5 on 2 cores, client and
/// server together.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "connection.h"
#include "http2_connection.h"
#include "server_process.h"

namespace serin::bench {
namespace {

constexpr size_t kObjectBytes = 1400;
constexpr std::chrono::seconds kLimit{180};
const std::vector<size_t> kClients{1, 16, 64};

struct Settings {
  std::string serin, state = ".", only;
  int seconds = 3;
  size_t objects = 10'000, watches = 10'000;
  bool wants(std::string_view part) const { return only.empty() || ("," + only + ",").find("," + std::string(part) + ",") != std::string::npos; }
};

double ms(SteadyClock::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

double quantile(std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  return sorted[size_t(q * double(sorted.size() - 1))];
}

/// "  (4.9 x)" beside a peer's figure; nothing where there is none.
void row(const std::string& what, const char* format, double value, double p50, double p99, double peer = 0, bool more_is_better = true) {
  char figure[64];
  std::snprintf(figure, sizeof figure, format, value);
  std::printf("%-44s %16s", what.c_str(), figure);
  if (p50 >= 0) std::printf("   p50 %8.2f ms   p99 %8.2f ms", p50, p99);
  if (peer > 0) std::printf("   kube-apiserver %g: %.2f x%s", peer, more_is_better ? value / peer : peer / value, more_is_better ? "" : " less");
  std::printf("\n");
  std::fflush(stdout);
}

std::string config_map_sent(std::string_view name, std::string_view filler, std::string_view sent) {
  std::string body = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")";
  body += name;
  body += R"(","namespace":"bench","labels":{"app":"bench","tier":"back"},"annotations":{"sent":")";
  body += sent;
  body += R"("}},"data":{"first":"1","second":"two","third":")";
  body += filler;
  body += "\"";
  size_t end = 14;
  body += ",\"rest\":\"";
  body += std::string(kObjectBytes > body.size() + end ? kObjectBytes - body.size() - end : 0, 'x');
  return body + "\"}}";
}

std::string config_map(std::string_view name, std::string_view filler) { return config_map_sent(name, filler, ""); }

std::string widget(std::string_view name, std::string_view filler) {
  std::string body = R"({"apiVersion":"bench.serin.io/v1","kind":"Widget","metadata":{"name":")";
  body += name;
  body += R"(","namespace":"bench","labels":{"app":"bench"}},"spec":{"size":3,"mode":"fast","note":")";
  body += filler;
  body += "\",\"ports\":[";
  for (int i = 0; i < 8; ++i) body += (i ? "," : "") + (R"({"name":"p)" + std::to_string(i) + R"(","port":)" + std::to_string(8000 + i) + "}");
  body += "],\"text\":\"";
  body += std::string(kObjectBytes > body.size() + 4 ? kObjectBytes - body.size() - 4 : 0, 'x');
  return body + "\"}}";
}

constexpr const char* kWidgetCrd = R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
"metadata":{"name":"widgets.bench.serin.io"},"spec":{"group":"bench.serin.io","scope":"Namespaced",
"names":{"plural":"widgets","kind":"Widget"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":
{"type":"object","properties":{"spec":{"type":"object","required":["size"],"properties":{
"size":{"type":"integer","minimum":1},"mode":{"type":"string","enum":["fast","slow"]},"note":{"type":"string"},
"text":{"type":"string","maxLength":4096},"ports":{"type":"array","items":{"type":"object","required":["port"],
"properties":{"name":{"type":"string"},"port":{"type":"integer","maximum":65535},
"protocol":{"type":"string","default":"TCP"}}}}}}}}}}]}})";

class Bench {
 public:
  explicit Bench(Settings settings) : settings_(std::move(settings)) {
    directory_ = settings_.state + "/apiserver-bench-" + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
  }
  ~Bench() {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void run() {
    disk();
    start();
    row("resident, idle", "%.1f MB", server_->resident_mb(), -1, -1);
    if (settings_.wants("memory") || settings_.wants("list") || settings_.wants("restart")) objects();
    if (settings_.wants("creates")) writes("creates", "/api/v1/namespaces/bench/configmaps", create(config_map), {527, 1540, 1780}, {1.7, 9.5, 32});
    if (settings_.wants("updates")) writes("updates", "", update(), {527, 1540, 1780}, {1.7, 9.5, 32});
    if (settings_.wants("patches")) writes("merge patches", "", patch(), {527, 1540, 1780}, {1.7, 9.5, 32});
    if (settings_.wants("custom")) {
      post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kWidgetCrd);
      writes("creates of a custom resource", "/apis/bench.serin.io/v1/namespaces/bench/widgets", create(widget), {}, {});
    }
    if (settings_.wants("latency")) {
      latency(1, 0);
      latency(50, 8);
      latency(200, 24);
    }
    if (settings_.wants("idle")) idle();
    if (settings_.wants("watches")) watches();
    if (settings_.wants("http2-watches")) http2_watches();
  }

 private:
  using Body = std::string (*)(std::string_view name, std::string_view filler);
  using Next = std::function<std::string(size_t client, size_t number)>;

  void start() {
    server_ = std::make_unique<ServerProcess>(settings_.serin, directory_ + "/state");
    tls_ = std::make_unique<TlsClient>(server_->endpoint());
    ask(*tls_, server_->endpoint(), "POST", "/api/v1/namespaces", R"({"metadata":{"name":"bench"}})");
  }
  void stop() {
    server_.reset();
    tls_.reset();
  }
  void fresh() {
    stop();
    std::filesystem::remove_all(directory_ + "/state");
    start();
  }

  Answer post(const std::string& path, const std::string& body) {
    Answer answer = ask(*tls_, server_->endpoint(), "POST", path, body);
    if (answer.status != 201) die(path + ": " + answer.body);
    return answer;
  }

  /// What one durable append of 12 KiB costs the disk, which bounds everything that one client can do.
  void disk() {
    std::string path = directory_ + "/disk", block(12 << 10, 'x');
    int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    std::vector<double> took;
    for (int i = 0; i < 400; ++i) {
      auto begin = SteadyClock::now();
      if (write(fd, block.data(), block.size()) < 0 || fdatasync(fd) != 0) die("the disk refuses a write");
      took.push_back(ms(SteadyClock::now() - begin));
    }
    close(fd);
    std::filesystem::remove(path);
    double middle = quantile(took, 0.5);
    row("fdatasync after an append of 12 KiB", "%.0f /s", 1000 / middle, middle, quantile(took, 0.99));
  }

  /// Closed loop: each client sends its next request when it has its answer.
  std::vector<double> load(size_t clients, const Next& next, size_t count, SteadyClock::time_point end, double& rate) {
    std::vector<std::unique_ptr<Connection>> connections;
    Poller poller;
    for (size_t i = 0; i < clients; ++i) {
      connections.push_back(std::make_unique<Connection>(*tls_, server_->endpoint()));
      poller.add(*connections.back());
    }
    std::vector<double> took;
    size_t sent = 0, open = 0;
    auto begin = SteadyClock::now();
    std::function<void(size_t)> go = [&](size_t client) {
      auto at = SteadyClock::now();
      if (sent >= count || at >= end) return;
      ++open;
      connections[client]->send(next(client, sent++), [&, client, at](const Answer& answer) {
        if (answer.status != 200 && answer.status != 201) die("a write was refused: " + answer.body);
        took.push_back(ms(SteadyClock::now() - at));
        --open;
        go(client);
      });
    };
    for (size_t i = 0; i < clients; ++i) go(i);
    if (!poller.run([&] { return open == 0; }, SteadyClock::now() + kLimit)) die("answers do not come");
    rate = double(took.size()) / (ms(SteadyClock::now() - begin) / 1000);
    return took;
  }

  Next create(Body body) {
    return [this, body](size_t client, size_t number) {
      std::string name = "c" + std::to_string(run_) + "-" + std::to_string(client) + "-" + std::to_string(number);
      return request_text(server_->endpoint(), "POST", path_, body(name, "start"));
    };
  }
  Next update() {
    return [this](size_t client, size_t number) {
      std::string name = "u" + std::to_string(client);
      return request_text(server_->endpoint(), "PUT", "/api/v1/namespaces/bench/configmaps/" + name,
                          config_map(name, "n" + std::to_string(number)));
    };
  }
  Next patch() {
    return [this](size_t client, size_t number) {
      return request_text(server_->endpoint(), "PATCH", "/api/v1/namespaces/bench/configmaps/u" + std::to_string(client),
                          R"({"data":{"third":"p)" + std::to_string(number) + "\"}}", "application/merge-patch+json");
    };
  }

  void make_subjects() {
    for (size_t i = 0; i < kClients.back(); ++i) {
      std::string name = "u" + std::to_string(i);
      Answer answer = ask(*tls_, server_->endpoint(), "POST", "/api/v1/namespaces/bench/configmaps", config_map(name, "0"));
      if (answer.status != 201 && answer.status != 409) die(answer.body);
    }
  }

  void writes(const std::string& what, std::string path, const Next& next, std::vector<double> peer, std::vector<double> peer_p50) {
    if (path.empty()) make_subjects();
    path_ = std::move(path);
    for (size_t i = 0; i < kClients.size(); ++i) {
      double rate = 0, cpu = server_->cpu_seconds();
      ++run_;
      std::vector<double> took = load(kClients[i], next, SIZE_MAX, SteadyClock::now() + std::chrono::seconds(settings_.seconds), rate);
      cpu = server_->cpu_seconds() - cpu;
      double p50 = quantile(took, 0.5);
      row(what + ", " + std::to_string(kClients[i]) + " clients", "%.0f /s", rate, p50, quantile(took, 0.99), i < peer.size() ? peer[i] : 0);
      std::printf("%-44s %16.0f us of server CPU each%s\n", "", cpu * 1e6 / double(took.size()),
                  i < peer_p50.size() ? ("   p50: " + std::to_string(peer_p50[i] / p50).substr(0, 4) + " x less").c_str() : "");
    }
  }

  /// 10,000 objects: memory with them, what listing them costs, memory after, and a restart.
  void objects() {
    path_ = "/api/v1/namespaces/bench/configmaps";
    ++run_;
    double rate = 0;
    load(16, create(config_map), settings_.objects, SteadyClock::now() + kLimit, rate);
    std::string with = "resident, " + std::to_string(settings_.objects) + " objects";
    if (settings_.wants("memory")) row(with, "%.1f MB", server_->resident_mb(), -1, -1, 420, false);
    if (settings_.wants("list")) {
      constexpr int kLists = 41;
      std::vector<double> took, first;
      double bytes = 0, cpu = server_->cpu_seconds();
      for (int i = 0; i < kLists; ++i) {
        Connection connection(*tls_, server_->endpoint());
        Poller poller;
        poller.add(connection);
        bool done = false;
        auto begin = SteadyClock::now();
        connection.send(request_text(server_->endpoint(), "GET", path_), [&](const Answer& answer) {
          took.push_back(ms(SteadyClock::now() - begin));
          first.push_back(ms(answer.first_byte - begin));
          bytes = double(answer.bytes);
          done = true;
        }, false);
        poller.run([&] { return done; }, SteadyClock::now() + kLimit);
      }
      cpu = server_->cpu_seconds() - cpu;
      double middle = quantile(took, 0.5);
      row("list of " + std::to_string(settings_.objects) + " objects", "%.1f ms", middle, middle, quantile(took, 0.99), 150, false);
      std::printf("%-44s %16.1f MB, first byte after %.2f ms, %.1f ms of server CPU each\n", "", bytes / 1e6, quantile(first, 0.5), cpu * 1000 / kLists);
      if (settings_.wants("memory")) {
        row("resident, after the lists", "%.1f MB", server_->resident_mb(), -1, -1);
        row("resident, peak", "%.1f MB", server_->peak_mb(), -1, -1);
      }
    }
    if (settings_.wants("restart")) {
      std::vector<double> took;
      for (int i = 0; i < 5; ++i) {
        stop();
        start();
        took.push_back(server_->ready_ms());
      }
      row("start to ready, " + std::to_string(settings_.objects) + " objects", "%.0f ms", quantile(took, 0.5), -1, -1);
      row("resident, restarted", "%.1f MB", server_->resident_mb(), -1, -1);
    }
    fresh();
  }

  /// Writes at 100 a second; the time from sending one to its event in each watch.
  void latency(size_t watchers, double peer) {
    make_subjects();
    constexpr int kRate = 100;
    std::vector<std::unique_ptr<Connection>> connections;
    Poller poller;
    std::vector<double> took;
    size_t begun = 0;
    for (size_t i = 0; i < watchers; ++i) {
      connections.push_back(std::make_unique<Connection>(*tls_, server_->endpoint()));
      poller.add(*connections.back());
      connections.back()->stream(request_text(server_->endpoint(), "GET", "/api/v1/namespaces/bench/configmaps?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
                                 [&](std::string_view line) {
        size_t at = line.find("\"sent\":\"");
        int64_t sent = 0;
        if (at == std::string_view::npos) return;
        std::from_chars(line.data() + at + 8, line.data() + line.size(), sent);
        if (sent != 0) took.push_back(double(SteadyClock::now().time_since_epoch().count() - sent) / 1e6);
      });
    }
    poller.run([&] {
      begun = size_t(std::count_if(connections.begin(), connections.end(), [](const auto& c) { return c->streaming(); }));
      return begun == watchers;
    }, SteadyClock::now() + kLimit);
    Connection writer(*tls_, server_->endpoint());
    poller.add(writer);
    size_t count = size_t(kRate * std::max(settings_.seconds, 2)), sent = 0, answered = 0;
    double cpu = server_->cpu_seconds();
    auto begin = SteadyClock::now();
    poller.run([&] {
      if (sent < count && answered == sent && SteadyClock::now() >= begin + sent * std::chrono::microseconds(1'000'000 / kRate)) {
        std::string name = "u" + std::to_string(sent % kClients.back());
        std::string now = std::to_string(SteadyClock::now().time_since_epoch().count());
        ++sent;
        writer.send(request_text(server_->endpoint(), "PUT", "/api/v1/namespaces/bench/configmaps/" + name, config_map_sent(name, "w", now)),
                    [&](const Answer& answer) {
          if (answer.status != 200) die(answer.body);
          ++answered;
        });
      }
      return took.size() >= count * watchers && answered == count;
    }, SteadyClock::now() + kLimit);
    double wall = ms(SteadyClock::now() - begin) / 1000;
    cpu = server_->cpu_seconds() - cpu;
    if (took.size() != count * watchers) die("events are missing");
    double p50 = quantile(took, 0.5), p99 = quantile(took, 0.99);
    row("write to watch, " + std::to_string(watchers) + " watchers, 100 events/s", "%.2f ms", p99, p50, p99, peer, false);
    std::printf("%-44s %16.1f %% of a core\n", "", cpu / wall * 100);
  }

  /// As client-go's leader election renews: a PUT with the version that the last answer had.
  void idle() {
    fresh();
    constexpr int kControllers = 100;
    constexpr std::chrono::milliseconds kEach{2000};
    int seconds = std::max(10, settings_.seconds * 2);
    std::vector<std::string> versions(kControllers);
    auto keep_version = [&](int i, const Answer& answer) {
      constexpr std::string_view kMember = "\"resourceVersion\":\"";
      size_t at = answer.body.find(kMember) + kMember.size();
      versions[size_t(i)] = answer.body.substr(at, answer.body.find('"', at) - at);
    };
    auto body = [&](int i, int round) {
      char text[500];
      std::snprintf(text, sizeof text, R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l%d","namespace":"bench","resourceVersion":"%s"},"spec":{"holderIdentity":"controller-%d","leaseDurationSeconds":15,"renewTime":"2026-01-01T00:00:%02d.%06dZ"}})",
                    i, versions[size_t(i)].c_str(), i, round % 60, round);
      return std::string(text);
    };
    std::vector<std::unique_ptr<Connection>> connections;
    Poller poller;
    for (int i = 0; i < kControllers; ++i) {
      keep_version(i, post("/apis/coordination.k8s.io/v1/namespaces/bench/leases", body(i, 0)));
      connections.push_back(std::make_unique<Connection>(*tls_, server_->endpoint()));
      poller.add(*connections.back());
    }
    double cpu = server_->cpu_seconds();
    auto begin = SteadyClock::now();
    size_t sent = 0, answered = 0, count = size_t(seconds) * kControllers / 2;
    poller.run([&] {
      while (sent < count && SteadyClock::now() >= begin + sent * (kEach / kControllers)) {
        int i = int(sent % kControllers);
        connections[size_t(i)]->send(
            request_text(server_->endpoint(), "PUT", "/apis/coordination.k8s.io/v1/namespaces/bench/leases/l" + std::to_string(i), body(i, int(sent / kControllers) + 1)),
            [&, i](const Answer& answer) {
              if (answer.status != 200) die(answer.body);
              keep_version(i, answer);
              ++answered;
            });
        ++sent;
      }
      return answered == count;
    }, begin + std::chrono::seconds(seconds * 2));
    double wall = ms(SteadyClock::now() - begin) / 1000;
    double used = server_->cpu_seconds() - cpu;
    row("CPU with 100 controllers renewing leases", "%.2f %% of a core", used / wall * 100, -1, -1);
    std::printf("%-44s %16.0f us of server CPU each\n", "", used * 1e6 / double(count));
    cpu = server_->cpu_seconds();
    std::this_thread::sleep_for(std::chrono::seconds(settings_.seconds * 2));
    row("CPU with nobody there", "%.2f %% of a core", (server_->cpu_seconds() - cpu) / (settings_.seconds * 2) * 100, -1, -1);
  }

  static constexpr const char* kIdleWatch = "/api/v1/namespaces/bench/configmaps?watch=1&allowWatchBookmarks=true";

  /// Each on a connection of its own, HTTP/1.1.
  void watches() {
    fresh();
    std::vector<std::unique_ptr<Connection>> connections;
    std::string request = request_text(server_->endpoint(), "GET", kIdleWatch);
    Poller poller;
    for (size_t i = 0; i < settings_.watches; ++i) {
      connections.push_back(std::make_unique<Connection>(*tls_, server_->endpoint()));
      connections.back()->stream(request, [](std::string_view) {});
      poller.add(*connections.back());
    }
    idle_watches("each on a connection", poller, [&] {
      return std::all_of(connections.begin(), connections.end(), [](const auto& c) { return c->streaming(); });
    });
  }

  /// HTTP/2, 100 to a connection.
  void http2_watches() {
    fresh();
    constexpr size_t kStreams = 100;
    std::vector<std::unique_ptr<Http2Connection>> connections;
    Poller poller;
    for (size_t i = 0; i < settings_.watches; ++i) {
      if (i % kStreams == 0) {
        connections.push_back(std::make_unique<Http2Connection>(*tls_, server_->endpoint()));
        poller.add(*connections.back());
      }
      connections.back()->get(kIdleWatch);
    }
    idle_watches("HTTP/2, 100 a connection", poller, [&] {
      size_t streaming = 0;
      for (const auto& connection : connections) streaming += connection->streaming();
      return streaming == settings_.watches;
    });
  }

  /// Memory and CPU when all have begun.
  void idle_watches(const std::string& how, Poller& poller, const std::function<bool()>& begun) {
    if (!poller.run(begun, SteadyClock::now() + kLimit)) die("watches do not begin");
    row("resident, " + std::to_string(settings_.watches) + " watches, " + how, "%.1f MB", server_->resident_mb(), -1, -1);
    double cpu = server_->cpu_seconds();
    std::this_thread::sleep_for(std::chrono::seconds(settings_.seconds * 2));
    row("CPU with them", "%.2f %% of a core", (server_->cpu_seconds() - cpu) / (settings_.seconds * 2) * 100, -1, -1);
  }

  Settings settings_;
  std::string directory_, path_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<TlsClient> tls_;
  size_t run_ = 0;
};

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--serin") settings.serin = value;
    else if (flag == "--state") settings.state = value;
    else if (flag == "--seconds") settings.seconds = std::atoi(value.c_str());
    else if (flag == "--objects") settings.objects = size_t(std::atoll(value.c_str()));
    else if (flag == "--watches") settings.watches = size_t(std::atoll(value.c_str()));
    else if (flag == "--only") settings.only = value;
    else die("usage: apiserver_bench [--serin FILE] [--state DIR] [--seconds N] [--objects N] [--watches N] [--only PART,...]");
  }
  return settings;
}

}  // namespace
}  // namespace serin::bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--serve") return serin::bench::serve(argv[2]);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  serin::bench::Bench(serin::bench::parse(argc, argv)).run();
}
