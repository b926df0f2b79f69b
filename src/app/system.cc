#include "app/system.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "apiserver/server.h"
#include "app/address_claim.h"
#include "app/certificate_renewal.h"
#include "app/cluster_endpoint.h"
#include "app/embedded_clusters.h"
#include "app/files.h"
#include "app/pki.h"
#include "app/platform.h"
#include "app/pod_logs.h"
#include "app/service_address_admission.h"
#include "app/token_keys.h"
#include "base/log.h"
#include "base/strings.h"
#include "client/events.h"
#include "client/kubeconfig.h"
#include "client/manager.h"
#include "cluster/controllers.h"
#include "gitops/application_controller.h"
#include "gitops/source/process.h"
#include "kube/resources.h"
#include "mesh/mesh_controller.h"
#include "mesh/sync/mesh_spec.h"
#include "net/http_server.h"
#include "node/agent.h"
#include "rollout/controller.h"

namespace serin::app {
namespace {

constexpr const char* kHub = "hub";
constexpr const char* kMesh = "mesh";
constexpr Duration kPoll = std::chrono::milliseconds(50);

/// The kinds that a cluster of each sort serves beyond the built-in ones.
bool wants_crd(std::string_view crd, const std::string& cluster) {
  bool istio = crd.ends_with(".istio.io");
  if (cluster == kMesh) return istio;
  bool hub = crd.starts_with("applications.") || crd.starts_with("appprojects.") || crd.ends_with(".serin.io");
  return cluster == kHub ? hub : !hub;
}

/// Applies an object as ours; an unchanged one writes nothing.
Result<void> apply(client::Client& client, const kube::Object& object) {
  client::Resource resource = SERIN_TRY(client.resource_for(object.gvk()));
  client::WriteOptions options;
  options.force = true;
  SERIN_TRY(client.patch(resource, object.key(), {client::Patch::Type::kApply, object.doc()}, options));
  return {};
}

kube::Object namespace_named(const std::string& name) {
  return kube::Object(json::object{
      {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", json::object{{"name", name}}}});
}

/// What supervises a container: the small program beside this one, or this one where it stands alone.
std::vector<std::string> shim_command() {
  std::string small = std::filesystem::path(own_path()).parent_path() / "serin-shim";
  if (access(small.c_str(), X_OK) == 0) return {small};
  return {own_path(), "shim"};
}

/// One work cluster's controllers and node agent.
struct WorkCluster {
  std::string name;
  int number = 0;
  std::unique_ptr<client::Client> api, rollout_api, node_api;
  std::unique_ptr<client::EventRecorder> rollout_events;
  std::unique_ptr<client::Manager> manager;
  std::unique_ptr<node::NodeAgent> agent;
};

class EmbeddedSystem final : public System {
 public:
  EmbeddedSystem(SystemOptions options, Clock& clock, DirectoryLock lock, std::vector<AddressClaim> claims)
      : options_(std::move(options)), clock_(clock), lock_(std::move(lock)), claims_(std::move(claims)) {}

  ~EmbeddedSystem() override {
    endpoints_.clear();
    http_.reset();
    logs_.stop();
    for (auto& work : work_) {
      if (work->agent) work->agent->stop();
      if (work->manager) work->manager->stop();
    }
    if (mesh_manager_) mesh_manager_->stop();
    if (hub_manager_) hub_manager_->stop();
    mesh_.reset();
  }

  Result<void> start() {
    SERIN_TRY(start_api());
    SERIN_TRY(prepare_clusters());
    if (!left_out("mesh")) SERIN_TRY(start_mesh());
    for (int i = 1; i <= options_.clusters; ++i) SERIN_TRY(start_work_cluster(i));
    if (!left_out("gitops")) SERIN_TRY(start_gitops());
    for (auto& work : work_)
      for (const kube::Object& object : platform_objects(platform_options(work->name)))
        SERIN_TRY(apply(*work->api, object));
    return {};
  }

  std::string kubeconfig() const override { return options_.state + "/kubeconfig"; }
  uint16_t api_port() const override { return http_->port(); }
  std::vector<std::string> work_clusters() const override {
    std::vector<std::string> out;
    for (const auto& work : work_) out.push_back(work->name);
    return out;
  }
  Result<client::Client*> cluster(const std::string& name) override { return clusters_->cluster(name); }

  Result<void> wait_ready(Duration timeout) override {
    // Whoever plays these roles instead may come at any time.
    for (const char* role : {"mesh", "node", "deployment", "replicaset", "scheduler", "service-address"})
      if (left_out(role)) return {};
    TimePoint deadline = clock_.now() + timeout;
    for (;;) {
      std::string missing;
      for (const auto& work : work_)
        for (const char* name : {"serin-mesh-proxy", "istio-ingressgateway"}) {
          Result<kube::Object> deployment = work->api->get(kube::kDeployments, {"istio-system", name});
          bool serves = deployment && json::get_int(deployment->doc(), 0, "status", "availableReplicas") > 0;
          if (!serves) missing = concat(work->name, " istio-system/", name);
        }
      if (missing.empty() && gateways().size() == work_.size()) return {};
      if (clock_.now() >= deadline)
        return fail(Code::kTimeout, concat(missing.empty() ? "a gateway's address" : missing,
                                           " is not available: see `kubectl --kubeconfig ", kubeconfig(),
                                           " get events -n istio-system`"));
      clock_.sleep(kPoll);
    }
  }

  std::vector<GatewayAddress> gateways() override {
    std::vector<GatewayAddress> out;
    for (const auto& work : work_) {
      Result<kube::Object> service = work->api->get(kube::kServices, {"istio-system", "istio-ingressgateway"});
      if (!service) continue;
      const json::array& ingress = json::items(service->doc(), "status", "loadBalancer", "ingress");
      if (ingress.empty()) continue;
      out.push_back({work->name, std::string(json::get_string(ingress[0], "ip")), http_port_});
    }
    return out;
  }

  void stop_pods() override {
    for (auto& work : work_) {
      work->manager->stop();
      if (work->agent) work->agent->stop(false);
    }
  }

 private:
  bool left_out(const std::string& role) const { return options_.without.contains(role); }

  Result<void> start_api() {
    ServerNames own_names = server_names();
    pki_ = SERIN_TRY(load_or_make_pki(options_.state + "/pki", clock_.now(), own_names));
    apiserver::ServerOptions server;
    server.state_directory = options_.state + "/store";
    server.clock = &clock_;
    server.admission = {&addresses_};
    server.logs = &logs_;
    server.service_account_admission = true;
    server.security = SERIN_TRY(security_options());
    SERIN_TRY(make_private_directory(server.state_directory));
    SERIN_TRY(check_not_emptied(server.state_directory + "/serin.db"));
    server_ = SERIN_TRY(apiserver::Server::open(server));
    clusters_ = std::make_unique<EmbeddedClusters>(*server_, "serin");

    std::vector<std::string> names = {kHub, kMesh};
    for (int i = 1; i <= options_.clusters; ++i) {
      names.push_back(concat("work-", i));
      addresses_.add_cluster(names.back(), i);
    }
    for (const std::string& name : names) SERIN_TRY(server_->add_cluster(name));

    net::ServerOptions http;
    http.port = options_.api_port;
    http.certificate_pem = pki_.server.certificate_pem;
    http.key_pem = pki_.server.key_pem;
    http.client_ca_pem = pki_.ca_pem;
    http_ = SERIN_TRY(net::HttpServer::start(http, server_->http_handler()));
    for (int i = 1; i <= options_.clusters; ++i) {
      http.address = cluster_endpoint_address(i);
      http.port = static_cast<uint16_t>(endpoint_port_);
      http.threads = 1;
      endpoints_.push_back(SERIN_TRY(net::HttpServer::start(http, one_cluster(concat("work-", i), server_->http_handler()))));
    }

    renewal_ = std::make_unique<CertificateRenewal>(
        options_.state + "/pki", pki_, std::move(own_names),
        CertificateRenewal::Users{
            [this](const net::KeyPair& pair) { return use_certificate(pair); },
            [this, names](const net::KeyPair& pair) { return write_contexts(names, pair); }},
        clock_);
    SERIN_TRY(write_contexts(names, pki_.admin));
    renewal_->start();
    return {};
  }

  ServerNames server_names() const {
    ServerNames names;
    char host[256] = {};
    if (gethostname(host, sizeof host - 1) == 0 && host[0] != 0) names.dns.emplace_back(host);
    for (int i = 1; i <= options_.clusters; ++i) names.addresses.push_back(cluster_endpoint_address(i));
    return names;
  }

  Result<void> use_certificate(const net::KeyPair& pair) {
    for (auto& endpoint : endpoints_) SERIN_TRY(endpoint->set_certificate(pair.certificate_pem, pair.key_pem));
    return http_->set_certificate(pair.certificate_pem, pair.key_pem);
  }

  Result<void> write_contexts(const std::vector<std::string>& names, const net::KeyPair& admin) const {
    std::vector<client::KubeContext> contexts;
    for (const std::string& name : names) {
      client::KubeContext context;
      context.name = name;
      context.server = concat("https://127.0.0.1:", http_->port(), "/clusters/", name);
      context.ca_pem = pki_.ca_pem;
      context.certificate_pem = admin.certificate_pem;
      context.key_pem = admin.key_pem;
      contexts.push_back(std::move(context));
    }
    return client::write_kubeconfig(kubeconfig(), contexts, "work-1");
  }

  Result<apiserver::SecurityOptions> security_options() const {
    apiserver::SecurityOptions security;
    security.token_keys = SERIN_TRY(load_or_make_token_keys(options_.state + "/pki/tokens", clock_.now()));
    if (!options_.token_file.empty()) security.tokens = SERIN_TRY(apiserver::StaticTokens::load(options_.token_file));
    if (!options_.audit_policy.empty()) security.audit_policy = SERIN_TRY(apiserver::audit::Policy::load(options_.audit_policy));
    if (!options_.audit_log.empty()) security.audit_log = apiserver::audit::LogOptions{options_.audit_log};
    return security;
  }

  Result<void> prepare_clusters() {
    std::vector<kube::Object> crds = bundled_crds();
    for (const std::string& name : server_->clusters()) {
      client::Client& client = *SERIN_TRY(clusters_->cluster(name));
      for (const kube::Object& crd : crds)
        if (wants_crd(crd.name(), name)) SERIN_TRY(apply(client, crd));
    }
    client::Client& hub = *SERIN_TRY(clusters_->cluster(kHub));
    SERIN_TRY(apply(hub, namespace_named("argocd")));
    return apply_mesh(hub);
  }

  /// An emptied file is a valid database of nothing. Once there is a kubeconfig there were clusters in it, and
  /// starting empty would end every pod.
  Result<void> check_not_emptied(const std::string& database) const {
    std::error_code none;
    if (std::filesystem::file_size(database, none) != 0 || none || !std::filesystem::exists(kubeconfig())) return {};
    return fail(Code::kInvalid, concat(database, " is empty though clusters were kept in it: restore it from a "
                                                 "backup, or remove it to start empty"));
  }

  /// The Mesh that all work clusters belong to. Of one that is there nothing is taken back: clusters that are new
  /// since it was made are added at the end.
  Result<void> apply_mesh(client::Client& hub) {
    Result<kube::Object> found = hub.get(kube::kMeshes, {"", "default"});
    if (!found && found.error().code != Code::kNotFound) return fail(std::move(found).error());
    mesh::MeshSpec before = found ? mesh::MeshSpec::read(*found) : mesh::MeshSpec{};
    mesh::MeshSpec spec = before;
    for (int i = 1; i <= options_.clusters; ++i) {
      std::string name = concat("work-", i);
      if (std::find(spec.members.begin(), spec.members.end(), name) != spec.members.end()) continue;
      spec.members.push_back(name);
      spec.synchronise.push_back(name);
    }
    if (found && spec == before) return {};
    json::array members, synchronise;
    for (const std::string& name : spec.members) members.push_back(json::object{{"cluster", name}});
    for (const std::string& name : spec.synchronise) synchronise.push_back(json::value(name));
    json::object body{{"apiVersion", "serin.io/v1alpha1"},
                      {"kind", "Mesh"},
                      {"metadata", json::object{{"name", "default"}}},
                      {"spec", json::object{{"hosted", spec.hosted},
                                            {"members", std::move(members)},
                                            {"synchronise", std::move(synchronise)}}}};
    if (found) SERIN_TRY(hub.patch(kube::kMeshes, {"", "default"}, {client::Patch::Type::kMerge, std::move(body)}));
    else SERIN_TRY(hub.create(kube::kMeshes, kube::Object(std::move(body))));
    return {};
  }

  Result<void> start_mesh() {
    SERIN_TRY(make_private_directory(options_.state + "/run"));
    mesh_clusters_ = std::make_unique<EmbeddedClusters>(*server_, "serin-mesh");
    mesh_manager_ = std::make_unique<client::Manager>(clock_);
    mesh::MeshOptions mesh;
    mesh.xds.address = concat("unix:", options_.state, "/run/xds.sock");
    mesh_ = std::make_unique<mesh::MeshController>(mesh, *mesh_clusters_, *mesh_manager_);
    SERIN_TRY(mesh_->start(*SERIN_TRY(mesh_clusters_->cluster(kHub))));
    mesh_manager_->start();
    return {};
  }

  Result<void> start_gitops() {
    gitops_clusters_ = std::make_unique<EmbeddedClusters>(*server_, "argocd-controller");
    hub_manager_ = std::make_unique<client::Manager>(clock_);
    repositories_ = std::make_unique<gitops::source::Repositories>(git_, clock_, options_.state + "/git");
    client::Controller& controller = gitops::add_application_controller(
        *hub_manager_, *SERIN_TRY(gitops_clusters_->cluster(kHub)), *gitops_clusters_, *repositories_);
    for (const auto& work : work_)
      gitops::follow_cluster(*hub_manager_, controller, work->name, *SERIN_TRY(gitops_clusters_->cluster(work->name)),
                             gitops::followed_resources());
    hub_manager_->start();
    return {};
  }

  Result<void> start_work_cluster(int number) {
    auto work = std::make_unique<WorkCluster>();
    work->name = concat("work-", number);
    work->number = number;
    work->api = server_->client(work->name, "serin");
    work->manager = std::make_unique<client::Manager>(clock_);
    client::Manager& manager = *work->manager;

    cluster::ClusterOptions cluster;
    cluster.number = number;
    cluster.ca_pem = pki_.ca_pem;
    for (const std::string& name : cluster::controller_names())
      if (left_out(name)) cluster.without.insert(name);
    SERIN_TRY(cluster::add_controllers(manager, *work->api, cluster, work->name));
    manager.informer(work->name, *work->api, kube::kServices)
        .add_handler([this, name = work->name](const client::Object* old, const client::Object* now) {
          addresses_.observe(name, now ? *now : *old, !now);
        });

    if (!left_out("rollout")) {
      work->rollout_api = server_->client(work->name, "rollouts-controller");
      work->rollout_events =
          std::make_unique<client::EventRecorder>(*work->rollout_api, clock_, "rollouts-controller");
      rollout::add_rollout_controller(manager, work->name, *work->rollout_api, *work->rollout_events);
    }
    SERIN_TRY(apply(*work->api, kubernetes_service(cluster_endpoint_address(number), endpoint_port_)));
    if (!left_out("node")) SERIN_TRY(start_node(*work));
    manager.start();
    work_.push_back(std::move(work));
    return {};
  }

  Result<void> start_node(WorkCluster& work) {
    work.node_api = server_->client(work.name, "serin-node");
    node::NodeAgentOptions agent;
    agent.cluster = work.name;
    agent.state_dir = concat(options_.state, "/nodes/", work.name);
    agent.pod_cidr = concat("127.", 10 + work.number, ".0.0/17");
    agent.shim_command = shim_command();
    agent.images = options_.images;
    SERIN_TRY(make_private_directory(agent.state_dir));
    work.agent = std::make_unique<node::NodeAgent>(*work.node_api, agent, clock_);
    SERIN_TRY(work.agent->start());
    logs_.add(work.name, *work.agent);
    return {};
  }

  PlatformOptions platform_options(const std::string& cluster) const {
    PlatformOptions platform;
    platform.cluster = cluster;
    platform.mesh = mesh_ != nullptr;
    if (mesh_) platform.xds = mesh_->xds_address();
    platform.envoy = options_.envoy;
    platform.run_dir = options_.state + "/run";
    platform.serin = own_path();
    platform.hello_dir = hello_directory();
    platform.http_port = http_port_;
    return platform;
  }

  SystemOptions options_;
  Clock& clock_;
  DirectoryLock lock_;
  std::vector<AddressClaim> claims_;
  const int http_port_ = may_bind_low_ports() ? 80 : 8080;
  const int endpoint_port_ = may_bind_low_ports() ? 443 : 6443;
  Pki pki_;
  ServiceAddressAdmission addresses_;
  PodLogs logs_;
  std::unique_ptr<apiserver::Server> server_;
  std::unique_ptr<EmbeddedClusters> clusters_, mesh_clusters_, gitops_clusters_;
  std::unique_ptr<net::HttpServer> http_;
  std::vector<std::unique_ptr<net::HttpServer>> endpoints_;  // of the work clusters, in order
  std::unique_ptr<CertificateRenewal> renewal_;
  std::unique_ptr<client::Manager> mesh_manager_, hub_manager_;
  std::unique_ptr<mesh::MeshController> mesh_;
  gitops::source::SystemProcessRunner git_;
  std::unique_ptr<gitops::source::Repositories> repositories_;
  std::vector<std::unique_ptr<WorkCluster>> work_;
};

}  // namespace

std::vector<std::string> role_names() {
  std::vector<std::string> out = {"node", "rollout", "gitops", "mesh"};
  for (const std::string& name : cluster::controller_names()) out.push_back(name);
  return out;
}

Result<std::unique_ptr<System>> System::start(SystemOptions options, Clock& clock) {
  std::vector<std::string> roles = role_names();
  for (const std::string& role : options.without)
    if (std::find(roles.begin(), roles.end(), role) == roles.end())
      return fail(Code::kInvalid, concat("unknown role \"", role, "\": there are ", join(roles, ", ")));
  if (!options.without.contains("mesh")) options.envoy = SERIN_TRY(find_envoy(options.envoy));
  SERIN_TRY(make_private_directory(options.state));
  DirectoryLock lock = SERIN_TRY(DirectoryLock::take(options.state));
  std::vector<AddressClaim> claims;
  for (int number = 1; number <= options.clusters; ++number) claims.push_back(SERIN_TRY(AddressClaim::take(number)));
  auto system = std::make_unique<EmbeddedSystem>(std::move(options), clock, std::move(lock), std::move(claims));
  SERIN_TRY(system->start());
  return std::unique_ptr<System>(std::move(system));
}

Result<std::string> find_envoy(const std::string& flag) {
  std::vector<std::string> places;
  if (!flag.empty()) {
    places = {flag};
  } else {
    if (const char* variable = std::getenv("SERIN_ENVOY"); variable && *variable) places.push_back(variable);
    places.push_back(std::filesystem::path(own_path()).parent_path() / "envoy");
    if (const char* path = std::getenv("PATH"))
      for (std::string_view directory : split(path, ':')) places.push_back(concat(directory, "/envoy"));
  }
  for (const std::string& place : places)
    if (access(place.c_str(), X_OK) == 0) return std::filesystem::absolute(place).string();
  return fail(Code::kNotFound,
              concat("no Envoy binary", flag.empty() ? "" : concat(" at ", flag),
                     ": `make deps` fetches one, or name yours with --envoy PATH or SERIN_ENVOY"));
}

std::string hello_directory() {
  std::filesystem::path directory = std::filesystem::path(own_path()).parent_path();
  return access((directory / "hello-consumer").c_str(), X_OK) == 0 ? directory.string() : "";
}

}  // namespace serin::app
