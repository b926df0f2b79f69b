// The real kubectl against the server over TLS. Skipped where kubectl is not installed.

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

constexpr const char* kWeb = R"(apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: hello:IMAGE
        ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
)";

class KubectlTest : public HttpTest {
 protected:
  void SetUp() override {
    HttpTest::SetUp();
    char text[] = "/tmp/serin-kubectl-XXXXXX";
    dir_ = mkdtemp(text);
    std::ofstream config(dir_ + "/config");
    config << "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
           << "contexts: [{name: test, context: {cluster: test, user: admin}}]\n"
           << "clusters: [{name: test, cluster: {server: 'https://127.0.0.1:" << http_server_->port()
           << "/clusters/work-1', certificate-authority-data: " << base64_encode(ca_.certificate_pem) << "}}]\n"
           << "users: [{name: admin, user: {client-certificate-data: " << base64_encode(admin_.certificate_pem)
           << ", client-key-data: " << base64_encode(admin_.key_pem) << "}}]\n";
    config.close();
    Ran version = run("version --client -o json");
    if (version.status != 0) GTEST_SKIP() << "kubectl is not installed";
    size_t at = version.output.find("\"v1.");
    minor_ = at == std::string::npos ? 0 : std::atoi(version.output.c_str() + at + 4);
  }
  void TearDown() override {
    HttpTest::TearDown();
    std::filesystem::remove_all(dir_);
  }

  struct Ran {
    int status;
    std::string output;
  };
  /// kubectl with these arguments, its output and errors together.
  Ran run(const std::string& arguments) {
    std::string command = concat("HOME=", dir_, " KUBECONFIG=", dir_, "/config kubectl ", arguments, " 2>&1");
    FILE* pipe = popen(command.c_str(), "r");
    Ran ran{-1, {}};
    char buffer[4096];
    while (size_t n = fread(buffer, 1, sizeof buffer, pipe)) ran.output.append(buffer, n);
    ran.status = WEXITSTATUS(pclose(pipe));
    return ran;
  }
  std::string ok(const std::string& arguments) {
    Ran ran = run(arguments);
    EXPECT_EQ(ran.status, 0) << "kubectl " << arguments << "\n" << ran.output;
    return ran.output;
  }
  std::string write(const std::string& name, std::string text) {
    std::ofstream(dir_ + "/" + name) << text;
    return dir_ + "/" + name;
  }
  std::string web(const std::string& image) {
    std::string text = kWeb;
    text.replace(text.find("IMAGE"), 5, image);
    return write("web.yaml", text);
  }
  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

  std::string dir_;
  int minor_ = 0;  ///< of kubectl. Before 1.27 it validates and explains by OpenAPI v2, in words of its own.
};

TEST_F(KubectlTest, AppliesWithValidationAndThreeWayMerge) {
  EXPECT_EQ(ok("apply -f " + web("1")), "deployment.apps/web created\nservice/web created\n");
  EXPECT_EQ(ok("apply -f " + web("2")), "deployment.apps/web configured\nservice/web unchanged\n");
  EXPECT_TRUE(has(ok("get deploy web -o wide"), "hello:2"));
  EXPECT_EQ(run("diff -f " + web("2")).status, 0);
  EXPECT_EQ(run("diff -f " + web("3")).status, 1);
  std::string typo = kWeb;
  typo.replace(typo.find("replicas"), 8, "replcias");
  Ran refused = run("apply -f " + write("typo.yaml", typo));
  EXPECT_NE(refused.status, 0);
  EXPECT_TRUE(has(refused.output, minor_ < 27 ? "(Deployment.spec): unknown field \"replcias\"" : "unknown field \"spec.replcias\""))
      << refused.output;
}

TEST_F(KubectlTest, ServerSideApplyTakesOver) {
  ok("apply -f " + web("1"));
  EXPECT_TRUE(has(ok("apply --server-side --force-conflicts -f " + web("2")), "web serverside-applied"));
  EXPECT_TRUE(has(ok(concat("get deploy web -o yaml", minor_ < 21 ? "" : " --show-managed-fields")), "operation: Apply"));
  ok("patch deploy web -p '{\"spec\":{\"replicas\":4}}'");
  Ran conflict = run("apply --server-side -f " + web("3"));
  EXPECT_TRUE(has(conflict.output, ".spec.replicas")) << conflict.output;
}

