// Subresources over HTTP: eviction, binding, scale, approval, ephemeral containers, resize; what is not there yet.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

using kube::kDeployments;
using kube::kPods;

const kube::Resource kBudgets{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"};
constexpr const char* kPodPath = "/api/v1/namespaces/default/pods";

class SubresourceTest : public HttpTest {
 protected:
  kube::Object pod(const std::string& name, const char* phase = "Running", bool ready = true) {
    kube::Object wish(json::object{{"metadata", json::object{{"name", name}, {"namespace", "default"}, {"labels", json::object{{"app", "web"}}}}},
                                   {"spec", json::object{{"containers", json::array{json::object{{"name", "main"}, {"image", "x:1"}}}}}}});
    kube::Object made = *client_->create(kPods, wish);
    json::array conditions{json::object{{"type", "Ready"}, {"status", ready ? "True" : "False"}}};
    return *client_->update(kPods, made.edit([&](json::value& doc) {
      doc.get_object()["status"] = json::object{{"phase", phase}, {"conditions", conditions}};
    }), {.subresource = "status"});
  }
  void budget(int allowed, const char* policy = "") {
    json::object spec{{"minAvailable", 1}, {"selector", json::object{{"matchLabels", json::object{{"app", "web"}}}}}};
    if (*policy) spec["unhealthyPodEvictionPolicy"] = policy;
    kube::Object made = *client_->create(kBudgets, kube::Object(json::object{
        {"metadata", json::object{{"name", "b"}, {"namespace", "default"}}}, {"spec", spec}}));
    ASSERT_TRUE(client_->update(kBudgets, made.edit([&](json::value& doc) {
      doc.get_object()["status"] = json::object{{"observedGeneration", 1}, {"disruptionsAllowed", allowed}, {"currentHealthy", allowed},
                                                {"desiredHealthy", 1}, {"expectedPods", 2}};
    }), {.subresource = "status"}));
  }
  net::Response evict(const std::string& name, const std::string& query = {}, const std::string& options = "{}") {
    return call("POST", concat(kPodPath, '/', name, "/eviction", query),
                concat(R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":")", name, R"("},"deleteOptions":)", options, "}"));
  }
  bool exists(const std::string& name) { return client_->get(kPods, {"default", name}).has_value(); }
};

TEST_F(SubresourceTest, EvictionDeletesAndCountsInTheBudget) {
  pod("a");
  pod("b");
  budget(1);
  net::Response dry = evict("a", "?dryRun=All");
  EXPECT_EQ(dry.status, 201) << dry.body;
  EXPECT_TRUE(exists("a"));
  EXPECT_EQ(json::get_int(client_->get(kBudgets, {"default", "b"})->doc(), 0, "status", "disruptionsAllowed"), 1);
  net::Response done = evict("a");
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(json::get_string(body_of(done), "status"), "Success");
  EXPECT_FALSE(exists("a"));
  kube::Object counted = *client_->get(kBudgets, {"default", "b"});
  EXPECT_EQ(json::get_int(counted.doc(), 9, "status", "disruptionsAllowed"), 0);
  EXPECT_NE(json::find(counted.doc(), "status", "disruptedPods", "a"), nullptr);
  net::Response refused = evict("b");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(json::get_string(body_of(refused), "reason"), "TooManyRequests");
  EXPECT_EQ(json::get_string(json::items(body_of(refused), "details", "causes")[0], "reason"), "DisruptionBudget");
  EXPECT_TRUE(exists("b"));
  EXPECT_EQ(evict("nobody").status, 404);
  EXPECT_EQ(evict("b", "", R"({"preconditions":{"uid":"other"}})").status, 409);
}

TEST_F(SubresourceTest, EvictionOfAPodThatCountsForNoBudget) {
  pod("done", "Succeeded");
  pod("sick", "Running", false);
  budget(0);
  EXPECT_EQ(evict("done").status, 201);
  EXPECT_EQ(evict("sick").status, 429);
  ASSERT_TRUE(client_->remove(kBudgets, {"default", "b"}));
  budget(0, "AlwaysAllow");
  EXPECT_EQ(evict("sick").status, 201);
}

TEST_F(SubresourceTest, ABudgetThatIsNotComputedYetSaysWhenToAskAgain) {
  pod("a");
  budget(1);
  kube::Object b = *client_->get(kBudgets, {"default", "b"});
  ASSERT_TRUE(client_->update(kBudgets, b.edit([](json::value& doc) { json::set(doc, {"spec", "minAvailable"}, 2); })));
  net::Response refused = evict("a");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.get("Retry-After"), "10");
}

