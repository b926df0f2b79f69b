#include "node/process_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>

#include "node/test_support.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;
using node::testing::eventually;
using node::testing::http_get;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using State = ContainerRecord::State;

class ProcessRuntimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    reopen();
    std::ofstream(hosts()) << "127.0.0.1 localhost\n127.10.128.7 provider.demo.svc\n";
  }
  void TearDown() override {
    for (const Sandbox& sandbox : runtime_->list())
      for (const ContainerRecord& record : sandbox.containers) (void)runtime_->stop(record.id, 0s);
    EXPECT_TRUE(eventually([&] {
      for (const Sandbox& sandbox : runtime_->list())
        for (const ContainerRecord& record : sandbox.containers)
          if (record.state == State::kRunning) return false;
      return true;
    }));
    EXPECT_TRUE(eventually([&] { return processes("") == 0; })) << "processes left behind";
  }

  void reopen() {
    runtime_.reset();
    ProcessRuntimeOptions options;
    options.directory = directory_.path() + "/state";
    options.shim_command = {SERIN_SHIM};
    auto opened = ProcessRuntime::open(options, clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    runtime_ = std::move(*opened);
  }
  std::string hosts() const { return directory_.path() + "/hosts"; }
  std::string uid(std::string_view pod) const { return concat(pod, "-", static_cast<long>(::getpid())); }

  Result<void> start(const std::string& pod, const std::string& ip, std::vector<std::string> argv, int attempt = 0) {
    SERIN_TRY(runtime_->start_sandbox({uid(pod), "demo", pod, ip, hosts()}));
    ContainerSpec spec;
    spec.id = {uid(pod), "main", attempt};
    spec.argv = std::move(argv);
    spec.env = {concat("PATH=", std::string_view(std::getenv("PATH"))), "POD_IP=" + ip};
    spec.cwd = directory_.path();
    return runtime_->start_container(spec);
  }
  ContainerRecord record(const std::string& pod, int attempt = 0) {
    auto sandbox = runtime_->find(uid(pod));
    if (sandbox)
      for (const ContainerRecord& item : sandbox->containers)
        if (item.id.attempt == attempt) return item;
    ADD_FAILURE() << "no record of " << pod;
    return {};
  }
  bool ended(const std::string& pod, int attempt = 0) {
    return eventually([&] { return record(pod, attempt).state == State::kExited; });
  }
  std::string log(const std::string& pod, int attempt = 0) {
    return read_file(record(pod, attempt).log_path).value_or("");
  }
  size_t processes(const std::string& pod) {
    size_t count = 0;
    for (const char* name : {"a", "b"})
      if (pod.empty() || pod == name)
        count += processes_with_environment(concat(kContainerVariable, "=", uid(name), "/main/0")).size();
    return count;
  }

  testing::TemporaryDirectory directory_;
  SystemClock clock_;
  std::unique_ptr<ProcessRuntime> runtime_;
};

const std::vector<std::string> kHttpServer = {"python3", "-u", "-m", "http.server", "8080"};

TEST_F(ProcessRuntimeTest, TwoProgramsShareAPortAtTheirOwnAddresses) {
  if (!runtime_->limits().no_bind_moves.empty()) GTEST_SKIP() << runtime_->limits().no_bind_moves;
  ASSERT_TRUE(start("a", "127.77.0.1", kHttpServer));
  ASSERT_TRUE(start("b", "127.77.0.2", kHttpServer));
  for (const char* address : {"127.77.0.1", "127.77.0.2"})
    EXPECT_TRUE(eventually([&] { return http_get(address, 8080, "/").find("200") != std::string::npos; })) << address;
  EXPECT_THAT(http_get("127.77.0.3", 8080, "/"), "");
  EXPECT_THAT(http_get("127.0.0.1", 8080, "/"), "");
  EXPECT_TRUE(eventually([&] { return log("a").find("GET /") != std::string::npos; }));
}

constexpr const char* kBindScript = R"(
import socket, sys
def listen(family, address, v6only=None, kind=socket.SOCK_STREAM):
    s = socket.socket(family, kind)
    if v6only is not None: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    s.bind((address, 8080))
    if kind == socket.SOCK_STREAM: s.listen()
    print(s.getsockname()[0], s.getsockname()[1], flush=True)
    return s
keep = [listen(socket.AF_INET, '0.0.0.0'), listen(socket.AF_INET6, '::', 1)]
keep.append(listen(socket.AF_INET, '0.0.0.0', kind=socket.SOCK_DGRAM))
e = socket.socket(); e.bind(('0.0.0.0', 0)); print(e.getsockname()[0], flush=True)
x = socket.socket(); x.bind(('127.77.9.9', 8081)); print(x.getsockname()[0], flush=True)
u = socket.socket(socket.AF_UNIX); u.bind('\0serin-%d' % __import__('os').getpid()); print('unix', flush=True)
for s in keep: s.close()
keep = [listen(socket.AF_INET6, '::', 0)]
try: listen(socket.AF_INET, '0.0.0.0')
except OSError as error: print(error, flush=True)
)";

