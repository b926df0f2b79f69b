#include "node/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "client/testing/memory_client.h"
#include "data/yaml.h"
#include "kube/resources.h"
#include "node/shim/proc.h"
#include "node/shim/spec.h"
#include "node/test_support.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using node::testing::eventually;
using node::testing::http_get;

/// A node agent with real processes on an in-memory cluster.
class NodeAgentTest : public ::testing::Test {
 protected:
  NodeAgentTest() : client_(clock_) {}
  void SetUp() override { start(); }
  void TearDown() override {
    if (!agent_) start();
    for (const kube::Object& pod : all(kube::kPods))
      (void)client_.remove(kube::kPods, pod.key(), {.grace_seconds = 0});
    EXPECT_TRUE(eventually([&] {
      std::error_code error;
      auto pods = std::filesystem::directory_iterator(directory_.path() + "/pods", error);
      return pods == std::filesystem::directory_iterator();
    })) << "pods left behind";
    agent_.reset();
  }

  /// Of this process alone, so that two runs of the tests do not meet.
  static std::string prefix() { return concat("127.", 100 + static_cast<long>(::getpid()) % 100); }
  NodeAgentOptions options() {
    NodeAgentOptions options;
    options.cluster = "work-1";
    options.state_dir = directory_.path();
    options.pod_cidr = prefix() + ".0.0/17";
    options.shim_command = {SERIN_SHIM};
    options.images = {*parse_image_rule("serin.local/host="),
                      *parse_image_rule("*python*=python3 -u -m http.server 8080")};
    options.lease_interval = 1s;
    return options;
  }
  void start() {
    agent_ = std::make_unique<NodeAgent>(client_, options(), clock_);
    auto started = agent_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  /// `spec` is the pod's spec in YAML flow or block form, without nodeName.
  void create(const std::string& name, std::string_view spec, std::string_view labels = "{}") {
    kube::Object pod(yaml::parse(concat("apiVersion: v1\nkind: Pod\nmetadata: {namespace: demo, name: ", name,
                                        ", labels: ", labels, "}\nspec: ", spec)).value());
    pod = pod.edit([](json::value& doc) { json::set(doc, {"spec", "nodeName"}, "work-1-node"); });
    auto created = client_.create(kube::kPods, pod);
    ASSERT_TRUE(created) << created.error().message;
  }
  std::vector<kube::Object> all(const kube::Resource& resource) { return client_.list(resource)->items; }
  kube::Object pod(const std::string& name) {
    auto found = client_.get(kube::kPods, {"demo", name});
    return found ? *found : kube::Object();
  }
  bool ready(const std::string& name) {
    return eventually([&] { return kube::condition_true(pod(name), "Ready"); });
  }
  std::string ip(const std::string& name) { return std::string(json::get_string(pod(name).doc(), "status", "podIP")); }
  json::value status(const std::string& name) {
    kube::Object now = pod(name);
    const json::array& all = json::items(now.doc(), "status", "containerStatuses");
    return all.empty() ? json::value(json::object()) : all[0];
  }
  bool has_event(std::string_view reason, std::string_view text) {
    return eventually([&] {
      for (const kube::Object& event : all(kube::kEvents))
        if (json::get_string(event.doc(), "reason") == reason &&
            json::get_string(event.doc(), "message").find(text) != std::string_view::npos)
          return true;
      return false;
    });
  }
  std::string log(const std::string& name, LogOptions options = {}) {
    auto reader = agent_->open_log({"demo", name}, options);
    if (!reader) return "error: " + reader.error().message;
    std::string out;
    for (;;) {
      auto piece = (*reader)->read(10s);
      if (!piece || !*piece) return out;
      out += **piece;
    }
  }
  bool logged(const std::string& name, std::string_view text) {
    return eventually([&] { return log(name).find(text) != std::string::npos; });
  }

  testing::TemporaryDirectory directory_;
  SystemClock clock_;
  client::testing::MemoryClient client_;
  std::unique_ptr<NodeAgent> agent_;
};

TEST_F(NodeAgentTest, AProgramFindsItsTokenWhereItLooksAndAFreshOneLater) {
  client_.create(kube::kServiceAccounts, kube::Object(yaml::parse("metadata: {name: robot, namespace: demo}").value())).value();
  create("account", R"({serviceAccountName: robot, containers: [{name: main, image: serin.local/host,
      command: [sh, -c, 'while sleep 0.05; do cat $F/namespace $F/token; echo; done'],
      env: [{name: F, value: /var/run/secrets/kubernetes.io/serviceaccount}],
      volumeMounts: [{name: access, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}]}],
    volumes: [{name: access, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 2}},
      {downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}}]}}]})");
  EXPECT_TRUE(logged("account", "demotoken-1\n"));
  EXPECT_TRUE(logged("account", "demotoken-2\n"));
}

