#include "gitops/application_reconciler.h"

#include <gmock/gmock.h>

#include "gitops/testing/hub_fixture.h"

namespace serin::gitops {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ApplicationTest : public testing::HubTest {
 protected:
  static std::string config_map(std::string_view name, std::string_view value = "1", std::string_view annotations = "{}") {
    return concat("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ", name, ", annotations: ", annotations, "}\ndata: {k: '", value, "'}\n");
  }
  std::string data(const std::string& name) {
    Result<kube::Object> map = work().get(kube::kConfigMaps, {"demo", name});
    return map ? std::string(json::get_string(map->doc(), "data", "k")) : "none";
  }
};

TEST_F(ApplicationTest, ComparesWithoutTouching) {
  git_.write("app/a.yaml", config_map("a"));
  std::string commit = git_.commit();
  application();
  reconcile();
  EXPECT_EQ(status("sync", "status"), "OutOfSync");
  EXPECT_EQ(status("sync", "revision"), commit);
  EXPECT_EQ(status("health", "status"), "Missing");
  EXPECT_EQ(status("resources"), R"([{"version":"v1","kind":"ConfigMap","namespace":"demo","name":"a","status":"OutOfSync","health":{"status":"Missing"}}])");
  EXPECT_EQ(data("a"), "none");
}

TEST_F(ApplicationTest, SyncsByHand) {
  git_.write("app/a.yaml", config_map("a"));
  std::string commit = git_.commit();
  application();
  EXPECT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(data("a"), "1");
  EXPECT_EQ(status("sync", "status"), "Synced");
  EXPECT_EQ(status("health", "status"), "Healthy");
  EXPECT_EQ(status("operationState", "syncResult", "revision"), commit);
  EXPECT_THAT(status("operationState", "syncResult", "resources"), HasSubstr(R"("status":"Synced","message":"configmaps/a created")"));
  EXPECT_FALSE(json::find(app().doc(), "operation"));
  ASSERT_EQ(json::items(app().doc(), "status", "history").size(), 1u);
  kube::Object map = work().get(kube::kConfigMaps, {"demo", "a"}).value();
  EXPECT_EQ(map.annotation("argocd.argoproj.io/tracking-id"), "app:/ConfigMap:demo/a");
  EXPECT_EQ(application_of(map, "argocd")->str(), "argocd/app");

  git_.write("app/a.yaml", config_map("a", "2"));
  git_.commit();
  reconcile();
  EXPECT_EQ(status("sync", "status"), "OutOfSync");
  EXPECT_EQ(data("a"), "1");
  EXPECT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(data("a"), "2");
}

TEST_F(ApplicationTest, WritesNothingWhenNothingHasChanged) {
  git_.write("app/a.yaml", config_map("a"));
  git_.commit();
  application();
  sync_now();
  reconcile();
  auto before = server_->revision();
  for (int i = 0; i < 20; ++i) {
    clock_.advance(10s);
    reconcile();
  }
  EXPECT_EQ(server_->revision(), before);
  // A sync of what is in sync writes the application only.
  kube::ResourceVersion map = work().get(kube::kConfigMaps, {"demo", "a"})->version();
  EXPECT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(work().get(kube::kConfigMaps, {"demo", "a"})->version(), map);
}

TEST_F(ApplicationTest, RefreshIsServedAndRemoved) {
  git_.write("app/a.yaml", config_map("a"));
  git_.commit();
  application();
  reconcile();
  std::string before = status("reconciledAt");
  clock_.advance(10s);
  reconcile();
  EXPECT_EQ(status("reconciledAt"), before);
  merge(hub(), kube::kApplications, {"argocd", "app"}, "metadata: {annotations: {argocd.argoproj.io/refresh: hard}}");
  reconcile();
  EXPECT_NE(status("reconciledAt"), before);
  EXPECT_FALSE(app().has_annotation("argocd.argoproj.io/refresh"));
}

TEST_F(ApplicationTest, PrunesOnlyWhenAskedTo) {
  git_.write("app/a.yaml", config_map("a"));
  git_.write("app/b.yaml", config_map("b"));
  git_.write("app/c.yaml", config_map("c", "1", "{argocd.argoproj.io/sync-options: 'Prune=false'}"));
  git_.commit();
  application("  syncPolicy: {syncOptions: [PrunePropagationPolicy=background]}\n");
  sync_now();
  git_.remove("app/b.yaml");
  git_.remove("app/c.yaml");
  git_.commit();
  EXPECT_EQ(sync_now(), "Succeeded");
  EXPECT_EQ(data("b"), "1");
  EXPECT_EQ(status("sync", "status"), "OutOfSync");
  EXPECT_THAT(status("resources"), HasSubstr(R"("name":"b","status":"OutOfSync","requiresPruning":true)"));
  EXPECT_EQ(sync_now("{prune: true}"), "Succeeded");
  EXPECT_EQ(data("b"), "none");
  EXPECT_EQ(data("c"), "1");
  EXPECT_EQ(data("a"), "1");
  // Somebody else's object of a name that we once had is not ours to prune.
  create(work(), kube::kConfigMaps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: demo}}");
  EXPECT_EQ(sync_now("{prune: true}"), "Succeeded");
  EXPECT_TRUE(has(kube::kConfigMaps, "b"));
}