TEST_F(ProcessRuntimeTest, MovesWildcardBindsAndNothingElse) {
  if (!runtime_->limits().no_bind_moves.empty()) GTEST_SKIP() << runtime_->limits().no_bind_moves;
  ASSERT_TRUE(start("a", "127.77.1.1", {"python3", "-c", kBindScript}));
  ASSERT_TRUE(ended("a"));
  std::vector<std::string> lines;
  std::string text = log("a");
  for (std::string_view line : split(text, '\n'))
    if (size_t at = line.find(" F "); at != line.npos) lines.emplace_back(line.substr(at + 3));
  ASSERT_EQ(lines.size(), 8u) << text;
  EXPECT_EQ(lines[0], "127.77.1.1 8080");
  EXPECT_TRUE(lines[1].starts_with(":: ")) << lines[1];  // the IPv6 twin of a v4 listener: out of the way
  EXPECT_NE(lines[1], ":: 8080");
  EXPECT_EQ(lines[2], "127.77.1.1 8080");
  EXPECT_EQ(lines[3], "0.0.0.0");
  EXPECT_EQ(lines[4], "127.77.9.9");
  EXPECT_EQ(lines[5], "unix");
  EXPECT_EQ(lines[6], "::ffff:127.77.1.1 8080");
  EXPECT_THAT(lines[7], HasSubstr("Address already in use"));
  EXPECT_THAT(record("a").bind_failures, ::testing::ElementsAre("127.77.1.1:8080: Address already in use"));
}

TEST_F(ProcessRuntimeTest, ReportsExitCodesSignalsAndPrograms) {
  ASSERT_TRUE(start("a", "127.77.0.1", {"sh", "-c", "echo out; echo err >&2; printf tail; exit 7"}));
  ASSERT_TRUE(ended("a"));
  EXPECT_EQ(record("a").exit_code, 7);
  EXPECT_THAT(log("a"), HasSubstr(" stdout F out\n"));
  EXPECT_THAT(log("a"), HasSubstr(" stderr F err\n"));
  EXPECT_THAT(log("a"), HasSubstr(" stdout F tail\n"));

  ASSERT_TRUE(start("b", "127.77.0.2", {"sh", "-c", "kill -9 $$"}));
  ASSERT_TRUE(ended("b"));
  EXPECT_EQ(record("b").exit_code, 137);
  EXPECT_EQ(record("b").signal, 9);

  auto missing = start("a", "127.77.0.1", {"no-such-program"}, 1);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no-such-program"));
  EXPECT_EQ(record("a", 1).state, State::kExited);
  EXPECT_THAT(record("a", 1).start_error, HasSubstr("no-such-program"));
}

TEST_F(ProcessRuntimeTest, StopsGentlyThenFirmlyWithDescendants) {
  // Ignores the request, and has a descendant in a session of its own.
  ASSERT_TRUE(start("a", "127.77.0.1",
                    {"sh", "-c", "trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 1000; done"}));
  ASSERT_TRUE(eventually([&] { return log("a").find("ready") != std::string::npos; }));
  ASSERT_TRUE(runtime_->stop(record("a").id, 100ms));
  ASSERT_TRUE(ended("a"));
  EXPECT_EQ(record("a").signal, SIGKILL);
  EXPECT_EQ(processes("a"), 0u);

  ASSERT_TRUE(start("b", "127.77.0.2", {"sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done"}));
  ASSERT_TRUE(eventually([&] { return log("b").find("ready") != std::string::npos; }));
  ASSERT_TRUE(runtime_->stop(record("b").id, 30s));
  ASSERT_TRUE(ended("b"));
  EXPECT_EQ(record("b").exit_code, 3);
  EXPECT_TRUE(failed_with(runtime_->stop(record("b").id, 30s), Code::kNotFound));
}

TEST_F(ProcessRuntimeTest, ShowsItsOwnHostsFileAndFollowsChanges) {
  if (!runtime_->limits().no_namespaces.empty()) GTEST_SKIP() << runtime_->limits().no_namespaces;
  std::string outside = read_file("/etc/hosts").value();
  ASSERT_TRUE(start("a", "127.77.0.1",
                    {"sh", "-c", "cat /etc/hosts; until grep -q later /etc/hosts; do sleep 0.01; done; echo seen"}));
  ASSERT_TRUE(eventually([&] { return log("a").find("provider.demo.svc") != std::string::npos; }));
  ASSERT_TRUE(write_file_in_place(hosts(), "127.10.128.8 later\n"));
  ASSERT_TRUE(eventually([&] { return log("a").find("seen") != std::string::npos; }));
  EXPECT_EQ(read_file("/etc/hosts").value(), outside);
}

