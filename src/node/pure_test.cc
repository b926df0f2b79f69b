#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "client/testing/memory_client.h"
#include "data/yaml.h"
#include "kube/resources.h"
#include "node/addresses.h"
#include "node/env.h"
#include "node/hosts.h"
#include "node/images.h"
#include "node/pod_tokens.h"
#include "node/probe.h"
#include "node/test_support.h"
#include "node/volumes.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using node::testing::TemporaryDirectory;

kube::Object object(std::string_view text) { return kube::Object(yaml::parse(text).value()); }

TEST(Images, SplitsWordsLikeAShell) {
  EXPECT_THAT(*split_words(R"(a 'b c' "d\"e" f\ g '' h'i'"j")"), ElementsAre("a", "b c", "d\"e", "f g", "", "hij"));
  EXPECT_THAT(*split_words("  $HOME `x` *  "), ElementsAre("$HOME", "`x`", "*"));
  EXPECT_FALSE(split_words("'open"));
}

TEST(Images, TheLongestPatternWinsAndTheCommandLineBeforeTheConfigMap) {
  ImageTable table({*parse_image_rule("*special*=first")});
  auto problems = table.set_config(json::find(object(R"(
data:
  hello: |
    # the example
    *consumer:*=consumer --port 8080

    *=anything
  broken: |
    no equals sign
    x='open
)").doc(), "data"));
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0], HasSubstr("broken: line 1"));
  EXPECT_THAT(table.find("reg/consumer:v1")->command, ElementsAre("consumer", "--port", "8080"));
  EXPECT_THAT(table.find("reg/other:v1")->command, ElementsAre("anything"));
  EXPECT_THAT(table.find("reg/special-consumer:v1")->command, ElementsAre("first"));
  EXPECT_EQ(ImageTable().find("x"), nullptr);
}

TEST(Images, CommandAndArgs) {
  ImageRule rule = *parse_image_rule("x=serve {args} --end");
  EXPECT_THAT(*command_line(rule, {}, {"a", "b"}), ElementsAre("serve", "a", "b", "--end"));
  EXPECT_THAT(*command_line(rule, {"own"}, {"a"}), ElementsAre("own", "a"));
  ImageRule host = *parse_image_rule("serin.local/host=");
  EXPECT_THAT(*command_line(host, {"own"}, {}), ElementsAre("own"));
  EXPECT_FALSE(command_line(host, {}, {}));
}

struct EnvTest : ::testing::Test {
  EnvSources sources;
  EnvTest() {
    sources.pod = object(R"(
metadata: {name: p-1, namespace: demo, uid: u1, labels: {version: v2, rollouts-pod-template-hash: abc}, annotations: {note: n}}
spec: {nodeName: work-1-node}
)");
    sources.pod_ip = "127.10.0.2";
    sources.host_ip = "127.10.0.1";
    sources.base = {{"PATH", "/bin"}};
    sources.config_map = [](const std::string& name) -> std::optional<kube::Object> {
      if (name != "cm") return std::nullopt;
      return object("kind: ConfigMap\ndata: {key: value, other.key: x, '1bad': y}");
    };
    sources.secret = [](const std::string& name) -> std::optional<kube::Object> {
      if (name != "s") return std::nullopt;
      return object("kind: Secret\ndata: {password: aHVudGVyMg==}");
    };
  }
};