TEST_F(SubresourceTest, BindingGivesAPodItsNodeOnce) {
  pod("a", "Pending", false);
  std::string binding = R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":"a"},"target":{"kind":"Node","name":"n1"}})";
  net::Response bound = call("POST", concat(kPodPath, "/a/binding"), binding);
  EXPECT_EQ(bound.status, 201) << bound.body;
  kube::Object object = *client_->get(kPods, {"default", "a"});
  EXPECT_EQ(json::get_string(object.doc(), "spec", "nodeName"), "n1");
  EXPECT_TRUE(kube::condition_true(object, "PodScheduled"));
  net::Response again = call("POST", "/api/v1/namespaces/default/bindings", binding);
  EXPECT_EQ(again.status, 409);
  EXPECT_NE(again.body.find("already assigned to node \\\"n1\\\""), std::string::npos) << again.body;
  EXPECT_EQ(call("POST", concat(kPodPath, "/nobody/binding"), R"({"target":{"name":"n"}})").status, 404);
}

TEST_F(SubresourceTest, ApplyOnScaleMapsOwnership) {
  ASSERT_TRUE(client_->patch(kDeployments, {"default", "web"}, {client::Patch::Type::kApply, deployment("web", 2).doc()}, {.field_manager = "owner"}));
  const char* path = "/apis/apps/v1/namespaces/default/deployments/web/scale";
  std::string five = R"({"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"web","namespace":"default"},"spec":{"replicas":5}})";
  net::Response conflict = call("PATCH", concat(path, "?fieldManager=scaler"), five, "application/apply-patch+yaml");
  EXPECT_EQ(conflict.status, 409) << conflict.body;
  EXPECT_EQ(json::get_string(json::items(body_of(conflict), "details", "causes")[0], "field"), ".spec.replicas");
  net::Response forced = call("PATCH", concat(path, "?fieldManager=scaler&force=true"), five, "application/apply-patch+yaml");
  EXPECT_EQ(forced.status, 200) << forced.body;
  EXPECT_EQ(json::get_string(body_of(forced), "kind"), "Scale");
  kube::Object parent = *client_->get(kDeployments, {"default", "web"});
  EXPECT_EQ(json::get_int(parent.doc(), 0, "spec", "replicas"), 5);
  bool found = false;
  for (const json::value& entry : json::items(parent.doc(), "metadata", "managedFields")) {
    bool has = json::find(entry, "fieldsV1", "f:spec", "f:replicas") != nullptr;
    if (json::get_string(entry, "manager") != "scaler") {
      EXPECT_FALSE(has);
      continue;
    }
    found = has;
    EXPECT_EQ(json::get_string(entry, "apiVersion"), "apps/v1");
    EXPECT_EQ(json::get_string(entry, "subresource"), "scale");
  }
  EXPECT_TRUE(found);
  net::Response same = call("PATCH", concat(path, "?fieldManager=scaler"), five, "application/apply-patch+yaml");
  EXPECT_EQ(json::get_string(body_of(same), "metadata", "resourceVersion"), parent.version().str()) << "nothing changed";
}

TEST_F(SubresourceTest, ApprovalChangesOnlyWhatAnApproverDecides) {
  const char* path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  net::Response made = call("POST", path, R"({"metadata":{"name":"c"},"spec":{"request":"eA==","signerName":"example.com/x","usages":["client auth"],
      "username":"somebody"},"status":{"certificate":"eA=="}})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(json::get_string(body_of(made), "spec", "username"), "admin");
  json::value doc = body_of(made);
  json::set(doc, {"spec", "signerName"}, "example.com/other");
  json::set(doc, {"status", "certificate"}, "eQ==");
  json::set(doc, {"status", "conditions"}, json::array{json::object{{"type", "Approved"}, {"status", "True"}, {"reason", "R"}},
                                                        json::object{{"type", "Failed"}, {"status", "True"}}});
  net::Response approved = call("PUT", concat(path, "/c/approval"), json::dump(doc));
  ASSERT_EQ(approved.status, 200) << approved.body;
  json::value now = body_of(approved);
  EXPECT_EQ(json::get_string(now, "spec", "signerName"), "example.com/x");
  EXPECT_EQ(json::get_string(now, "status", "certificate"), "");
  ASSERT_EQ(json::items(now, "status", "conditions").size(), 1u);
  json::set(now, {"status", "conditions"}, json::array());
  json::set(now, {"status", "certificate"}, "eQ==");
  now = body_of(call("PUT", concat(path, "/c/status"), json::dump(now)));
  EXPECT_EQ(json::items(now, "status", "conditions").size(), 1u) << "only /approval takes an approval back";
  EXPECT_EQ(json::get_string(now, "status", "certificate"), "eQ==");
}