TEST_F(NodeAgentTest, TwoServersOnOnePortServeAtTheirAddresses) {
  constexpr const char* kServer =
      "{containers: [{name: web, image: python, readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}}]}";
  create("a", kServer);
  create("b", kServer);
  ASSERT_TRUE(ready("a"));
  ASSERT_TRUE(ready("b"));
  EXPECT_NE(ip("a"), ip("b"));
  EXPECT_THAT(http_get(ip("a"), 8080, "/"), HasSubstr("200 OK"));
  EXPECT_THAT(http_get(ip("b"), 8080, "/"), HasSubstr("200 OK"));
  EXPECT_EQ(json::get_string(pod("a").doc(), "status", "phase"), "Running");
  EXPECT_EQ(json::get_string(pod("a").doc(), "status", "hostIP"), prefix() + ".0.1");
  EXPECT_TRUE(logged("a", "GET /")) << log("a");
}

TEST_F(NodeAgentTest, AnUnmappedImageWaitsAndSaysHowToMapIt) {
  create("a", "{containers: [{name: main, image: 'registry.example/unknown:v1', command: [sleep, '1000']}]}");
  ASSERT_TRUE(eventually([&] {
    return json::get_string(status("a"), "state", "waiting", "reason") == "ErrImageNeverPull";
  }));
  EXPECT_THAT(std::string(json::get_string(status("a"), "state", "waiting", "message")), HasSubstr("serin-system/images"));
  EXPECT_TRUE(has_event("ErrImageNeverPull", "--image 'registry.example/unknown:v1="));
  EXPECT_EQ(json::get_string(pod("a").doc(), "status", "phase"), "Pending");

  ASSERT_TRUE(client_.create(kube::kConfigMaps, kube::Object(yaml::parse(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: serin-system, name: images}\n"
      "data: {mine: \"*unknown:*=\\n\"}").value())));
  EXPECT_TRUE(ready("a"));
}

TEST_F(NodeAgentTest, EnvironmentHostsAndConfigErrors) {
  ASSERT_TRUE(client_.create(kube::kServices, kube::Object(yaml::parse(
      "apiVersion: v1\nkind: Service\nmetadata: {namespace: demo, name: provider}\n"
      "spec: {clusterIP: 127.78.128.9, ports: [{port: 20880}]}").value())));
  ASSERT_TRUE(eventually([&] { return client_.get(kube::kServices, {"demo", "provider"}).has_value(); }));
  create("a", R"yaml({restartPolicy: Never, containers: [{name: main, image: serin.local/host, command: [sh, -c],
    args: ['until grep -q "127.78.128.9.*provider.demo.svc" /etc/hosts; do sleep 0.01; done; echo "$POD_IP $HOSTNAME $POD_VERSION $(OWN)"'],
    env: [{name: OWN, value: mine}]}]})yaml", "{version: v2}");
  ASSERT_TRUE(eventually([&] { return json::get_string(pod("a").doc(), "status", "phase") == "Succeeded"; }));
  EXPECT_EQ(log("a"), ip("a") + " a v2 mine\n");

  create("b", "{containers: [{name: main, image: serin.local/host, command: [sleep, '1000'],"
              " env: [{name: X, valueFrom: {secretKeyRef: {name: gone, key: k}}}]}]}");
  ASSERT_TRUE(eventually([&] {
    return json::get_string(status("b"), "state", "waiting", "reason") == "CreateContainerConfigError";
  }));
  EXPECT_THAT(std::string(json::get_string(status("b"), "state", "waiting", "message")), HasSubstr("Secret demo/gone"));
}

TEST_F(NodeAgentTest, ReadinessFlipsWithTheExecProbe) {
  std::string flag = directory_.path() + "/flag";
  create("a", concat("{containers: [{name: main, image: serin.local/host, command: [sleep, '1000'], readinessProbe: "
                     "{exec: {command: [test, -e, ", flag, "]}, periodSeconds: 1, failureThreshold: 1}}]}"));
  EXPECT_TRUE(has_event("Unhealthy", "Readiness probe failed: exec test"));
  EXPECT_FALSE(kube::condition_true(pod("a"), "Ready"));
  EXPECT_TRUE(eventually([&] {
    kube::Object now = pod("a");
    const json::value* condition = kube::find_condition(now, "Ready");
    return condition != nullptr && json::get_string(*condition, "message").find("readiness probe exec") != std::string_view::npos;
  }));
  ASSERT_TRUE(write_file_atomically(flag, ""));
  ASSERT_TRUE(ready("a"));
  std::filesystem::remove(flag);
  EXPECT_TRUE(eventually([&] { return !kube::condition_true(pod("a"), "Ready"); }));
  EXPECT_EQ(json::get_int(status("a"), -1, "restartCount"), 0);
}

