/// A sync in mid-canary moves no traffic: what the rollout controller has set stays, everything else follows Git.

#include <gmock/gmock.h>

#include "gitops/testing/hub_fixture.h"

namespace serin::gitops {
namespace {

using ::testing::HasSubstr;

const kube::Resource kVirtualServices{"networking.istio.io", "v1", "virtualservices", "VirtualService"};
const kube::Resource kDestinationRules{"networking.istio.io", "v1", "destinationrules", "DestinationRule"};

constexpr std::string_view kRollout = R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: provider}
spec:
  strategy:
    canary:
      canaryService: provider-canary
      stableService: provider
      trafficRouting:
        managedRoutes: [{name: lane}]
        istio:
          virtualService: {name: provider, routes: [main]}
          destinationRule: {name: provider, canarySubsetName: canary, stableSubsetName: stable}
---
apiVersion: v1
kind: Service
metadata: {name: provider}
spec: {selector: {app: provider}, ports: [{port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: provider}
spec: {host: provider, subsets: [{name: stable, labels: {app: provider}}, {name: canary, labels: {app: provider}}]}
)";

std::string virtual_service(int timeout) {
  return concat("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: provider}\nspec: {hosts: [provider], http: [{name: main, timeout: ",
                timeout, "s, route: [{destination: {host: provider, subset: stable}, weight: 100}, {destination: {host: provider, subset: canary}, weight: 0}]}]}\n");
}

std::string running_http(int canary, int timeout) {
  return concat("[{name: lane, match: [{headers: {lane: {exact: v2}}}], route: [{destination: {host: provider, subset: canary}}]}, {name: main, timeout: ", timeout,
                "s, route: [{destination: {host: provider, subset: stable}, weight: ", 100 - canary,
                "}, {destination: {host: provider, subset: canary}, weight: ", canary, "}]}]");
}

/// A work cluster in which somebody writes just before each apply of a VirtualService arrives.
class Interfered final : public client::Client {
 public:
  explicit Interfered(client::Client& inner) : inner_(inner) {}
  std::function<void()> before_apply;

  Result<kube::Object> get(const kube::Resource& r, const kube::NamespacedName& n) override { return inner_.get(r, n); }
  Result<kube::ObjectList> list(const kube::Resource& r, const client::ListOptions& o) override { return inner_.list(r, o); }
  Result<std::unique_ptr<client::Watch>> watch(const kube::Resource& r, const client::WatchOptions& o) override { return inner_.watch(r, o); }
  Result<kube::Object> create(const kube::Resource& r, const kube::Object& x, const client::WriteOptions& o) override { return inner_.create(r, x, o); }
  Result<kube::Object> update(const kube::Resource& r, const kube::Object& x, const client::WriteOptions& o) override { return inner_.update(r, x, o); }
  Result<kube::Object> patch(const kube::Resource& r, const kube::NamespacedName& n, const client::Patch& p, const client::WriteOptions& o) override {
    if (r.kind == "VirtualService" && !o.dry_run && p.type == client::Patch::Type::kApply && before_apply) std::exchange(before_apply, nullptr)();
    return inner_.patch(r, n, p, o);
  }
  Result<void> remove(const kube::Resource& r, const kube::NamespacedName& n, const client::DeleteOptions& o) override { return inner_.remove(r, n, o); }
  Result<kube::Resource> resource_for(const kube::GroupVersionKind& k) override { return inner_.resource_for(k); }
  Result<std::vector<kube::Resource>> resources() override { return inner_.resources(); }

 private:
  client::Client& inner_;
};

class CanarySyncTest : public testing::HubTest {
 protected:
  CanarySyncTest() {
    git_.write("app/all.yaml", std::string(kRollout));
    git_.write("app/vs.yaml", virtual_service(1));
    git_.commit();
    application();
    EXPECT_EQ(sync_now(), "Succeeded") << status("operationState", "message");
  }
  Result<client::Client*> cluster(const std::string& name) override {
    if (name != "work-1") return HubTest::cluster(name);
    if (!interfered_) interfered_ = std::make_unique<Interfered>(work());
    return interfered_.get();
  }
  /// What the rollout controller writes when a step begins.
  void step(int canary, int timeout = 1) {
    client::WriteOptions options;
    options.field_manager = "rollouts-controller";
    auto patch = [&](const kube::Resource& resource, const std::string& body) {
      Result<kube::Object> done = work().patch(resource, {"demo", "provider"}, {client::Patch::Type::kMerge, yaml::parse(body).value()}, options);
      ASSERT_TRUE(done) << done.error().message;
    };
    patch(kVirtualServices, concat("spec: {http: ", running_http(canary, timeout), "}"));
    patch(kDestinationRules, "spec: {subsets: [{name: stable, labels: {app: provider, rollouts-pod-template-hash: s1}}, {name: canary, labels: {app: provider, rollouts-pod-template-hash: c2}}]}");
    patch(kube::kServices, "spec: {selector: {rollouts-pod-template-hash: s1}}");
  }
  std::string http() { return json::dump(*json::find(work().get(kVirtualServices, {"demo", "provider"})->doc(), "spec", "http")); }
  static std::string text(std::string_view yaml) { return json::dump(yaml::parse(yaml).value()); }

  std::unique_ptr<Interfered> interfered_;
};

TEST_F(CanarySyncTest, WhatTheRolloutSetsIsNoDifference) {
  EXPECT_EQ(status("sync", "status"), "Synced");
  step(5);
  reconcile();
  EXPECT_EQ(status("sync", "status"), "Synced") << status("resources");
  EXPECT_EQ(http(), text(running_http(5, 1)));
}

TEST_F(CanarySyncTest, WhatSomebodyElseSetsIs) {
  step(5);
  merge(work(), kVirtualServices, {"demo", "provider"}, concat("spec: {http: ", running_http(5, 9), "}"));
  reconcile();
  EXPECT_EQ(status("sync", "status"), "OutOfSync");
  EXPECT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(http(), text(running_http(5, 1)));
}

TEST_F(CanarySyncTest, ManySyncsMoveNoWeight) {
  step(5);
  uint64_t generation = static_cast<uint64_t>(work().get(kVirtualServices, {"demo", "provider"})->generation());
  for (int i = 0; i < 50; ++i) ASSERT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(static_cast<uint64_t>(work().get(kVirtualServices, {"demo", "provider"})->generation()), generation);
  EXPECT_EQ(http(), text(running_http(5, 1)));
}

TEST_F(CanarySyncTest, SyncsThatChangeTheRouteKeepTheWeights) {
  for (int i = 2; i < 30; ++i) {
    step(i, i - 1);
    git_.write("app/vs.yaml", virtual_service(i));
    git_.commit();
    ASSERT_EQ(sync_now(), "Succeeded") << status("operationState", "message");
    ASSERT_EQ(http(), text(running_http(i, i)));
    ASSERT_EQ(status("sync", "status"), "Synced") << status("resources");
  }
  kube::Object rule = work().get(kDestinationRules, {"demo", "provider"}).value();
  EXPECT_THAT(json::dump(rule.doc()), HasSubstr("\"rollouts-pod-template-hash\":\"c2\""));
  EXPECT_EQ(json::get_string(work().get(kube::kServices, {"demo", "provider"})->doc(), "spec", "selector", "rollouts-pod-template-hash"), "s1");
}

TEST_F(CanarySyncTest, AWeightSetDuringASyncWins) {
  step(5);
  git_.write("app/vs.yaml", virtual_service(2));
  git_.commit();
  interfered_->before_apply = [&] { step(50); };
  EXPECT_EQ(sync_now(), "Succeeded") << status("operationState", "message");
  EXPECT_EQ(http(), text(running_http(50, 2)));
}

TEST_F(CanarySyncTest, ServicesAndRulesKeepTheirHashesWhenTheyChange) {
  step(5);
  std::string changed(kRollout);
  changed.replace(changed.find("selector: {app: provider}"), 25, "selector: {app: renamed}");
  changed.replace(changed.find("host: provider, subsets"), 23, "host: renamed, subsets");
  git_.write("app/all.yaml", changed);
  git_.commit();
  EXPECT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(json::dump(*json::find(work().get(kube::kServices, {"demo", "provider"})->doc(), "spec", "selector")),
            R"({"app":"renamed","rollouts-pod-template-hash":"s1"})");
  EXPECT_EQ(json::dump(*json::find(work().get(kDestinationRules, {"demo", "provider"})->doc(), "spec")),
            R"({"host":"renamed","subsets":[{"name":"stable","labels":{"app":"provider","rollouts-pod-template-hash":"s1"}},{"name":"canary","labels":{"app":"provider","rollouts-pod-template-hash":"c2"}}]})");
}

TEST_F(CanarySyncTest, ARouteUnderACanaryIsNotTakenAway) {
  step(5);
  std::string renamed = virtual_service(1);
  renamed.replace(renamed.find("name: main"), 10, "name: next");
  git_.write("app/vs.yaml", renamed);
  git_.commit();
  EXPECT_EQ(sync_now(), "Failed");
  EXPECT_THAT(status("operationState", "message"), HasSubstr("route \"main\" of VirtualService demo/provider is missing in Git while Rollout demo/provider"));
  EXPECT_EQ(http(), text(running_http(5, 1)));
}

TEST_F(CanarySyncTest, ARolloutOutsideOfTheApplicationCountsToo) {
  std::string without(kRollout.substr(kRollout.find("---") + 4));
  git_.write("app/all.yaml", without);
  git_.commit();
  ASSERT_EQ(sync_now(), "Succeeded");
  step(5);
  git_.write("app/vs.yaml", virtual_service(2));
  git_.commit();
  ASSERT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(http(), text(running_http(5, 2)));
}

}  // namespace
}  // namespace serin::gitops
