#include "cluster/service_address_reconciler.h"

#include "client/write.h"
#include "kube/resources.h"

namespace serin::cluster {

using kube::Object;

ServiceAddressReconciler::ServiceAddressReconciler(client::CachedClient& client, client::Informer& services,
                                                   Clock& clock, ServiceAddressAllocator allocator)
    : client_(client), services_(services), events_(client, clock, "service-address-controller"),
      allocator_(allocator) {}

Result<client::Again> ServiceAddressReconciler::reconcile(const client::Key& key) {
  std::optional<Object> service = services_.get(key.name);
  if (!service || service->deleting()) return client::Again{};
  if (json::get_string(service->doc(), "spec", "clusterIP").empty()) {
    std::set<std::string> used;
    for (const Object& other : services_.list())
      if (other.key() != key.name) used.emplace(json::get_string(other.doc(), "spec", "clusterIP"));
    Result<Object> assigned = allocator_.assign(*service, used);
    if (!assigned) {
      events_.warning(*service, "AddressNotAllocated", assigned.error().message);
      return fail(assigned.error());
    }
    if (!(*assigned == *service))
      service = SERIN_TRY(client_.update(kube::kServices, *assigned));
  }
  json::value wanted = load_balancer_status(*service);
  const json::value* shown = json::find(service->doc(), "status", "loadBalancer");
  if (wanted == (shown ? *shown : json::value(json::object()))) return client::Again{};
  // null removes what a former LoadBalancer left.
  if (wanted.get_object().empty()) wanted = json::object{{"ingress", nullptr}};
  SERIN_TRY(execute(client_, client::patch_status(kube::kServices, key.name,
                                                  json::object{{"loadBalancer", std::move(wanted)}}, "address")));
  return client::Again{};
}

}  // namespace serin::cluster