TEST_F(ApplicationTest, DryRunAndSelectiveSync) {
  git_.write("app/a.yaml", config_map("a"));
  git_.write("app/b.yaml", config_map("b"));
  git_.commit();
  application();
  EXPECT_EQ(sync_now("{dryRun: true}"), "Succeeded");
  EXPECT_EQ(data("a"), "none");
  EXPECT_THAT(status("operationState", "syncResult", "resources"), HasSubstr("configmaps/a created (dry run)"));
  EXPECT_EQ(sync_now("{resources: [{kind: ConfigMap, name: b}]}"), "Succeeded");
  EXPECT_EQ(data("a"), "none");
  EXPECT_EQ(data("b"), "1");
  EXPECT_EQ(json::items(app().doc(), "status", "history").size(), 0u);
}

TEST_F(ApplicationTest, NothingIsAppliedWhenTheDryRunFails) {
  git_.write("app/a.yaml", config_map("a"));
  git_.write("app/b.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 99999}]}\n");
  git_.write("app/c.yaml", "apiVersion: example.com/v1\nkind: Unknown\nmetadata: {name: c}\n");
  git_.commit();
  application();
  EXPECT_EQ(sync_now(), "Failed");
  EXPECT_EQ(data("a"), "none");
  EXPECT_THAT(status("operationState", "message"), HasSubstr("nothing was applied"));
  EXPECT_THAT(status("operationState", "message"), HasSubstr("Unknown"));
}

TEST_F(ApplicationTest, BadInputIsAConditionAndHeals) {
  git_.write("elsewhere/a.yaml", config_map("a"));
  git_.commit();
  application();
  reconcile();
  EXPECT_THAT(condition(), StartsWith("ComparisonError: there is no directory \"app\" in revision "));
  EXPECT_EQ(status("sync", "status"), "Unknown");
  EXPECT_EQ(sync_now(), "Error");

  git_.write("app/a.yaml", "a: [1\n");
  git_.commit();
  reconcile();
  EXPECT_THAT(condition(), StartsWith("ComparisonError: a.yaml:2: invalid YAML: column 1"));

  git_.write("app/a.yaml", config_map("a"));
  git_.commit();
  reconcile();
  EXPECT_EQ(condition(), "");
  EXPECT_EQ(status("sync", "status"), "OutOfSync");

  auto spec = [&](const char* change) {
    merge(hub(), kube::kApplications, {"argocd", "app"}, change);
    reconcile();
    return condition();
  };
  EXPECT_THAT(spec("spec: {source: {targetRevision: nothing}}"), StartsWith("ComparisonError: there is no branch, tag or commit \"nothing\""));
  EXPECT_THAT(spec("spec: {source: {targetRevision: main, repoURL: /nowhere}}"), StartsWith("ComparisonError: repository /nowhere: "));
  EXPECT_THAT(spec("spec: {destination: {name: work-9}}"), StartsWith("InvalidSpecError: there is no cluster \"work-9\""));
  EXPECT_THAT(spec("spec: {destination: {name: work-1}, source: {chart: x}}"), HasSubstr("spec.source.chart is not supported"));
  EXPECT_THAT(spec(concat("spec: {source: {chart: null, repoURL: ", git_.path(), "}}").c_str()), "");
}

