#include "node/pod_reconciler.h"

#include "base/strings.h"
#include "data/patch.h"
#include "kube/resources.h"
#include "kube/selector.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;

/// What a pod that was deleted by force still gets.
constexpr Duration kOrphanGrace = 2s;
constexpr Duration kOrphanLook = 3s;
/// Actions that lead to one another in one pass: start, start the next, ... A pass never runs endlessly.
constexpr int kMaxRounds = 20;

}  // namespace

Result<client::Again> PodReconciler::reconcile(const client::Key& key) {
  auto cached = parts_.pods.get(key.name);
  bool ours = cached && json::get_string(cached->doc(), "spec", "nodeName") == parts_.node_name;
  std::optional<Duration> again;
  for (const Sandbox& sandbox : parts_.runtime.list()) {
    if (sandbox.spec.ns != key.name.ns || sandbox.spec.pod_name != key.name.name) continue;
    if (ours && cached->uid() == sandbox.spec.pod_uid) continue;
    if (!end_orphan(sandbox)) again = kOrphanLook;
  }
  if (!ours) return client::Again{again};

  const kube::Object& pod = *cached;
  PodPlan plan;
  PodObserved observed;
  for (int round = 0; round < kMaxRounds; ++round) {
    observed = observe(pod);
    plan = plan_pod(observed, parts_.clock.now());
    bool acted = false, finishing = false;
    for (const PodAction& action : plan.actions) {
      if (action.kind == PodAction::Kind::kFinish) {
        finishing = true;
        continue;
      }
      SERIN_TRY(carry_out(pod, action));
      acted = true;
    }
    if (acted) continue;
    report(pod, observed);
    SERIN_TRY(write_status(pod, plan.status));
    if (finishing) SERIN_TRY(finish(pod));
    break;
  }
  if (plan.look_again) {
    Duration wait = std::max<Duration>(0s, *plan.look_again - parts_.clock.now());
    again = again ? std::min(*again, wait) : wait;
  }
  return client::Again{again};
}

bool PodReconciler::is_endpoint(const kube::Object& pod) {
  if (!kube::condition_true(pod, "Ready")) return false;
  const json::value* labels = json::find(pod.doc(), "metadata", "labels");
  for (const kube::Object& service : parts_.services.list(std::string(pod.ns())))
    if (kube::LabelSelector::from_map(json::find(service.doc(), "spec", "selector")).matches(labels)) return true;
  return false;
}

PodObserved PodReconciler::observe(const kube::Object& pod) {
  PodObserved out;
  out.pod = pod;
  out.sandbox = parts_.runtime.find(std::string(pod.uid()));
  out.host_ip = parts_.starter.node_address();
  if (out.sandbox) out.pod_ip = out.sandbox->spec.ip;
  if (out.sandbox)
    for (const ContainerRecord& record : out.sandbox->containers) {
      if (record.state == ContainerRecord::State::kExited) {
        parts_.prober.forget(record.id);
        continue;
      }
      const json::value* container = find_container(pod, record.id.container);
      auto probes = container != nullptr ? parse_probes(*container, out.pod_ip) : ContainerProbes{};
      bool was_ready = false;
      for (const json::value& status : json::items(pod.doc(), "status", "containerStatuses"))
        if (json::get_string(status, "containerID") == concat("serin://", record.id.str()))
          was_ready = json::get_bool(status, false, "ready");
      if (probes) parts_.prober.watch(record.id, record.started_at, *probes, was_ready);
      if (auto health = parts_.prober.health(record.id)) out.health[record.id] = std::move(*health);
    }
  std::lock_guard lock(mutex_);
  Notes& notes = notes_[std::string(pod.uid())];
  notes.pod = pod;
  if (pod.deleting() && !notes.endpoint) notes.endpoint = is_endpoint(pod);
  out.endpoint = notes.endpoint.value_or(false);
  out.problems = notes.problems;
  out.endings = notes.endings;
  return out;
}

