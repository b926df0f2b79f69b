#pragma once

/// A hub and two work clusters on the in-memory API server, a Git repository, and the reconciler over them, under
/// a virtual clock. For tests.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "apiserver/server.h"
#include "data/yaml.h"
#include "gitops/application_reconciler.h"
#include "gitops/testing/git_fixture.h"
#include "kube/resources.h"

namespace serin::gitops::testing {

class HubTest : public ::testing::Test, public client::ClusterSet {
 protected:
  HubTest() {
    apiserver::ServerOptions options;
    options.clock = &clock_;
    server_ = apiserver::Server::open(std::move(options)).value();
    for (const char* name : {"hub", "work-1", "work-2"}) {
      if (!server_->add_cluster(name)) throw std::runtime_error("no cluster");
      clients_[name] = server_->client(name, "test");
    }
    std::ifstream crd(SERIN_CRDS "/argoproj.io_applications.yaml");
    std::stringstream text;
    text << crd.rdbuf();
    define(hub(), yaml::parse(text.str()).value());
    create(hub(), kube::kNamespaces, "{apiVersion: v1, kind: Namespace, metadata: {name: argocd}}");
    for (const char* name : {"work-1", "work-2"}) {
      create(*clients_[name], kube::kNamespaces, "{apiVersion: v1, kind: Namespace, metadata: {name: demo}}");
      define(*clients_[name], open_crd("argoproj.io", "Rollout", "rollouts", "v1alpha1"));
      define(*clients_[name], open_crd("networking.istio.io", "VirtualService", "virtualservices", "v1"));
      define(*clients_[name], open_crd("networking.istio.io", "DestinationRule", "destinationrules", "v1"));
    }
    reconciler_ = std::make_unique<ApplicationReconciler>(hub(), *this, repositories_, clock_);
  }

  Result<client::Client*> cluster(const std::string& name) override {
    auto found = clients_.find(name);
    if (found == clients_.end() || name == "hub") return fail(Code::kNotFound, "no cluster " + name);
    return found->second.get();
  }
  client::Client& hub() { return *clients_["hub"]; }
  client::Client& work() { return *clients_["work-1"]; }

  static kube::Object object(std::string_view text) { return kube::Object(yaml::parse(text).value()); }
  static kube::Object create(client::Client& client, const kube::Resource& resource, std::string_view text) {
    Result<kube::Object> made = client.create(resource, object(text));
    if (!made) throw std::runtime_error(made.error().message);
    return *made;
  }
  static void define(client::Client& client, json::value crd) {
    Result<kube::Object> made = client.create(kube::kCustomResourceDefinitions, kube::Object(std::move(crd)));
    if (!made) throw std::runtime_error(made.error().message);
  }
  static json::value open_crd(std::string_view group, std::string_view kind, std::string_view plural, std::string_view version) {
    return yaml::parse(concat("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ", plural, ".", group,
                              "}\nspec: {group: ", group, ", scope: Namespaced, names: {plural: ", plural, ", kind: ", kind,
                              "}, versions: [{name: ", version, ", served: true, storage: true, schema: {openAPIV3Schema: {type: object, "
                              "x-kubernetes-preserve-unknown-fields: true}}}]}\n"))
        .value();
  }

  /// An application "app" of the repository's directory "app" for work-1; `more` is further YAML of its spec.
  void application(std::string_view more = "", std::string_view source = "", std::string_view metadata = "") {
    create(hub(), kube::kApplications,
           concat("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: app, namespace: argocd", metadata, "}\nspec:\n  source: {repoURL: ",
                  git_.path(), ", path: app", source, "}\n  destination: {name: work-1, namespace: demo}\n", more));
  }
  client::Again reconcile() {
    Result<client::Again> again = reconciler_->reconcile({"", {"argocd", "app"}});
    if (!again) throw std::runtime_error(again.error().message);
    return *again;
  }
  kube::Object app() { return hub().get(kube::kApplications, {"argocd", "app"}).value(); }
  template <class... Names>
  std::string status(const Names&... names) {
    kube::Object now = app();
    const json::value* found = json::find(now.doc(), "status", names...);
    return !found ? "" : found->is_string() ? std::string(json::as_string(found)) : json::dump(*found);
  }
  std::string condition() {
    for (const json::value& each : json::items(app().doc(), "status", "conditions"))
      return concat(json::get_string(each, "type"), ": ", json::get_string(each, "message"));
    return "";
  }
  void merge(client::Client& client, const kube::Resource& resource, const kube::NamespacedName& name, std::string_view body) {
    Result<kube::Object> done = client.patch(resource, name, {client::Patch::Type::kMerge, yaml::parse(body).value()});
    if (!done) throw std::runtime_error(done.error().message);
  }
  /// Writes .operation, as `kubectl patch` would.
  void sync(std::string_view sync = "{}") { merge(hub(), kube::kApplications, {"argocd", "app"}, concat("operation: {sync: ", sync, "}")); }
  /// Syncs and reconciles until the operation is over.
  std::string sync_now(std::string_view what = "{}") {
    sync(what);
    for (int i = 0; i < 20 && json::find(app().doc(), "operation"); ++i) {
      reconcile();
      clock_.advance(std::chrono::seconds(1));
    }
    return status("operationState", "phase");
  }
  bool has(const kube::Resource& resource, const std::string& name) { return work().get(resource, {"demo", name}).has_value(); }

  VirtualClock clock_;
  GitRepository git_;
  TemporaryDirectory cache_;
  source::SystemProcessRunner runner_;
  source::Repositories repositories_{runner_, clock_, cache_.str()};
  std::unique_ptr<apiserver::Server> server_;
  std::map<std::string, std::unique_ptr<client::Client>> clients_;
  std::unique_ptr<ApplicationReconciler> reconciler_;
};

}  // namespace serin::gitops::testing
