#include "apiserver/server.h"

#include "apiserver/admission/service_account_admission.h"
#include "apiserver/auth/rbac/aggregation.h"
#include "apiserver/auth/rbac/bootstrap.h"
#include "apiserver/crd/crd.h"
#include "apiserver/http/handler.h"
#include "apiserver/in_process_client.h"
#include "apiserver/rest/rest.h"
#include "base/strings.h"
#include "kube/names.h"
#include "kube/resources.h"

namespace serin::apiserver {

Server::Server(Options options) : options_(std::move(options)) {
  if (!options_.random) {
    own_random_ = std::make_unique<Random>();
    options_.random = own_random_.get();
  }
}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(Options options) {
  std::unique_ptr<Server> server(new Server(std::move(options)));
  const Options& o = server->options_;
  if (o.state_directory.empty()) server->store_ = memory_store(*o.clock, o.history);
  else server->store_ = SERIN_TRY(open_sqlite_store(o.state_directory, *o.clock, o.history));
  server->security_ = SERIN_TRY(Security::make(o.security, {*server->store_, *o.clock, *o.random, o.external_address}));
  RestOptions rest{o.clock, o.random, o.admission, o.service_account_admission};
  if (o.service_account_admission) {
    server->account_admission_ = std::make_unique<ServiceAccountAdmission>(*server->store_, *o.random);
    rest.admission.push_back(server->account_admission_.get());
  }
  rest.admission.push_back(&server->security_->escalation_check());
  rest.written = [server = server.get()](const Target& target) { server->written(target); };
  server->rest_ = std::make_unique<Rest>(*server->store_, std::move(rest));
  for (const std::string& name : server->store_->clusters()) SERIN_TRY(server->load_cluster(name));
  return server;
}

Result<void> Server::load_cluster(const std::string& name) {
  CatalogPtr catalog = Catalog::builtin();
  Collection crds{name, kube::kCustomResourceDefinitions.group_resource()};
  Listing listing = SERIN_TRY(store_->list(crds, {}));
  for (const EntryPtr& entry : listing.entries)
    catalog = catalog->with_crd(entry->name.name, SERIN_TRY(served_by(rest_->cache().get(entry).doc())));
  std::lock_guard lock(mutex_);
  clusters_[name] = std::make_shared<LogicalCluster>(name, std::move(catalog));
  return {};
}

Result<void> Server::add_cluster(const ClusterName& name) {
  if (auto wrong = kube::names::dns1123_label_error(name.value))
    return fail(Code::kInvalid, concat("cluster name \"", name.value, "\": ", *wrong));
  if (!cluster(name.value)) SERIN_TRY(load_cluster(name.value));
  auto writer = client(name, "serin");
  for (auto ns : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    kube::Object object(json::object{{"metadata", json::object{{"name", ns}}}});
    auto made = writer->create(kube::kNamespaces, object, {});
    if (!made && made.error().code != Code::kAlreadyExists) return fail(made.error());
  }
  prepare(name.value, true);
  auto made = rbac::ensure_bootstrap_policy(*rest_, cluster(name.value));
  prepare(name.value, false);
  SERIN_TRY(std::move(made));
  rbac::update_aggregated_roles(*rest_, security_->authorizer(), cluster(name.value));
  return {};
}

void Server::prepare(const std::string& cluster, bool begins) {
  std::lock_guard lock(mutex_);
  if (begins) preparing_.insert(cluster);
  else preparing_.erase(cluster);
}

bool Server::is_preparing(const std::string& cluster) const {
  std::lock_guard lock(mutex_);
  return preparing_.contains(cluster);
}

void Server::written(const Target& target) {
  const kube::Resource& resource = target.resource->resource();
  if (!rbac::is_policy_resource(resource.group, resource.plural)) return;
  security_->authorizer().changed(target.cluster->name());
  if (resource.plural != "clusterroles" || is_preparing(target.cluster->name())) return;
  rbac::update_aggregated_roles(*rest_, security_->authorizer(), target.cluster);
}

std::shared_ptr<LogicalCluster> Server::cluster(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto found = clusters_.find(name);
  return found == clusters_.end() ? nullptr : found->second;
}

std::vector<std::string> Server::clusters() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, cluster] : clusters_) names.push_back(name);
  return names;
}

bool Server::has_cluster(const ClusterName& name) const { return cluster(name.value) != nullptr; }

std::unique_ptr<client::Client> Server::client(const ClusterName& name, std::string field_manager) {
  auto found = cluster(name.value);
  if (!found) return nullptr;
  return in_process_client(*rest_, security_->accounts(), std::move(found), std::move(field_manager));
}

net::Handler Server::http_handler() {
  std::shared_ptr<ApiHandler> handler;
  {
    std::lock_guard lock(mutex_);
    if (!handler_)
      handler_ = std::make_shared<ApiHandler>(*rest_, *security_, options_, [this](const std::string& name) { return cluster(name); });
    handler = handler_;
  }
  // Open connections hold this function, and the handler holds streams on them: only the server owns it.
  return [weak = std::weak_ptr<ApiHandler>(handler)](net::Request request, std::unique_ptr<net::Responder> responder) {
    if (auto handler = weak.lock()) handler->handle(std::move(request), std::move(responder));
  };
}

Result<void> Server::health() const { return store_->health(); }
Revision Server::revision() const { return store_->revision(); }

}  // namespace serin::apiserver
