#include "node/agent.h"

#include <cstdlib>

#include "base/log.h"
#include "base/strings.h"
#include "client/events.h"
#include "client/manager.h"
#include "kube/resources.h"
#include "node/container_starter.h"
#include "node/heartbeat.h"
#include "node/hooks.h"
#include "node/pod_reconciler.h"
#include "node/process_runtime.h"

namespace serin::node {
namespace {

const kube::NamespacedName kImagesConfig{"serin-system", "images"};

/// Keeps the hosts files as the Services are. One key.
class HostsReconciler final : public client::Reconciler {
 public:
  explicit HostsReconciler(ContainerStarter& starter) : starter_(starter) {}
  Result<client::Again> reconcile(const client::Key&) override {
    starter_.refresh_hosts();
    return client::Again{};
  }

 private:
  ContainerStarter& starter_;
};

/// Keeps the tokens in pods' volumes fresh. Keys are pods.
class TokenReconciler final : public client::Reconciler {
 public:
  TokenReconciler(ContainerStarter& starter, client::Informer& pods, std::string node)
      : starter_(starter), pods_(pods), node_(std::move(node)) {}
  Result<client::Again> reconcile(const client::Key& key) override {
    auto pod = pods_.get(key.name);
    if (!pod) starter_.forget_tokens(key.name);
    if (!pod || json::get_string(pod->doc(), "spec", "nodeName") != node_) return client::Again{};
    std::string_view phase = json::get_string(pod->doc(), "status", "phase");
    if (phase == "Succeeded" || phase == "Failed") return client::Again{};
    return client::Again{SERIN_TRY(starter_.renew_tokens(*pod))};
  }

 private:
  ContainerStarter& starter_;
  client::Informer& pods_;
  const std::string node_;
};

}  // namespace

/// Everything that lives between start and stop, in the order it depends on one another.
struct NodeAgent::Running {
  Running(client::Client& live, Clock& clock) : manager(clock), client(manager.client("", live)),
        events(live, clock, "serin-node") {}

  client::Manager manager;
  client::CachedClient& client;
  client::EventRecorder events;
  std::unique_ptr<ProcessRuntime> runtime;
  std::unique_ptr<ContainerStarter> starter;
  std::unique_ptr<HostCheckRunner> checks;
  std::unique_ptr<Prober> prober;
  std::unique_ptr<HookRunner> hooks;
  std::unique_ptr<Heartbeat> heartbeat;
  client::Controller* pods = nullptr;
  PodReconciler* reconciler = nullptr;

