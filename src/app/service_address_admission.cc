#include "app/service_address_admission.h"

#include "base/strings.h"

namespace serin::app {

void ServiceAddressAdmission::add_cluster(const std::string& cluster, int number) {
  std::lock_guard lock(mutex_);
  clusters_.emplace(cluster, Cluster{cluster::ServiceAddressAllocator(number), {}});
}

Result<void> ServiceAddressAdmission::admit(apiserver::AdmissionRequest& request) {
  if (request.resource.plural != "services" || !request.resource.group.empty() || !request.subresource.empty() ||
      request.verb == apiserver::AdmissionRequest::Verb::kDelete)
    return {};
  std::lock_guard lock(mutex_);
  auto at = clusters_.find(request.cluster);
  if (at == clusters_.end()) return {};
  kube::Object service(request.object);
  std::string name = service.key().str();
  std::set<std::string> used;
  for (const auto& [address, owner] : at->second.by_address)
    if (owner != name) used.insert(address);
  kube::Object assigned = SERIN_TRY(at->second.allocator.assign(service, used));
  request.object = assigned.doc();
  std::string address(json::get_string(assigned.doc(), "spec", "clusterIP"));
  if (!request.dry_run && !address.empty() && address != "None") at->second.by_address[address] = name;
  return {};
}

void ServiceAddressAdmission::observe(const std::string& cluster, const kube::Object& service, bool gone) {
  std::string address(json::get_string(service.doc(), "spec", "clusterIP"));
  if (address.empty() || address == "None") return;
  std::string name = service.key().str();
  std::lock_guard lock(mutex_);
  auto at = clusters_.find(cluster);
  if (at == clusters_.end()) return;
  auto held = at->second.by_address.find(address);
  if (!gone) at->second.by_address[address] = name;
  else if (held != at->second.by_address.end() && held->second == name) at->second.by_address.erase(held);
}

}  // namespace serin::app
