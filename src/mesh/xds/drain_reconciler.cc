#include "mesh/xds/drain_reconciler.h"

#include "client/write.h"
#include "kube/resources.h"

namespace serin::mesh {

void DrainReconciler::wait(const client::Key& key, std::string address) {
  std::lock_guard lock(mutex_);
  waiting_[key] = std::move(address);
}

void DrainReconciler::forget(const client::Key& key) {
  std::lock_guard lock(mutex_);
  waiting_.erase(key);
}

std::vector<client::Key> DrainReconciler::waiting(const std::set<std::string>& addresses) const {
  std::lock_guard lock(mutex_);
  std::vector<client::Key> out;
  for (const auto& [key, address] : waiting_)
    if (addresses.empty() || addresses.contains(address)) out.push_back(key);
  return out;
}

Result<client::Again> DrainReconciler::reconcile(const client::Key& key) {
  client::Client& cluster = *SERIN_TRY(clusters_.cluster(key.cluster));
  Result<kube::Object> found = cluster.get(kube::kPods, key.name);
  if (!found && found.error().code != Code::kNotFound) return fail(std::move(found).error());
  std::string address;
  if (found) address = json::get_string(found->doc(), "status", "podIP");
  if (!found || !found->deleting() || address.empty() || kube::condition_true(*found, kDrainedCondition) ||
      !served_(key.cluster, key.name)) {
    forget(key);
    return client::Again{};
  }
  // Before the look, so that a proxy that lets go in between is not missed.
  wait(key, address);
  if (in_use_(address)) return client::Again{};

  json::value status = *json::find(found->doc(), "status");
  kube::set_condition(status, kDrainedCondition, "True", "ProxiesAcknowledged", "no proxy sends requests here",
                      clock_.now());
  // Conditions are one list with several writers: the version keeps theirs.
  json::object body{{"metadata", json::object{{"resourceVersion", found->version().str()}}},
                    {"status", json::object{{"conditions", *json::find(status, "conditions")}}}};
  client::Write write = client::merge_patch(kube::kPods, key.name, std::move(body), "no proxy uses the pod");
  write.options.subresource = "status";
  Result<kube::Object> written = client::execute(cluster, write);
  if (!written && written.error().code != Code::kNotFound) return fail(std::move(written).error());
  forget(key);
  return client::Again{};
}

}  // namespace serin::mesh
