#pragma once

/// Brings one pod of this node to where its spec wants it: observe, plan (pod_plan.h), carry out, write status.
/// Keeps the notes that a plan needs and neither the API nor the runtime holds; after a restart they are empty,
/// and nothing but a repeated preStop hook comes of that.

#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "client/controller.h"
#include "client/events.h"
#include "client/informer.h"
#include "node/container_starter.h"
#include "node/hooks.h"
#include "node/pod_plan.h"
#include "node/prober.h"

namespace serin::node {

class PodReconciler final : public client::Reconciler {
 public:
  struct Parts {
    client::Client& client;
    client::Informer& pods;
    client::Informer& services;
    Runtime& runtime;
    ContainerStarter& starter;
    Prober& prober;
    HookRunner& hooks;
    client::EventRecorder& events;
    Clock& clock;
    std::string node_name;
    /// Asks for a pass over a pod; any thread.
    std::function<void(const kube::NamespacedName&)> enqueue;
  };
  explicit PodReconciler(Parts parts) : parts_(std::move(parts)) {}

  Result<client::Again> reconcile(const client::Key& key) override;

  /// A pod that waits for its image may try again at once: the table has changed.
  void images_changed();
  void probe_failed(const ContainerId& id, ProbeKind kind, const std::string& message);

 private:
  /// Notes about one pod.
  struct Notes {
    kube::Object pod;
    std::map<std::string, StartProblem> problems;
    std::map<ContainerId, Ending> endings;
    std::set<ContainerId> reported;      ///< ends that have had their event
    std::set<std::string> taken;         ///< addresses in use that have had their event
    std::optional<bool> endpoint;        ///< set when its deletion is first seen
    bool greeted = false, finished = false;
  };

  PodObserved observe(const kube::Object& pod);
  Result<void> carry_out(const kube::Object& pod, const PodAction& action);
  void start(const kube::Object& pod, const PodAction& action);
  void begin_end(const kube::Object& pod, const PodAction& action);
  void stop(const kube::Object& pod, const PodAction& action);
  Result<void> finish(const kube::Object& pod);
  Result<void> write_status(const kube::Object& pod, const json::value& status);
  /// Events about what happened since the last pass.
  void report(const kube::Object& pod, const PodObserved& observed);
  std::string port_conflict(const kube::Object& pod, const std::string& container);
  /// Ends what runs for a pod that is gone. True once nothing is left.
  bool end_orphan(const Sandbox& sandbox);
  bool is_endpoint(const kube::Object& pod);

  Parts parts_;
  std::mutex mutex_;
  std::map<std::string, Notes> notes_;  // guarded by mutex_; by pod uid
};

}  // namespace serin::node