TEST_F(KubectlTest, PatchesScalesLabelsAndEdits) {
  ok("create -f " + web("1"));
  ok("patch deploy web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":3}]'");
  ok("patch deploy web --type=merge -p '{\"metadata\":{\"annotations\":{\"x\":\"y\"}}}'");
  ok("patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"side\",\"image\":\"s:1\"}]}}}}'");
  EXPECT_EQ(ok("get deploy web -o jsonpath='{.spec.replicas} {.metadata.annotations.x} {.spec.template.spec.containers[*].name}'"),
            "3 y side main");
  ok("scale deploy web --replicas=5");
  ok("label deploy web tier=front");
  EXPECT_EQ(ok("get deploy -l tier=front -o jsonpath='{.items[*].spec.replicas}'"), "5");
  write("ed.sh", "#!/bin/sh\nsed -i 's/replicas: 5/replicas: 6/' \"$1\"\n");
  std::filesystem::permissions(dir_ + "/ed.sh", std::filesystem::perms::owner_all);
  setenv("KUBE_EDITOR", (dir_ + "/ed.sh").c_str(), 1);
  ok("edit deploy web");
  unsetenv("KUBE_EDITOR");
  EXPECT_EQ(ok("get deploy web -o jsonpath='{.spec.replicas}'"), "6");
}

TEST_F(KubectlTest, DescribesExplainsAndListsResources) {
  ok("apply -f " + web("1"));
  EXPECT_TRUE(has(ok("describe deploy web"), "hello:1"));
  std::string explained = ok("explain deployment.spec.replicas");
  EXPECT_TRUE(has(explained, "FIELD:") && has(explained, "replicas <integer>")) << explained;
  EXPECT_TRUE(has(ok("api-resources"), "deployments"));
  EXPECT_TRUE(has(ok("get all"), "service/web"));
  EXPECT_TRUE(has(ok("get ns -o yaml"), "kube-node-lease"));
  if (minor_ < 27) return;
  EXPECT_TRUE(has(ok("auth whoami"), "admin"));
}

TEST_F(KubectlTest, CustomResources) {
  ok("apply -f " + write("crd.json", json::dump(widget_crd().doc())));
  ok("wait --for=condition=established crd/widgets.example.com --timeout=10s");
  ok("apply -f " + write("w.json", json::dump(widget("w", "green").doc())));
  EXPECT_TRUE(has(ok("get wd"), "green"));
  std::string explained = ok("explain widget.spec.color");
  EXPECT_TRUE(has(explained, "FIELD:") && has(explained, "color <string>")) << explained;
  EXPECT_TRUE(has(run("apply -f " + write("bad.json", json::dump(widget("x", "blue").doc()))).output, "spec.color"));
  ok("scale widget w --replicas=2");
  ok("delete crd widgets.example.com --timeout=10s");
  EXPECT_NE(run("get wd").status, 0);
}

TEST_F(KubectlTest, DeletesAndWaits) {
  ok("apply -f " + web("1"));
  ok("delete -f " + web("1") + " --timeout=10s");
  if (minor_ >= 27) ok("wait --for=delete deploy/web --timeout=10s");  // older ones want to have seen it
  EXPECT_TRUE(has(run("get deploy web").output, "deployments.apps \"web\" not found"));
}