Result<void> PodReconciler::carry_out(const kube::Object& pod, const PodAction& action) {
  switch (action.kind) {
    case PodAction::Kind::kStart:
      start(pod, action);
      break;
    case PodAction::Kind::kBeginEnd:
      begin_end(pod, action);
      break;
    case PodAction::Kind::kStop:
      stop(pod, action);
      break;
    case PodAction::Kind::kFinish:
      break;
  }
  return {};
}

void PodReconciler::start(const kube::Object& pod, const PodAction& action) {
  auto problem = parts_.starter.start(pod, action.id, action.crashes);
  bool greet = false, news = false;
  {
    std::lock_guard lock(mutex_);
    Notes& notes = notes_[action.id.pod_uid];
    greet = !std::exchange(notes.greeted, true);
    if (problem) {
      auto& known = notes.problems[action.id.container];
      news = known.message != problem->message;
      known = *problem;
    } else {
      notes.problems.erase(action.id.container);
    }
  }
  if (greet)
    if (auto fields = ignored_fields(pod); !fields.empty())
      parts_.events.warning(pod, "FieldsIgnored",
                            concat("this node has no means for ", join(fields, ", "), ": ignored"));
  if (problem) {
    if (news) parts_.events.warning(pod, problem->reason, concat(action.id.container, ": ", problem->message));
    return;
  }
  parts_.events.normal(pod, "Started", concat("Started container ", action.id.container));
}

void PodReconciler::begin_end(const kube::Object& pod, const PodAction& action) {
  parts_.prober.set_ending(action.id);
  parts_.events.normal(pod, "Killing", action.message);
  const json::value* container = find_container(pod, action.id.container);
  std::string ip;
  if (auto sandbox = parts_.runtime.find(action.id.pod_uid)) ip = sandbox->spec.ip;
  auto hook = container != nullptr ? pre_stop_hook(*container, ip) : std::optional<Hook>();
  if (!hook)
    parts_.events.warning(pod, "FailedPreStopHook", concat(action.id.container, ": ", hook.error().message));
  bool wait = hook && *hook && action.grace > Duration(0);
  {
    std::lock_guard lock(mutex_);
    notes_[action.id.pod_uid].endings[action.id] = Ending{parts_.clock.now(), action.grace, !wait, std::nullopt};
  }
  if (!wait) return;
  parts_.hooks.run(action.id, **hook, action.grace, [this, pod, id = action.id](const Outcome& outcome) {
    {
      std::lock_guard lock(mutex_);
      auto notes = notes_.find(id.pod_uid);
      if (notes == notes_.end()) return;
      auto ending = notes->second.endings.find(id);
      if (ending != notes->second.endings.end()) ending->second.pre_stop_done = true;
    }
    if (!outcome.ok)
      parts_.events.warning(pod, "FailedPreStopHook", concat(id.container, ": ", outcome.message));
    parts_.enqueue(pod.key());
  });
}

void PodReconciler::stop(const kube::Object&, const PodAction& action) {
  (void)parts_.runtime.stop(action.id, action.grace);
  std::lock_guard lock(mutex_);
  notes_[action.id.pod_uid].endings[action.id].kill_at = parts_.clock.now() + action.grace;
}

Result<void> PodReconciler::finish(const kube::Object& pod) {
  {
    std::lock_guard lock(mutex_);
    // Finalizers of others may hold the object: our part is done once.
    if (std::exchange(notes_[std::string(pod.uid())].finished, true)) return {};
  }
  client::DeleteOptions options;
  options.grace_seconds = 0;
  options.uid = pod.uid();
  auto removed = parts_.client.remove(kube::kPods, pod.key(), options);
  if (removed || removed.error().code == Code::kNotFound || removed.error().code == Code::kConflict) return {};
  std::lock_guard lock(mutex_);
  notes_[std::string(pod.uid())].finished = false;
  return removed;
}

Result<void> PodReconciler::write_status(const kube::Object& pod, const json::value& status) {
  const json::value* before = json::find(pod.doc(), "status");
  json::value change = json::make_merge_patch(before != nullptr ? *before : json::value(json::object()), status);
  if (change.as_object().empty()) return {};
  // The list of conditions is written whole: never over one that we have not seen.
  json::value body{{"metadata", {{"resourceVersion", pod.version().str()}, {"uid", pod.uid()}}}, {"status", change}};
  client::WriteOptions options;
  options.subresource = "status";
  auto written = parts_.client.patch(kube::kPods, pod.key(), {client::Patch::Type::kMerge, std::move(body)}, options);
  if (!written && written.error().code != Code::kNotFound) return fail(written.error());
  return {};
}