TEST_F(NodeAgentTest, CrashLoopsBackOffAndKeepThePreviousLog) {
  create("a", "{containers: [{name: main, image: serin.local/host, command: [sh, -c, 'echo run; exit 3']}]}");
  ASSERT_TRUE(eventually([&] {
    return json::get_string(status("a"), "state", "waiting", "reason") == "CrashLoopBackOff";
  }));
  EXPECT_EQ(json::get_int(status("a"), -1, "restartCount"), 1);
  EXPECT_EQ(json::get_int(status("a"), -1, "lastState", "terminated", "exitCode"), 3);
  EXPECT_EQ(json::get_string(pod("a").doc(), "status", "phase"), "Running");
  LogOptions previous;
  previous.previous = true;
  EXPECT_EQ(log("a", previous), "run\n");
  EXPECT_EQ(log("a"), "run\n");
}

TEST_F(NodeAgentTest, InitContainersRunFirstAndInOrder) {
  std::string file = directory_.path() + "/order";
  create("a", concat("{initContainers: [{name: one, image: serin.local/host, command: [sh, -c, 'echo one >> ", file,
                     "']}, {name: two, image: serin.local/host, command: [sh, -c, 'echo two >> ", file,
                     "']}], containers: [{name: main, image: serin.local/host, command: [sh, -c, 'echo main >> ", file,
                     "; sleep 1000']}]}"));
  ASSERT_TRUE(ready("a"));
  EXPECT_TRUE(eventually([&] { return read_file(file).value_or("") == "one\ntwo\nmain\n"; }));
  EXPECT_TRUE(kube::condition_true(pod("a"), "Initialized"));
}

TEST_F(NodeAgentTest, DeletionRunsPreStopThenAsksThenRemoves) {
  std::string file = directory_.path() + "/end";
  create("a", concat("{terminationGracePeriodSeconds: 20, containers: [{name: main, image: serin.local/host, command: "
                     "[sh, -c, 'trap \"echo term >> ", file, "; exit 0\" TERM; echo up; while :; do sleep 0.01; done'], "
                     "lifecycle: {preStop: {exec: {command: [sh, -c, 'echo hook >> ", file, "']}}}}]}"));
  ASSERT_TRUE(ready("a"));
  ASSERT_TRUE(logged("a", "up"));
  ASSERT_TRUE(client_.remove(kube::kPods, {"demo", "a"}, {.grace_seconds = 20}));
  ASSERT_TRUE(eventually([&] { return pod("a").empty(); }));
  EXPECT_EQ(read_file(file).value_or(""), "hook\nterm\n");
}

TEST_F(NodeAgentTest, AnEndpointIsAskedToEndOnlyWhenProxiesHaveLetGo) {
  ASSERT_TRUE(client_.create(kube::kServices, kube::Object(yaml::parse(
      "apiVersion: v1\nkind: Service\nmetadata: {namespace: demo, name: s}\n"
      "spec: {clusterIP: 127.78.128.9, selector: {app: x}, ports: [{port: 80}]}").value())));
  create("a", "{terminationGracePeriodSeconds: 20, containers: [{name: main, image: serin.local/host, command: "
              "[sh, -c, 'trap \"echo term; exit 0\" TERM; echo up; while :; do sleep 0.01; done']}]}", "{app: x}");
  ASSERT_TRUE(ready("a"));
  ASSERT_TRUE(logged("a", "up"));
  LogOptions follow;
  follow.follow = true;
  auto reader = agent_->open_log({"demo", "a"}, follow);
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->read(10s).value(), "up\n");
  ASSERT_TRUE(client_.remove(kube::kPods, {"demo", "a"}, {.grace_seconds = 20}));
  ASSERT_TRUE(has_event("Killing", "main"));
  EXPECT_EQ((*reader)->read(100ms).value(), std::nullopt);  // still there: the barrier holds
  ASSERT_TRUE(client_.patch(kube::kPods, {"demo", "a"},
                            {client::Patch::Type::kJson, yaml::parse("[{op: add, path: /status/conditions/-, value: "
                                                                     "{type: serin.io/Drained, status: 'True'}}]").value()},
                            {.subresource = "status"}));
  std::string last;  // the shell may tell of its sleep's end first
  for (std::optional<std::string> piece = ""; piece && last.find("term\n") == std::string::npos; last += piece.value_or(""))
    piece = (*reader)->read(10s).value();
  EXPECT_THAT(last, HasSubstr("term\n"));
  EXPECT_TRUE(eventually([&] { return pod("a").empty(); }));
}