TEST_F(KubectlTest, DrainsANodeWithinItsBudget) {
  ASSERT_TRUE(client_->create(kube::kNodes, kube::Object(json::object{{"metadata", json::object{{"name", "n1"}}}})));
  kube::Object pod = *client_->create(kube::kPods, kube::Object(json::object{
      {"metadata", json::object{{"name", "a"}, {"namespace", "default"}, {"labels", json::object{{"app", "web"}}}}},
      {"spec", json::object{{"nodeName", "n1"}, {"containers", json::array{json::object{{"name", "c"}, {"image", "x:1"}}}}}}}));
  ASSERT_TRUE(client_->update(kube::kPods, pod.edit([](json::value& doc) {
    json::set(doc, {"status", "phase"}, "Running");
    json::set(doc, {"status", "conditions"}, json::array{json::object{{"type", "Ready"}, {"status", "True"}}});
  }), {.subresource = "status"}));
  const kube::Resource budgets{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"};
  ok("create poddisruptionbudget b --selector=app=web --min-available=0");
  kube::Object budget = *client_->get(budgets, {"default", "b"});
  ASSERT_TRUE(client_->update(budgets, budget.edit([](json::value& doc) {
    doc.get_object()["status"] = json::object{{"observedGeneration", 1}, {"disruptionsAllowed", 1}, {"currentHealthy", 1}};
  }), {.subresource = "status"}));
  Ran exec = run("exec a -- ls");
  EXPECT_NE(exec.status, 0);
  EXPECT_TRUE(has(exec.output, "not available on this server yet")) << exec.output;
  std::string drained = ok("drain n1 --force --grace-period=0 --timeout=60s");
  EXPECT_TRUE(has(drained, "evicting pod default/a")) << drained;
  EXPECT_TRUE(has(drained, "node/n1 drained")) << drained;
  EXPECT_EQ(json::get_int(client_->get(budgets, {"default", "b"})->doc(), 9, "status", "disruptionsAllowed"), 0);
  EXPECT_TRUE(has(ok("get pdb b"), "b      0               N/A               0")) << ok("get pdb b");
}

TEST_F(KubectlTest, ApprovesScalesAndTakesOverItsOwnFields) {
  ok("apply -f " + web("1"));
  EXPECT_TRUE(has(ok("autoscale deployment web --max=3 --cpu-percent=50"), "autoscaled"));
  EXPECT_TRUE(has(ok("get hpa web"), "cpu: <unknown>/50%"));
  EXPECT_TRUE(has(ok("apply --server-side -f " + web("2")), "serverside-applied"));
  kube::Object taken = *client_->get(kube::kDeployments, {"default", "web"});
  for (const json::value& entry : json::items(taken.doc(), "metadata", "managedFields"))
    EXPECT_NE(json::get_string(entry, "manager"), "kubectl-client-side-apply") << json::dump(taken.doc());
  EXPECT_TRUE(has(ok("scale deployment web --replicas=5"), "scaled"));
  EXPECT_EQ(json::get_int(client_->get(kube::kDeployments, {"default", "web"})->doc(), 0, "spec", "replicas"), 5);
  std::string request = "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: c}\n"
                        "spec: {request: eA==, signerName: example.com/x, usages: [client auth]}\n";
  ok("create -f " + write("csr.yaml", request));
  EXPECT_TRUE(has(ok("certificate approve c"), "approved"));
  EXPECT_TRUE(has(ok("get csr c"), "Approved"));
  ok("create -f " + write("event.yaml", "apiVersion: events.k8s.io/v1\nkind: Event\nmetadata: {name: e, namespace: default}\n"
                          "eventTime: '2026-01-01T00:00:00.000000Z'\nreportingController: x\nreportingInstance: i\naction: A\nreason: Why\n"
                          "type: Normal\nnote: hello\nregarding: {kind: Pod, name: p, namespace: default}\n"));
  EXPECT_TRUE(has(ok("get events"), "pod/p"));
  EXPECT_TRUE(has(ok("events"), "hello"));
  EXPECT_TRUE(has(ok("get events.v1.events.k8s.io"), "pod/p"));
}

TEST_F(KubectlTest, AuthAndTokens) {
  ok("create serviceaccount robot");
  ok("create rolebinding robot-views --clusterrole=view --serviceaccount=default:robot");
  EXPECT_EQ(ok("auth can-i list pods --as=system:serviceaccount:default:robot"), "yes\n");
  EXPECT_NE(run("auth can-i get secrets --as=system:serviceaccount:default:robot").status, 0);
  EXPECT_NE(ok("auth can-i --list --as=system:serviceaccount:default:robot").find("configmaps"), std::string::npos);
  EXPECT_NE(ok("auth whoami").find("system:masters"), std::string::npos);
  std::string token(trim(ok("create token robot --duration=20m")));
  EXPECT_EQ(std::count(token.begin(), token.end(), '.'), 2);
  // A certificate of the kubeconfig would win over the token, so this one goes by itself.
  net::Request me = request("POST", "/clusters/work-1/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
  me.headers.set("Authorization", "Bearer " + token);
  auto known = connect(false)->send(me, std::chrono::seconds(20));
  ASSERT_TRUE(known);
  EXPECT_EQ(json::get_string(body_of(*known), "status", "userInfo", "username"), "system:serviceaccount:default:robot");
  std::ofstream(dir_ + "/roles.yaml") << R"(apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: extra, namespace: default}
rules: [{verbs: [get], apiGroups: [""], resources: [pods]}]
)";
  ok("auth reconcile -f " + dir_ + "/roles.yaml");
  ok("auth reconcile -f " + dir_ + "/roles.yaml");
  EXPECT_EQ(ok("get role extra -o jsonpath={.rules[0].resources[0]}"), "pods");
}

}  // namespace
}  // namespace serin::apiserver