TEST_F(SubresourceTest, EphemeralContainersAndResizeTouchNothingElse) {
  pod("a");
  std::string debug = R"({"metadata":{"labels":{"x":"y"}},"spec":{"ephemeralContainers":[{"name":"debug","image":"d:1","targetContainerName":"main"}]}})";
  net::Response added = call("PATCH", concat(kPodPath, "/a/ephemeralcontainers"), debug, "application/strategic-merge-patch+json");
  ASSERT_EQ(added.status, 200) << added.body;
  EXPECT_EQ(json::get_string(json::items(body_of(added), "spec", "ephemeralContainers")[0], "imagePullPolicy"), "IfNotPresent");
  EXPECT_EQ(json::find(body_of(added), "metadata", "labels", "x"), nullptr);
  std::string other = R"({"spec":{"ephemeralContainers":[{"name":"debug","image":"d:2"}]}})";
  net::Response changed = call("PATCH", concat(kPodPath, "/a/ephemeralcontainers"), other, "application/strategic-merge-patch+json");
  EXPECT_EQ(changed.status, 422) << changed.body;
  EXPECT_EQ(call("PATCH", concat(kPodPath, "/a"), debug, "application/merge-patch+json").status, 200) << "they are there already";
  EXPECT_EQ(call("PATCH", concat(kPodPath, "/a"), R"({"spec":{"ephemeralContainers":null}})", "application/merge-patch+json").status, 422);
  std::string resize = R"({"spec":{"containers":[{"name":"main","image":"other","resources":{"requests":{"cpu":"100m"}}}]}})";
  EXPECT_EQ(call("PATCH", concat(kPodPath, "/a"), resize, "application/strategic-merge-patch+json").status, 422);
  net::Response resized = call("PATCH", concat(kPodPath, "/a/resize"), resize, "application/strategic-merge-patch+json");
  ASSERT_EQ(resized.status, 200) << resized.body;
  json::value main = json::items(body_of(resized), "spec", "containers")[0];
  EXPECT_EQ(json::get_string(main, "resources", "requests", "cpu"), "100m");
  EXPECT_EQ(json::get_string(main, "image"), "x:1");
}

TEST_F(SubresourceTest, SessionsSayThatTheyAreNotThereYet) {
  pod("a");
  for (auto what : {"exec", "attach", "portforward", "proxy", "proxy/some/path"}) {
    net::Response refused = call("POST", concat(kPodPath, "/a/", what, "?command=ls"));
    EXPECT_EQ(refused.status, 405) << what;
    EXPECT_NE(json::get_string(body_of(refused), "message").find("not available on this server yet"), std::string_view::npos);
  }
  EXPECT_EQ(call("POST", "/api/v1/namespaces/default/configmaps/a/exec").status, 404);
  EXPECT_EQ(call("GET", concat(kPodPath, "/a/eviction")).status, 405);
}

TEST_F(SubresourceTest, DiscoveryNamesThemWithTheirKinds) {
  json::value core = body_of(call("GET", "/api/v1"));
  std::string seen;
  for (const json::value& resource : json::items(core, "resources")) {
    std::string_view name = json::get_string(resource, "name");
    if (!name.starts_with("pods")) continue;
    seen += concat(name, '=', json::get_string(resource, "group"), '/', json::get_string(resource, "version"), '/', json::get_string(resource, "kind"), ' ');
    EXPECT_EQ(json::get_string(resource, "storageVersionHash"), name == "pods" ? "xPOwRZ+Yhw8=" : "");
  }
  EXPECT_EQ(seen, "pods=//Pod pods/binding=//Binding pods/ephemeralcontainers=//Pod pods/eviction=policy/v1/Eviction pods/log=//Pod "
                  "pods/resize=//Pod pods/status=//Pod ");
}

}  // namespace
}  // namespace serin::apiserver