TEST_F(NodeAgentTest, PodsOutliveTheAgentAndKeepTheirAddress) {
  create("a", "{containers: [{name: web, image: python, readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}}]}");
  ASSERT_TRUE(ready("a"));
  std::string address = ip("a");
  kube::Object before = pod("a");
  agent_->stop();
  agent_.reset();
  EXPECT_THAT(http_get(address, 8080, "/"), HasSubstr("200 OK"));
  start();
  create("b", "{containers: [{name: main, image: serin.local/host, command: [sleep, '1000']}]}");
  ASSERT_TRUE(ready("b"));
  EXPECT_NE(ip("b"), address);
  EXPECT_EQ(ip("a"), address);
  EXPECT_EQ(json::get_int(status("a"), -1, "restartCount"), 0);
  const json::value* was = kube::find_condition(before, "Ready");
  kube::Object after = pod("a");
  const json::value* is = kube::find_condition(after, "Ready");
  EXPECT_EQ(json::get_string(*was, "lastTransitionTime"), json::get_string(*is, "lastTransitionTime"));
  EXPECT_TRUE(kube::condition_true(pod("a"), "Ready"));
}

TEST_F(NodeAgentTest, PodsDeletedWhileTheAgentWasAwayAreEnded) {
  create("a", "{containers: [{name: main, image: serin.local/host, command: [sleep, '1000']}]}");
  ASSERT_TRUE(ready("a"));
  std::string id = concat(kContainerVariable, "=", pod("a").uid(), "/main/0");
  agent_.reset();
  EXPECT_FALSE(processes_with_environment(id).empty());
  ASSERT_TRUE(client_.remove(kube::kPods, {"demo", "a"}, {.grace_seconds = 0}));
  start();
  EXPECT_TRUE(eventually([&] { return processes_with_environment(id).empty(); }));
}

TEST_F(NodeAgentTest, StoppingWithItsPodsLeavesNoProcess) {
  create("a", "{containers: [{name: main, image: serin.local/host, command: [sleep, '1000']}]}");
  ASSERT_TRUE(ready("a"));
  std::string id = concat(kContainerVariable, "=", pod("a").uid(), "/main/0");
  agent_->stop(false);
  EXPECT_TRUE(eventually([&] { return processes_with_environment(id).empty(); }));
  agent_.reset();
}

TEST_F(NodeAgentTest, KeepsItsNodeAndLease) {
  ASSERT_TRUE(eventually([&] { return client_.get(kube::kLeases, {"kube-node-lease", "work-1-node"}).has_value(); }));
  auto node = client_.get(kube::kNodes, {"", "work-1-node"});
  ASSERT_TRUE(node);
  EXPECT_TRUE(kube::condition_true(*node, "Ready"));
  uint64_t version = node->version().value;
  auto renewal = [&] {
    return std::string(json::get_string(client_.get(kube::kLeases, {"kube-node-lease", "work-1-node"})->doc(), "spec", "renewTime"));
  };
  std::string first = renewal();
  EXPECT_TRUE(eventually([&] { return renewal() != first; }));
  EXPECT_EQ(client_.get(kube::kNodes, {"", "work-1-node"})->version().value, version);
}

/// The agent of a child process, killed without a word; its pods go on.
TEST_F(NodeAgentTest, PodsSurviveAKilledAgent) {
  create("a", "{containers: [{name: web, image: python, readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}}]}");
  ASSERT_TRUE(ready("a"));
  kube::Object before = pod("a");
  agent_.reset();
  // The next run of the container belongs to an agent in a process of its own.
  ASSERT_TRUE(client_.remove(kube::kPods, {"demo", "a"}, {.grace_seconds = 0}));
  Pipe up = std::move(*make_pipe());
  pid_t child = ::fork();
  if (child == 0) {
    client::testing::MemoryClient client(clock_, 7);
    (void)client.create(kube::kPods, before.edit([](json::value& doc) {
      json::erase(doc, {"metadata", "uid"});
      json::erase(doc, {"metadata", "resourceVersion"});
      json::erase(doc, {"status"});
    }));
    NodeAgent agent(client, options(), clock_);
    if (agent.start() && eventually([&] { return kube::condition_true(*client.get(kube::kPods, {"demo", "a"}), "Ready"); })) {
      std::string text = json::dump(client.get(kube::kPods, {"demo", "a"})->doc());
      (void)!::write(up.write.get(), text.data(), text.size());
    }
    up.write.reset();
    ::pause();
    ::_exit(0);
  }
  up.write.reset();
  std::string text;
  char buffer[65536];
  for (ssize_t n; (n = ::read(up.read.get(), buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  auto seen = kube::Object::parse(text);
  ASSERT_TRUE(seen);
  std::string address(json::get_string(seen->doc(), "status", "podIP"));
  EXPECT_THAT(http_get(address, 8080, "/"), HasSubstr("200 OK"));
  // A new agent that finds the pod gone from the API ends it.
  start();
  EXPECT_TRUE(eventually([&] { return http_get(address, 8080, "/").empty(); }));
}

}  // namespace
}  // namespace serin::node