  void enqueue(const kube::NamespacedName& pod) { pods->enqueue({"", pod}); }
  /// By a pod's uid, where its sandbox is still known.
  void enqueue_uid(const std::string& uid) {
    if (auto sandbox = runtime->find(uid)) enqueue({sandbox->spec.ns, sandbox->spec.pod_name});
  }
};

NodeAgent::NodeAgent(client::Client& client, NodeAgentOptions options, Clock& clock)
    : client_(client), options_(std::move(options)), clock_(clock) {
  if (options_.node_name.empty()) options_.node_name = options_.cluster + "-node";
  if (!options_.base_env.contains("PATH")) {
    const char* path = std::getenv("PATH");
    options_.base_env["PATH"] = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  }
}

NodeAgent::~NodeAgent() { stop(); }

std::string NodeAgent::node_name() const { return options_.node_name; }

std::string NodeAgent::node_address() const { return running_ ? running_->starter->node_address() : ""; }

Result<void> NodeAgent::start() {
  auto running = std::make_unique<Running>(client_, clock_);
  Running* raw = running.get();
  ProcessRuntimeOptions runtime;
  runtime.directory = options_.state_dir;
  runtime.shim_command = options_.shim_command;
  runtime.log_max_bytes = options_.log_max_bytes;
  runtime.log_files = options_.log_files;
  running->runtime = SERIN_TRY(ProcessRuntime::open(std::move(runtime), clock_));
  AddressPool addresses = SERIN_TRY(AddressPool::open(options_.pod_cidr, options_.state_dir + "/last-address"));

  client::Manager& manager = running->manager;
  client::Informer& pods = manager.informer("", client_, kube::kPods);
  client::Informer& services = manager.informer("", client_, kube::kServices);
  client::InformerOptions system;
  system.ns = kImagesConfig.ns;
  client::Informer& configs = manager.informer("", client_, kube::kConfigMaps, system);

  running->starter = std::make_unique<ContainerStarter>(
      running->client, services, *running->runtime, std::move(addresses), clock_,
      StarterOptions{options_.state_dir, options_.base_env, options_.allow_host_path, options_.images});
  running->checks = std::make_unique<HostCheckRunner>(*running->runtime);
  running->prober = std::make_unique<Prober>(
      *running->checks, clock_,
      Prober::Listener{[raw](const ContainerId& id) { raw->enqueue_uid(id.pod_uid); },
                       [raw](const ContainerId& id, ProbeKind kind, const std::string& message) {
                         raw->reconciler->probe_failed(id, kind, message);
                       }},
      ProberOptions{options_.probe_workers});
  running->hooks = std::make_unique<HookRunner>(*running->checks, clock_);

  auto reconciler = std::make_unique<PodReconciler>(PodReconciler::Parts{
      running->client, pods, services, *running->runtime, *running->starter, *running->prober, *running->hooks,
      running->events, clock_, options_.node_name, [raw](const kube::NamespacedName& pod) { raw->enqueue(pod); }});
  running->reconciler = reconciler.get();
  running->pods = &manager.add_controller({"node", options_.workers, {}}, std::move(reconciler));
  manager.watch(*running->pods, pods, client::own_key());
  manager.require(*running->pods, services);
  manager.require(*running->pods, configs);
  client::Controller& hosts =
      manager.add_controller({"node-hosts", 1, {}}, std::make_unique<HostsReconciler>(*running->starter));
  manager.watch(hosts, services, [](const kube::Object*, const kube::Object*) {
    return std::vector<client::Key>{{"", {"", "hosts"}}};
  });
  client::Controller& tokens = manager.add_controller(
      {"node-tokens", 1, {}}, std::make_unique<TokenReconciler>(*running->starter, pods, options_.node_name));
  manager.watch(tokens, pods, client::own_key());
  configs.add_handler([raw](const kube::Object* old, const kube::Object* now) {
    if ((now != nullptr ? now : old)->name() != kImagesConfig.name) return;
    auto problems = raw->starter->set_image_config(now != nullptr ? json::find(now->doc(), "data") : nullptr);
    if (!problems.empty()) raw->events.warning(*now, "InvalidImageRule", join(problems, "; "));
    raw->reconciler->images_changed();
  });

  running->runtime->on_change([raw](const std::string& uid) { raw->enqueue_uid(uid); });
  running->heartbeat = std::make_unique<Heartbeat>(
      client_, running->events, clock_,
      NodeFacts{options_.node_name, running->starter->node_address(), options_.pod_cidr, running->runtime->limits()},
      options_.lease_interval);
  // What runs for pods that were deleted meanwhile has no object that would wake us.
  for (const Sandbox& sandbox : running->runtime->list()) raw->enqueue_uid(sandbox.spec.pod_uid);
  running_ = std::move(running);
  manager.start();
  running_->heartbeat->start();
  return {};
}

void NodeAgent::stop(bool leave_pods_running) {
  if (!running_) return;
  Running& running = *running_;
  running.heartbeat->stop();
  running.runtime->on_change({});
  running.hooks->stop();
  running.manager.stop();
  running.prober->stop();
  if (!leave_pods_running) {
    TimePoint end = clock_.now() + kStopGrace + std::chrono::seconds(2);
    while (stop_all(*running.runtime, kStopGrace) > 0 && clock_.now() < end) clock_.sleep(std::chrono::milliseconds(20));
  }
  running_.reset();
}

Result<std::unique_ptr<LogReader>> NodeAgent::open_log(const kube::NamespacedName& pod, const LogOptions& options) {
  if (!running_) return fail(Code::kUnavailable, "the node agent does not run");
  kube::Object object = SERIN_TRY(running_->client.get(kube::kPods, pod));
  std::string container = options.container;
  if (container.empty()) {
    std::vector<std::string> names;
    for (const json::value& item : json::items(object.doc(), "spec", "containers"))
      names.emplace_back(json::get_string(item, "name"));
    if (names.size() != 1)
      return fail(Code::kBadRequest, concat("a container name must be specified for pod ", pod.name,
                                            ", choose one of: [", join(names, " "), "]"));
    container = names[0];
  }
  if (find_container(object, container) == nullptr)
    return fail(Code::kBadRequest, concat("container ", container, " is not valid for pod ", pod.name));

  std::vector<ContainerRecord> runs;
  if (auto sandbox = running_->runtime->find(std::string(object.uid())))
    for (const ContainerRecord& record : sandbox->containers)
      if (record.id.container == container) runs.push_back(record);
  if (options.previous && !runs.empty()) runs.pop_back();
  if (runs.empty())
    return fail(Code::kBadRequest,
                options.previous ? concat("previous terminated container \"", container, "\" in pod \"", pod.name,
                                          "\" not found")
                                 : concat("container \"", container, "\" in pod \"", pod.name,
                                          "\" is waiting to start: ContainerCreating"));
  const ContainerRecord& run = runs.back();
  ProcessRuntime* runtime = running_->runtime.get();
  return std::make_unique<LogReader>(run.log_path, options_.log_files - 1, options, [runtime, id = run.id] {
    auto sandbox = runtime->find(id.pod_uid);
    if (!sandbox) return false;
    for (const ContainerRecord& record : sandbox->containers)
      if (record.id == id) return record.state == ContainerRecord::State::kRunning;
    return false;
  });
}

}  // namespace serin::node