TEST_F(ProcessRuntimeTest, MountsVolumesWhereTheMachineHasNoSuchPlace) {
  if (!runtime_->limits().no_namespaces.empty()) GTEST_SKIP() << runtime_->limits().no_namespaces;
  std::string volume = directory_.path() + "/volume";
  std::filesystem::create_directory(volume);
  std::ofstream(volume + "/key") << "value\n";
  ASSERT_TRUE(runtime_->start_sandbox({uid("a"), "demo", "a", "127.77.0.1", hosts()}));
  ContainerSpec spec;
  spec.id = {uid("a"), "main", 0};
  spec.argv = {"sh", "-c",
               "cat /serin-volume/deep/key /etc/serin-volume/key; echo x > /serin-volume/deep/new && echo written;"
               "echo x > /etc/serin-volume/new || echo refused; test -e /etc/passwd && echo etc; test -e /proc/self && echo proc"};
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.mounts = {{volume, "/serin-volume/deep", false}, {volume, "/etc/serin-volume", true}};
  auto started = runtime_->start_container(spec);
  ASSERT_TRUE(started) << started.error().message;
  ASSERT_TRUE(ended("a"));
  for (const char* line : {"F value", "F written", "F refused", "F etc", "F proc"})
    EXPECT_THAT(log("a"), HasSubstr(line));
  EXPECT_FALSE(std::filesystem::exists("/serin-volume"));
  EXPECT_FALSE(std::filesystem::exists("/etc/serin-volume"));
  EXPECT_TRUE(std::filesystem::exists(volume + "/new"));
}

TEST_F(ProcessRuntimeTest, RunsProgramsInsideAContainer) {
  ASSERT_TRUE(start("a", "127.77.0.1", {"sleep", "1000"}));
  ContainerId id = record("a").id;
  auto result = runtime_->exec(id, {"sh", "-c", "echo $POD_IP; grep provider /etc/hosts; exit 4"}, 10s);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->exit_code, 4);
  EXPECT_THAT(result->output, HasSubstr("127.77.0.1"));
  if (runtime_->limits().no_namespaces.empty()) {
    EXPECT_THAT(result->output, HasSubstr("provider.demo.svc"));
  }

  auto slow = runtime_->exec(id, {"sh", "-c", "sleep 1000"}, 50ms);
  ASSERT_TRUE(slow) << slow.error().message;
  EXPECT_TRUE(slow->timed_out);
  auto missing = runtime_->exec(id, {"no-such-program"}, 10s);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no-such-program"));
}

TEST_F(ProcessRuntimeTest, PodsOutliveTheRuntime) {
  ASSERT_TRUE(start("a", "127.77.0.1", kHttpServer));
  ASSERT_TRUE(start("b", "127.77.0.2", {"sh", "-c", "sleep 0.05; exit 5"}));
  TimePoint started = record("a").started_at;
  reopen();
  EXPECT_EQ(record("a").state, State::kRunning);
  EXPECT_EQ(record("a").started_at, started);
  ASSERT_TRUE(ended("b"));
  EXPECT_EQ(record("b").exit_code, 5);
  // Wildcard binds still move, and the end is still seen.
  EXPECT_TRUE(eventually([&] { return !http_get("127.77.0.1", 8080, "/").empty(); }));
  ASSERT_TRUE(runtime_->stop(record("a").id, 5s));
  EXPECT_TRUE(ended("a"));
}

TEST_F(ProcessRuntimeTest, AKilledSupervisorTakesItsContainerAlong) {
  ASSERT_TRUE(start("a", "127.77.0.1", {"sh", "-c", "setsid sleep 1000 & exec sleep 1000"}));
  auto state = parse_shim_state(*read_file(directory_.path() + "/state/pods/" + uid("a") + "/containers/main/0/state.json"));
  ASSERT_TRUE(state);
  ASSERT_TRUE(signal_process(state->shim, SIGKILL));
  ASSERT_TRUE(ended("a"));
  EXPECT_TRUE(record("a").lost);
  EXPECT_EQ(record("a").exit_code, 137);
  EXPECT_EQ(processes("a"), 0u);
}

TEST_F(ProcessRuntimeTest, KeepsTheLastTwoAttemptsAndRemovesPods) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    ASSERT_TRUE(start("a", "127.77.0.1", {"sh", "-c", "exit 1"}, attempt));
    ASSERT_TRUE(ended("a", attempt));
  }
  EXPECT_EQ(runtime_->find(uid("a"))->containers.size(), 2u);
  EXPECT_TRUE(runtime_->remove_sandbox(uid("a")));
  EXPECT_FALSE(runtime_->find(uid("a")));
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/state/pods/" + uid("a")));
}

TEST_F(ProcessRuntimeTest, SaysWhoChanged) {
  std::mutex mutex;
  std::vector<std::string> changed;
  runtime_->on_change([&](const std::string& pod) {
    std::lock_guard lock(mutex);
    changed.push_back(pod);
  });
  ASSERT_TRUE(start("a", "127.77.0.1", {"true"}));
  EXPECT_TRUE(eventually([&] {
    std::lock_guard lock(mutex);
    return std::find(changed.begin(), changed.end(), uid("a")) != changed.end();
  }));
  runtime_->on_change({});
}

}  // namespace
}  // namespace serin::node