TEST_F(ApplicationTest, WavesWaitForHealth) {
  git_.write("app/a.yaml",
             "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, annotations: {argocd.argoproj.io/sync-wave: '-1'}}\n"
             "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}\n");
  git_.write("app/b.yaml", config_map("after"));
  git_.commit();
  application();
  sync();
  reconcile();
  EXPECT_EQ(status("operationState", "phase"), "Running");
  EXPECT_EQ(status("operationState", "message"), "waiting for healthy state of apps/Deployment/d");
  EXPECT_EQ(data("after"), "none");
  client::WriteOptions as_status;
  as_status.subresource = "status";
  kube::Object deployment = work().get(kube::kDeployments, {"demo", "d"}).value();
  work().patch(kube::kDeployments, {"demo", "d"},
               {client::Patch::Type::kMerge, yaml::parse("status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1}").value()},
               as_status).value();
  EXPECT_LE(*reconcile().after, 3s);
  EXPECT_EQ(status("operationState", "phase"), "Succeeded");
  EXPECT_EQ(data("after"), "1");
  EXPECT_EQ(status("health", "status"), "Healthy");
}

TEST_F(ApplicationTest, ANewOperationReplacesAWaitingOneAndTerminateEndsIt) {
  git_.write("app/a.yaml",
             "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {argocd.argoproj.io/hook: PreSync}}\n"
             "spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}\n");
  git_.write("app/b.yaml", config_map("b"));
  git_.commit();
  application();
  sync();
  reconcile();
  EXPECT_EQ(status("operationState", "message"), "waiting for completion of hook batch/Job/j");
  EXPECT_EQ(data("b"), "none");
  git_.remove("app/a.yaml");
  git_.commit();
  sync("{prune: true}");
  reconcile();
  EXPECT_EQ(status("operationState", "phase"), "Succeeded");
  EXPECT_EQ(data("b"), "1");

  git_.write("app/a.yaml",
             "apiVersion: batch/v1\nkind: Job\nmetadata: {name: k, annotations: {argocd.argoproj.io/hook: PreSync}}\n"
             "spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}\n");
  git_.commit();
  sync();
  reconcile();
  merge(hub(), kube::kApplications, {"argocd", "app"}, "operation: null");
  reconcile();
  EXPECT_EQ(status("operationState", "phase"), "Failed");
  EXPECT_EQ(status("operationState", "message"), "Operation terminated");
}

TEST_F(ApplicationTest, CreatesNamespaceAndDefinitionsFirst) {
  git_.write("app/a.yaml", config_map("a"));
  git_.write("app/crd.yaml", yaml::dump(open_crd("example.com", "Thing", "things", "v1")));
  git_.write("app/thing.yaml", "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: {}\n");
  git_.commit();
  application("  syncPolicy: {syncOptions: [CreateNamespace=true]}\n");
  merge(hub(), kube::kApplications, {"argocd", "app"}, "spec: {destination: {namespace: fresh}}");
  EXPECT_EQ(sync_now(), "Succeeded");
  EXPECT_TRUE(work().get(kube::kNamespaces, {"", "fresh"}).has_value());
  EXPECT_TRUE(work().get({"example.com", "v1", "things", "Thing"}, {"fresh", "t"}).has_value());
}

TEST_F(ApplicationTest, DeletionCascadesByFinalizerOnly) {
  git_.write("app/a.yaml", config_map("a"));
  git_.write("app/b.yaml", config_map("b", "1", "{argocd.argoproj.io/sync-options: 'Delete=false'}"));
  git_.commit();
  application("", "", ", finalizers: [resources-finalizer.argocd.argoproj.io/background]");
  sync_now();
  ASSERT_TRUE(hub().remove(kube::kApplications, {"argocd", "app"}));
  for (int i = 0; i < 5; ++i) reconcile();
  EXPECT_EQ(data("a"), "none");
  EXPECT_EQ(data("b"), "1");
  EXPECT_TRUE(failed_with(hub().get(kube::kApplications, {"argocd", "app"}), Code::kNotFound));

  application();
  sync_now();
  ASSERT_TRUE(hub().remove(kube::kApplications, {"argocd", "app"}));
  reconcile();
  EXPECT_EQ(data("a"), "1");
}

TEST_F(ApplicationTest, TheSchemaRefusesWrongTypes) {
  for (const char* spec : {"source: {repoURL: 1}\n  destination: {name: a}", "source: {repoURL: x, directory: {recurse: maybe}}\n  destination: {name: a}",
                           "source: {repoURL: x}\n  destination: {name: a}\n  syncPolicy: {automated: {prune: 'true'}}", "source: {repoURL: x}"})
    EXPECT_TRUE(failed_with(hub().create(kube::kApplications, object(concat("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x, namespace: argocd}\nspec:\n  ", spec, "\n"))),
                            Code::kInvalid)) << spec;
}

}  // namespace
}  // namespace serin::gitops
