#include "node/heartbeat.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "data/patch.h"
#include "kube/resources.h"

namespace serin::node {
namespace {

constexpr const char* kLeaseNamespace = "kube-node-lease";
constexpr int kMaxPods = 1000;

std::string_view architecture() {
#if defined(__aarch64__)
  return "arm64";
#else
  return "amd64";
#endif
}

}  // namespace

json::value node_status(const kube::Object& node, const NodeFacts& facts, TimePoint now) {
  const json::value* before = json::find(node.doc(), "status");
  json::value status = before != nullptr && before->is_object() ? *before : json::value(json::object());
  json::object& out = status.as_object();
  int64_t memory_ki = ::sysconf(_SC_PHYS_PAGES) / 1024 * ::sysconf(_SC_PAGESIZE);
  json::object capacity{{"cpu", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN))},
                        {"memory", concat(memory_ki, "Ki")},
                        {"pods", std::to_string(kMaxPods)}};
  out["allocatable"] = capacity;
  out["capacity"] = std::move(capacity);
  out["addresses"] = json::array{json::object{{"type", "InternalIP"}, {"address", facts.address}},
                                 json::object{{"type", "Hostname"}, {"address", facts.name}}};
  utsname machine{};
  ::uname(&machine);
  json::object& info = json::ensure_object(status, {"nodeInfo"});
  info["architecture"] = architecture();
  info["operatingSystem"] = "linux";
  info["kernelVersion"] = machine.release;
  info["containerRuntimeVersion"] = "serin://process";
  info["kubeletVersion"] = "v1.33.0+serin";

  kube::set_condition(status, "Ready", "True", "AgentReady", "the node agent runs", now);
  for (std::string_view pressure : {"MemoryPressure", "DiskPressure", "PIDPressure"})
    kube::set_condition(status, pressure, "False", "NotMeasured", "", now);
  auto allowance = [&](std::string_view type, const std::string& missing, std::string_view consequence) {
    kube::set_condition(status, type, missing.empty() ? "True" : "False", missing.empty() ? "Granted" : "Refused",
                        missing.empty() ? "" : concat(missing, ": ", consequence), now);
  };
  allowance(kBindMovesCondition, facts.limits.no_bind_moves,
            "programs must listen on $POD_IP; wildcard listeners of two pods collide");
  allowance(kMountNamespacesCondition, facts.limits.no_namespaces,
            "pods have no hosts file and no volumes; Services are known by environment variables only");
  return status;
}

Heartbeat::Heartbeat(client::Client& client, client::EventRecorder& events, Clock& clock, NodeFacts facts,
                     Duration interval)
    : client_(client), events_(events), clock_(clock), facts_(std::move(facts)), interval_(interval) {}

void Heartbeat::start() {
  thread_ = std::thread([this] { run(); });
}

void Heartbeat::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Heartbeat::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    auto done = beat();
    if (!done) log::warning("node", "heartbeat failed", {{"node", facts_.name}, {"error", done.error().message}});
    lock.lock();
    Duration wait = done ? interval_ : std::min<Duration>(interval_, std::chrono::seconds(1));
    clock_.wait_until(lock, wake_, clock_.now() + wait, [this] { return stopping_; });
  }
}

Result<void> Heartbeat::beat() {
  SERIN_TRY(ensure_node());
  return renew_lease();
}

Result<void> Heartbeat::ensure_node() {
  auto node = client_.get(kube::kNodes, {"", facts_.name});
  if (!node && node.error().code != Code::kNotFound) return fail(node.error());
  if (!node) {
    json::value labels{{"kubernetes.io/hostname", facts_.name},
                       {"kubernetes.io/os", "linux"},
                       {"kubernetes.io/arch", architecture()}};
    node = client_.create(kube::kNodes,
                          kube::Object(json::value{{"apiVersion", "v1"},
                                                   {"kind", "Node"},
                                                   {"metadata", {{"name", facts_.name}, {"labels", labels}}},
                                                   {"spec", {{"podCIDR", facts_.pod_cidr}}}}));
    if (!node) return fail(node.error());
  }
  const json::value* before = json::find(node->doc(), "status");
  json::value wanted = node_status(*node, facts_, clock_.now());
  json::value change = json::make_merge_patch(before != nullptr ? *before : json::value(json::object()), wanted);
  if (!change.as_object().empty()) {
    client::WriteOptions options;
    options.subresource = "status";
    auto written = client_.patch(kube::kNodes, {"", facts_.name},
                                 {client::Patch::Type::kMerge, json::value{{"status", change}}}, options);
    if (!written) return fail(written.error());
  }
  if (!std::exchange(announced_, true)) {
    if (!facts_.limits.no_bind_moves.empty())
      events_.warning(*node, "BindMovesRefused", facts_.limits.no_bind_moves);
    if (!facts_.limits.no_namespaces.empty())
      events_.warning(*node, "MountNamespacesRefused", facts_.limits.no_namespaces);
  }
  return {};
}

Result<void> Heartbeat::renew_lease() {
  std::string now = format_micro_time(clock_.now());
  kube::NamespacedName name{kLeaseNamespace, facts_.name};
  auto renewed = client_.patch(kube::kLeases, name,
                               {client::Patch::Type::kMerge, json::value{{"spec", {{"renewTime", now}}}}});
  if (renewed || renewed.error().code != Code::kNotFound) return renewed ? Result<void>() : fail(renewed.error());
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval_).count();
  kube::Object lease(json::value{{"apiVersion", "coordination.k8s.io/v1"},
                                 {"kind", "Lease"},
                                 {"metadata", {{"name", facts_.name}, {"namespace", kLeaseNamespace}}},
                                 {"spec",
                                  {{"holderIdentity", facts_.name},
                                   {"leaseDurationSeconds", std::max<int64_t>(1, 4 * seconds)},
                                   {"renewTime", now}}}});
  auto created = client_.create(kube::kLeases, lease);
  if (failed_with(created, Code::kNotFound)) {
    auto made = client_.create(kube::kNamespaces,
                               kube::Object(json::value{{"apiVersion", "v1"},
                                                        {"kind", "Namespace"},
                                                        {"metadata", {{"name", kLeaseNamespace}}}}));
    if (!made && made.error().code != Code::kAlreadyExists) return fail(made.error());
    created = client_.create(kube::kLeases, lease);
  }
  if (!created && created.error().code != Code::kAlreadyExists) return fail(created.error());
  return {};
}

}  // namespace serin::node