TEST_F(EnvTest, ComputesWhatKubernetesWould) {
  sources.services = {object("metadata: {name: my-svc}\nspec: {clusterIP: 127.10.128.1, ports: [{name: web, port: 80}]}"),
                      object("metadata: {name: headless}\nspec: {clusterIP: None, ports: [{port: 80}]}")};
  auto env = container_env(object(R"(
resources: {limits: {memory: 1Gi}}
envFrom: [{configMapRef: {name: cm}, prefix: P_}, {secretRef: {name: gone, optional: true}}]
env:
- {name: A, value: 'x-$(POD_IP)-$$(B)-$(UNKNOWN)'}
- {name: B, valueFrom: {fieldRef: {fieldPath: "metadata.labels['version']"}}}
- {name: C, valueFrom: {secretKeyRef: {name: s, key: password}}}
- {name: D, valueFrom: {configMapKeyRef: {name: cm, key: none, optional: true}}}
- {name: E, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
- {name: F, value: $(A)$(B)}
- {name: POD_VERSION, value: mine}
)").doc(), sources);
  ASSERT_TRUE(env) << env.error().message;
  for (auto [name, value] : std::map<std::string, std::string>{
           {"PATH", "/bin"}, {"POD_IP", "127.10.0.2"}, {"HOSTNAME", "p-1"}, {"POD_NAME", "p-1"},
           {"POD_NAMESPACE", "demo"}, {"POD_TEMPLATE_HASH", "abc"}, {"POD_VERSION", "mine"},
           {"A", "x-127.10.0.2-$(B)-$(UNKNOWN)"}, {"B", "v2"}, {"C", "hunter2"}, {"E", "1024"},
           {"F", "x-127.10.0.2-$(B)-$(UNKNOWN)v2"}, {"P_key", "value"}, {"P_other.key", "x"},
           {"MY_SVC_SERVICE_HOST", "127.10.128.1"}, {"MY_SVC_SERVICE_PORT_WEB", "80"},
           {"MY_SVC_PORT_80_TCP_ADDR", "127.10.128.1"}, {"MY_SVC_PORT", "tcp://127.10.128.1:80"}})
    EXPECT_THAT(*env, Contains(Pair(name, value)));
  EXPECT_FALSE(env->contains("D"));
  EXPECT_FALSE(env->contains("HEADLESS_SERVICE_HOST"));
}

TEST_F(EnvTest, NamesWhatIsMissing) {
  for (auto [entry, message] : std::vector<std::pair<std::string, std::string>>{
           {"configMapKeyRef: {name: cm, key: none}", "couldn't find key none in ConfigMap demo/cm"},
           {"secretKeyRef: {name: gone, key: x}", "Secret demo/gone does not exist"},
           {"fieldRef: {fieldPath: spec.containers}", "fieldPath spec.containers"}}) {
    auto env = container_env(object("env: [{name: X, valueFrom: {" + entry + "}}]").doc(), sources);
    ASSERT_FALSE(env);
    EXPECT_THAT(env.error().message, HasSubstr(message));
  }
}

TEST_F(EnvTest, EveryContainerKnowsWhereTheApiServerIs) {
  sources.kubernetes = object("metadata: {name: kubernetes, namespace: default}\n"
                              "spec: {clusterIP: 127.11.128.1, ports: [{name: https, port: 443}]}");
  sources.pod = object("metadata: {name: p, namespace: demo}\nspec: {enableServiceLinks: false}");
  auto env = container_env(object("name: c").doc(), sources);
  ASSERT_TRUE(env);
  EXPECT_THAT(*env, Contains(Pair("KUBERNETES_SERVICE_HOST", "127.11.128.1")));
  EXPECT_THAT(*env, Contains(Pair("KUBERNETES_SERVICE_PORT", "443")));
}

constexpr const char* kTokenVolume = R"(
metadata: {name: p, namespace: demo, uid: u1}
spec:
  serviceAccountName: robot
  volumes:
  - name: access
    projected:
      defaultMode: 0640
      sources:
      - serviceAccountToken: {path: token, expirationSeconds: 1000}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
)";

TEST_F(EnvTest, TokensInProjectedVolumes) {
  TemporaryDirectory directory;
  sources.pod = object(kTokenVolume);
  int asked = 0;
  sources.token = [&](const json::value& source) -> Result<std::string> {
    EXPECT_EQ(json::get_int(source, 0, "expirationSeconds"), 1000);
    return concat("token-", ++asked);
  };
  EXPECT_EQ(renew_tokens(sources, directory.path()), false);
  auto volumes = prepare_volumes(sources, directory.path(), false);
  ASSERT_TRUE(volumes) << volumes.error().message;
  EXPECT_EQ(*read_file(volumes->at("access") + "/token"), "token-1");
  EXPECT_EQ(*read_file(volumes->at("access") + "/namespace"), "demo");
  EXPECT_EQ(renew_tokens(sources, directory.path()), true);
  EXPECT_EQ(*read_file(volumes->at("access") + "/token"), "token-2");
  EXPECT_EQ(std::filesystem::status(volumes->at("access") + "/token").permissions(), std::filesystem::perms(0640));
}

TEST(PodTokens, AreDueAtFourFifthsOfTheirLife) {
  VirtualClock clock;
  client::testing::MemoryClient client(clock);
  PodTokens tokens(client, clock);
  kube::Object pod = object(kTokenVolume);
  EXPECT_TRUE(PodTokens::wanted(pod));
  EXPECT_FALSE(PodTokens::wanted(object("spec: {volumes: [{name: a, emptyDir: {}}]}")));
  json::value source = json::object{{"path", "token"}, {"expirationSeconds", 1000}};
  EXPECT_TRUE(failed_with(tokens.request(pod, source), Code::kNotFound));
  client.create(kube::kServiceAccounts, object("metadata: {name: robot, namespace: demo}")).value();
  EXPECT_EQ(tokens.due(pod), clock.now());
  EXPECT_EQ(*tokens.request(pod, source), "token-1");
  EXPECT_EQ(tokens.due(pod), clock.now() + 800s);
  ASSERT_TRUE(tokens.request(pod, json::object{{"expirationSeconds", 2000}}));
  EXPECT_EQ(tokens.due(pod), clock.now() + 800s);
  clock.advance(800s);
  ASSERT_TRUE(tokens.request(pod, source));
  EXPECT_EQ(tokens.due(pod), clock.now() + 800s);
  kube::Object namesake = pod.edit([](json::value& doc) { json::set(doc, {"metadata", "uid"}, "u2"); });
  EXPECT_EQ(tokens.due(namesake), clock.now());
  tokens.forget(pod.key());
  EXPECT_EQ(tokens.due(pod), clock.now());
}

TEST_F(EnvTest, Volumes) {
  TemporaryDirectory directory;
  sources.pod = object(R"(
metadata: {name: p, namespace: demo, labels: {app: x}}
spec:
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: config, configMap: {name: cm, items: [{key: key, path: sub/file}]}}
  - {name: secret, secret: {secretName: s}}
  - {name: info, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
)");
  auto volumes = prepare_volumes(sources, directory.path(), false);
  ASSERT_TRUE(volumes) << volumes.error().message;
  EXPECT_EQ(*read_file(volumes->at("config") + "/sub/file"), "value");
  EXPECT_EQ(*read_file(volumes->at("secret") + "/password"), "hunter2");
  EXPECT_EQ(*read_file(volumes->at("info") + "/labels"), "app=\"x\"\n");
  auto mounts = container_mounts(object("volumeMounts: [{name: config, mountPath: /etc/c, subPath: sub, readOnly: true}]").doc(),
                                 *volumes, {});
  ASSERT_TRUE(mounts);
  EXPECT_THAT(*mounts, ElementsAre(Mount{volumes->at("config") + "/sub", "/etc/c", true}));

  for (const char* bad : {"{name: v, hostPath: {path: /etc}}", "{name: v, persistentVolumeClaim: {claimName: c}}",
                          "{name: v, configMap: {name: cm, items: [{key: key, path: ../../x}]}}"}) {
    sources.pod = object(concat("metadata: {name: p}\nspec: {volumes: [", std::string_view(bad), "]}"));
    EXPECT_FALSE(prepare_volumes(sources, directory.path(), false)) << bad;
  }
}

TEST(Hosts, ShortNamesOnlyInTheOwnNamespace) {
  std::vector<kube::Object> services = {
      object("metadata: {name: a, namespace: one}\nspec: {clusterIP: 127.10.128.1}"),
      object("metadata: {name: b, namespace: two}\nspec: {clusterIP: 127.10.128.2}"),
      object("metadata: {name: c, namespace: one}\nspec: {clusterIP: None}")};
  EXPECT_EQ(render_hosts("127.0.0.1 localhost", "one", services),
            "127.0.0.1 localhost\n127.10.128.1\ta.one.svc.cluster.local a.one.svc a.one a\n"
            "127.10.128.2\tb.two.svc.cluster.local b.two.svc b.two\n");
}

TEST(Addresses, AreNotReusedQuickly) {
  TemporaryDirectory directory;
  std::string memory = directory.path() + "/address";
  {
    AddressPool pool = std::move(*AddressPool::open("127.10.0.0/17", memory));
    EXPECT_EQ(pool.node_address(), "127.10.0.1");
    EXPECT_EQ(*pool.take(), "127.10.0.2");
    EXPECT_EQ(*pool.take(), "127.10.0.3");
    pool.release("127.10.0.2");
    EXPECT_EQ(*pool.take(), "127.10.0.4");
  }
  AddressPool pool = std::move(*AddressPool::open("127.10.0.0/17", memory));
  EXPECT_TRUE(pool.claim("127.10.0.5"));
  EXPECT_FALSE(pool.claim("127.10.0.5"));
  EXPECT_FALSE(pool.claim("127.11.0.5"));
  EXPECT_EQ(*pool.take(), "127.10.0.6");

  AddressPool small = std::move(*AddressPool::open("127.10.0.0/28", directory.path() + "/small"));
  for (int i = 0; i < 13; ++i) ASSERT_TRUE(small.take());
  EXPECT_TRUE(failed_with(small.take(), Code::kUnavailable));
  EXPECT_FALSE(AddressPool::open("127.10.0.0", memory));
}

TEST(Probe, ReadsItsFieldsAndNamedPorts) {
  auto probes = parse_probes(object(R"(
ports: [{name: web, containerPort: 8080}]
readinessProbe: {httpGet: {path: hello, port: web}, initialDelaySeconds: 10, periodSeconds: 5}
livenessProbe: {exec: {command: [true]}, terminationGracePeriodSeconds: 7}
)").doc(), "127.10.0.2");
  ASSERT_TRUE(probes) << probes.error().message;
  EXPECT_EQ(probes->readiness->check.describe(), "http GET http://127.10.0.2:8080/hello");
  EXPECT_EQ(probes->readiness->initial_delay, 10s);
  EXPECT_EQ(probes->readiness->timeout, 1s);
  EXPECT_EQ(probes->liveness->termination_grace, 7s);
  EXPECT_FALSE(probes->startup);
  auto bad = parse_probes(object("readinessProbe: {tcpSocket: {port: nope}}").doc(), "");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("readinessProbe: port"));
}

TEST(Probe, AsksSoonerUntilItFirstPasses) {
  ProbeSpec spec;
  spec.period = 3s;
  TimePoint now{};
  ProbeState state = begin_probe(ProbeKind::kReadiness, spec, now);
  std::vector<int64_t> waits;
  for (bool ok : {false, false, false, false, false, false, true, false, false}) {
    now = state.due;
    count_outcome(state, spec, {ok, ""}, now);
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(state.due - now).count());
  }
  EXPECT_THAT(waits, ElementsAre(250, 500, 1000, 2000, 3000, 3000, 3000, 3000, 3000));
  ProbeState liveness = begin_probe(ProbeKind::kLiveness, spec, TimePoint{});
  count_outcome(liveness, spec, {false, ""}, TimePoint{});
  EXPECT_EQ(liveness.due, TimePoint{} + 3s);
}

TEST(Probe, CountsOutcomesInARow) {
  ProbeSpec spec;
  spec.failure_threshold = 3;
  spec.success_threshold = 2;
  TimePoint now{};
  ProbeState state = begin_probe(ProbeKind::kReadiness, spec, now);
  EXPECT_FALSE(state.passing);
  std::string seen;
  for (char outcome : std::string("++--+---+-++")) {
    count_outcome(state, spec, {outcome == '+', "no"}, now);
    seen += state.passing ? '1' : '0';
  }
  EXPECT_EQ(seen, "011111100001");
  EXPECT_TRUE(state.ever_passed);
  EXPECT_TRUE(begin_probe(ProbeKind::kLiveness, spec, now).passing);
  EXPECT_EQ(state.due, now + 120s);
}

}  // namespace
}  // namespace serin::node
