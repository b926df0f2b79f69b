#include "mesh/view.h"

#include <algorithm>
#include <tuple>

#include "mesh/config/names.h"

namespace serin::mesh {
namespace {

constexpr std::string_view kServiceNameLabel = "kubernetes.io/service-name";

bool rule_before(const DestinationRule& a, const DestinationRule& b) {
  auto key = [](const DestinationRule& rule) {
    return std::tuple(rule.created.value_or(TimePoint::max()), std::string_view(rule.source.name.name),
                      std::string_view(rule.source.name.ns));
  };
  return key(a) < key(b);
}

bool exported(const DestinationRule& rule, std::string_view to) {
  if (rule.export_to.empty()) return true;
  return std::any_of(rule.export_to.begin(), rule.export_to.end(), [&](const std::string& entry) {
    return entry == "*" || entry == to || (entry == "." && to == rule.ns);
  });
}

std::map<std::string, std::string> labels_of(const kube::Object& object) {
  std::map<std::string, std::string> labels;
  if (const json::object* members = json::find_object(object.doc(), "metadata", "labels"))
    for (const auto& [name, value] : *members) labels[std::string(name)] = std::string(json::as_string(&value));
  return labels;
}

/// The pods that a slice's endpoints name.
std::vector<kube::NamespacedName> pods_of(const kube::Object& slice) {
  std::vector<kube::NamespacedName> pods;
  for (const json::value& endpoint : json::items(slice.doc(), "endpoints"))
    if (json::get_string(endpoint, "targetRef", "kind") == "Pod")
      pods.push_back({std::string(slice.ns()), std::string(json::get_string(endpoint, "targetRef", "name"))});
  return pods;
}

/// Those of them that take requests, or took them until they were told to end.
std::vector<kube::NamespacedName> serving_pods_of(const kube::Object& slice) {
  std::vector<kube::NamespacedName> pods;
  for (const json::value& endpoint : json::items(slice.doc(), "endpoints")) {
    bool ready = json::get_bool(endpoint, true, "conditions", "ready");
    bool terminating = json::get_bool(endpoint, false, "conditions", "terminating");
    if ((ready || terminating) && json::get_string(endpoint, "targetRef", "kind") == "Pod")
      pods.push_back({std::string(slice.ns()), std::string(json::get_string(endpoint, "targetRef", "name"))});
  }
  return pods;
}

}  // namespace

const MeshService* MeshView::service(const std::string& fqdn) const {
  auto found = services.find(fqdn);
  return found == services.end() ? nullptr : found->second.get();
}

std::vector<std::shared_ptr<const DestinationRule>> MeshView::rules_for(const MeshService& service,
                                                                        std::string_view proxy_ns) const {
  for (std::string_view ns : {proxy_ns, std::string_view(service.ns), kRootNamespace}) {
    const std::vector<std::shared_ptr<const DestinationRule>>* best = nullptr;
    size_t best_length = 0;
    auto consider = [&](const std::string& host) {
      auto found = destination_rules.find(host);
      if (found == destination_rules.end()) return;
      bool here = std::any_of(found->second.begin(), found->second.end(), [&](const auto& rule) {
        return rule->ns == ns && (ns == proxy_ns || exported(*rule, proxy_ns));
      });
      if (here && (!best || host.size() > best_length)) best = &found->second, best_length = host.size();
    };
    consider(service.fqdn);
    if (!best)
      for (size_t dot = service.fqdn.find('.'); dot != std::string::npos; dot = service.fqdn.find('.', dot + 1))
        consider("*" + service.fqdn.substr(dot));
    if (!best) consider("*");
    if (!best) continue;
    std::vector<std::shared_ptr<const DestinationRule>> out;
    for (const auto& rule : *best)
      if (rule->ns == ns && (ns == proxy_ns || exported(*rule, proxy_ns))) out.push_back(rule);
    return out;
  }
  return {};
}

void MeshState::put_config(const kube::Object& object) {
  std::string_view kind = object.kind();
  kube::NamespacedName name = object.key();
  // Only the spec, the names and the generation matter: a status write is no change.
  auto same = [&](const auto& map) {
    auto found = map.find(name);
    return found != map.end() && found->second->source == SourceRef::of(object) && object.generation() != 0;
  };
  if (kind == "VirtualService") {
    if (same(virtual_services_)) return;
    virtual_services_[name] = std::make_shared<const VirtualService>(VirtualService::read(object));
  } else if (kind == "DestinationRule") {
    if (same(destination_rules_)) return;
    destination_rules_[name] = std::make_shared<const DestinationRule>(DestinationRule::read(object));
  } else if (kind == "Gateway") {
    if (same(gateways_)) return;
    gateways_[name] = std::make_shared<const Gateway>(Gateway::read(object));
  } else {
    return;
  }
  dirty_config_ = true;
}

void MeshState::remove_config(std::string_view kind, const kube::NamespacedName& name) {
  if (kind == "VirtualService") virtual_services_.erase(name);
  if (kind == "DestinationRule") destination_rules_.erase(name);
  if (kind == "Gateway") gateways_.erase(name);
  dirty_config_ = true;
}

void MeshState::put_workload(const std::string& cluster_name, const kube::Object& object) {
  Cluster& cluster = clusters_[cluster_name];
  kube::NamespacedName name = object.key();
  if (object.kind() == "Service") {
    cluster.services[name] = std::make_shared<const Service>(Service::read(cluster_name, object));
    dirty_services_.insert(name);
  } else if (object.kind() == "EndpointSlice") {
    remove_workload(cluster_name, "EndpointSlice", name);
    kube::NamespacedName service{name.ns, std::string(object.label(kServiceNameLabel))};
    for (const kube::NamespacedName& pod : pods_of(object)) ++cluster.pod_services[pod][service.name];
    for (kube::NamespacedName& pod : serving_pods_of(object)) cluster.served.insert(std::move(pod));
    cluster.slices[name] = {service.name, object};
    dirty_services_.insert(service);
  } else if (object.kind() == "Pod") {
    PodFacts facts{std::string(object.uid()), labels_of(object), object.deleting()};
    auto known = cluster.pods.find(name);
    if (known != cluster.pods.end() && known->second == facts) return;
    cluster.pods[name] = std::move(facts);
    if (auto services = cluster.pod_services.find(name); services != cluster.pod_services.end())
      for (const auto& [service, slices] : services->second) dirty_services_.insert({name.ns, service});
  }
}

void MeshState::remove_workload(const std::string& cluster_name, std::string_view kind,
                                const kube::NamespacedName& name) {
  auto at = clusters_.find(cluster_name);
  if (at == clusters_.end()) return;
  Cluster& cluster = at->second;
  if (kind == "Service") {
    cluster.services.erase(name);
    dirty_services_.insert(name);
  } else if (kind == "EndpointSlice") {
    auto slice = cluster.slices.find(name);
    if (slice == cluster.slices.end()) return;
    for (const kube::NamespacedName& pod : pods_of(slice->second.object)) {
      auto services = cluster.pod_services.find(pod);
      if (services == cluster.pod_services.end()) continue;
      if (--services->second[slice->second.service] == 0) services->second.erase(slice->second.service);
      if (services->second.empty()) cluster.pod_services.erase(services);
    }
    dirty_services_.insert({name.ns, slice->second.service});
    cluster.slices.erase(slice);
  } else if (kind == "Pod") {
    cluster.pods.erase(name);
    cluster.served.erase(name);
    if (auto services = cluster.pod_services.find(name); services != cluster.pod_services.end())
      for (const auto& [service, slices] : services->second) dirty_services_.insert({name.ns, service});
  }
}

bool MeshState::served(const std::string& cluster, const kube::NamespacedName& pod) const {
  auto found = clusters_.find(cluster);
  return found != clusters_.end() && found->second.served.contains(pod);
}

void MeshState::set_members(std::vector<std::string> members) {
  if (members == members_) return;
  members_ = std::move(members);
  for (const auto& [cluster_name, cluster] : clusters_)
    for (const auto& [name, service] : cluster.services) dirty_services_.insert(name);
}

std::shared_ptr<const MeshService> MeshState::build_service(const kube::NamespacedName& name) const {
  auto out = std::make_shared<MeshService>();
  for (const std::string& cluster_name : members_) {
    auto cluster = clusters_.find(cluster_name);
    if (cluster == clusters_.end()) continue;
    auto service = cluster->second.services.find(name);
    if (service == cluster->second.services.end()) continue;
    for (const ServicePort& port : service->second->ports)
      if (!out->port(port.port)) out->ports.push_back(port);
    out->clusters[cluster_name] = service->second;
  }
  if (out->clusters.empty()) return nullptr;
  out->fqdn = service_fqdn(name.name, name.ns);
  out->ns = name.ns;
  out->name = name.name;

  std::map<std::string, Endpoint> by_address;  // slices may repeat an address while it moves between them
  for (const auto& [cluster_name, cluster] : clusters_) {
    if (!out->clusters.contains(cluster_name)) continue;
    for (auto slice = cluster.slices.lower_bound({name.ns, ""});
         slice != cluster.slices.end() && slice->first.ns == name.ns; ++slice) {
      if (slice->second.service != name.name) continue;
      const json::value& doc = slice->second.object.doc();
      std::map<std::string, int> ports;
      for (const json::value& port : json::items(doc, "ports"))
        ports[std::string(json::get_string(port, "name"))] = static_cast<int>(json::get_int(port, 0, "port"));
      for (const json::value& item : json::items(doc, "endpoints")) {
        // A missing `ready` counts as ready (discovery.k8s.io/v1 EndpointConditions).
        if (!json::get_bool(item, true, "conditions", "ready")) continue;
        if (json::get_bool(item, false, "conditions", "terminating")) continue;
        kube::NamespacedName pod{name.ns, std::string(json::get_string(item, "targetRef", "name"))};
        std::string uid(json::get_string(item, "targetRef", "uid"));
        auto facts = cluster.pods.find(pod);
        if (json::get_string(item, "targetRef", "kind") == "Pod") {
          // Its labels decide on subsets, so it counts from when it is known.
          if (facts == cluster.pods.end() || facts->second.deleting) continue;
          if (!uid.empty() && uid != facts->second.uid) continue;  // an earlier pod of this name
        }
        for (const json::value& address : json::items(item, "addresses")) {
          Endpoint endpoint;
          endpoint.address = std::string(json::as_string(&address));
          endpoint.ports = ports;
          endpoint.cluster = cluster_name;
          endpoint.pod_uid = uid;
          if (facts != cluster.pods.end()) endpoint.labels = facts->second.labels;
          endpoint.labels["topology.istio.io/cluster"] = cluster_name;
          std::string key = endpoint.address;
          by_address[key] = std::move(endpoint);
        }
      }
    }
  }
  for (auto& [address, endpoint] : by_address) out->endpoints.push_back(std::move(endpoint));
  return out;
}

MeshViewPtr MeshState::view() {
  if (view_ && !dirty_config_ && dirty_services_.empty()) return view_;
  auto next = std::make_shared<MeshView>();
  if (view_) *next = *view_;
  if (dirty_config_) {
    next->virtual_services.clear();
    for (const auto& [name, item] : virtual_services_) next->virtual_services.push_back(item);
    std::sort(next->virtual_services.begin(), next->virtual_services.end(),
              [](const auto& a, const auto& b) { return applies_before(*a, *b); });
    next->gateways = gateways_;
    next->destination_rules.clear();
    for (const auto& [name, item] : destination_rules_) next->destination_rules[item->host].push_back(item);
    for (auto& [host, rules] : next->destination_rules)
      std::sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return rule_before(*a, *b); });
  }
  for (const kube::NamespacedName& name : dirty_services_) {
    if (auto built = build_service(name)) next->services[built->fqdn] = std::move(built);
    else next->services.erase(service_fqdn(name.name, name.ns));
  }
  dirty_config_ = false;
  dirty_services_.clear();
  view_ = std::move(next);
  return view_;
}

}  // namespace serin::mesh