void PodReconciler::report(const kube::Object& pod, const PodObserved& observed) {
  if (!observed.sandbox) return;
  std::vector<std::pair<std::string, std::string>> warnings;
  {
    std::lock_guard lock(mutex_);
    Notes& notes = notes_[std::string(pod.uid())];
    for (const ContainerRecord& record : observed.sandbox->containers) {
      for (const std::string& taken : record.bind_failures)
        if (notes.taken.insert(taken).second)
          warnings.emplace_back("AddressInUse", concat("container ", record.id.container, " wanted ", taken));
      if (record.state != ContainerRecord::State::kExited || !notes.reported.insert(record.id).second) continue;
      notes.endings.erase(record.id);
      if (!record.start_error.empty()) {
        warnings.emplace_back("Failed", concat("container ", record.id.container, ": ", record.start_error));
      } else if (record.exit_code != 0 && !pod.deleting()) {
        std::string why = concat("container ", record.id.container, " ended with exit code ", record.exit_code);
        if (record.signal != 0) why = concat("container ", record.id.container, " was ended by signal ", record.signal);
        warnings.emplace_back("BackOff", why + port_conflict(pod, record.id.container));
      }
    }
  }
  for (const auto& [reason, message] : warnings) parts_.events.warning(pod, reason, message);
}

std::string PodReconciler::port_conflict(const kube::Object& pod, const std::string& container) {
  if (parts_.runtime.limits().no_bind_moves.empty()) return "";
  const json::value* spec = find_container(pod, container);
  if (spec == nullptr) return "";
  for (const json::value& port : json::items(*spec, "ports"))
    for (const kube::Object& other : parts_.pods.list())
      for (const json::value& neighbour : json::items(other.doc(), "spec", "containers"))
        for (const json::value& taken : json::items(neighbour, "ports"))
          if (other.uid() != pod.uid() && json::get_int(taken, -1, "containerPort") == json::get_int(port, 0, "containerPort"))
            return concat("; port ", json::get_int(port, 0, "containerPort"), " is also that of pod ",
                          other.key().str(), ", and this kernel forbids moving binds to pod addresses: let the "
                          "program listen on $POD_IP only");
  return "";
}

bool PodReconciler::end_orphan(const Sandbox& sandbox) {
  bool running = false;
  for (const ContainerRecord& record : sandbox.containers) {
    parts_.prober.forget(record.id);
    if (record.state != ContainerRecord::State::kRunning) continue;
    running = true;
    (void)parts_.runtime.stop(record.id, kOrphanGrace);
  }
  if (running) return false;
  if (!parts_.starter.remove_sandbox(sandbox)) return false;
  std::lock_guard lock(mutex_);
  notes_.erase(sandbox.spec.pod_uid);
  return true;
}

void PodReconciler::images_changed() {
  std::vector<kube::NamespacedName> waiting;
  {
    std::lock_guard lock(mutex_);
    for (auto& [uid, notes] : notes_)
      for (auto& [container, problem] : notes.problems)
        if (problem.reason == "ErrImageNeverPull" || problem.reason == "CreateContainerConfigError") {
          problem.retry_at = TimePoint{};
          waiting.push_back(notes.pod.key());
        }
  }
  for (const kube::NamespacedName& pod : waiting) parts_.enqueue(pod);
}

void PodReconciler::probe_failed(const ContainerId& id, ProbeKind kind, const std::string& message) {
  kube::Object pod;
  {
    std::lock_guard lock(mutex_);
    auto notes = notes_.find(id.pod_uid);
    if (notes == notes_.end()) return;
    pod = notes->second.pod;
  }
  parts_.events.warning(pod, "Unhealthy", concat(name_of(kind), " probe failed: ", message));
}

}  // namespace serin::node
