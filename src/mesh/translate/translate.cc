#include "mesh/translate/translate.h"

#include <algorithm>

#include "mesh/config/names.h"
#include "mesh/translate/builders.h"

namespace serin::mesh {

/// What a resource was made from, by identity: view parts are immutable and change their pointer when they change.
using Inputs = std::vector<std::shared_ptr<const void>>;

struct TranslationMemory::Entries {
  struct Entry {
    Inputs inputs;
    EnvoyResourcePtr resource;
  };
  std::array<std::map<std::string, Entry>, 4> by_type;
};

TranslationMemory::TranslationMemory() : entries_(std::make_unique<Entries>()) {}
TranslationMemory::~TranslationMemory() = default;

namespace {

class Translation {
 public:
  Translation(const MeshView& view, const ProxyKind& proxy, TranslationMemory* memory)
      : view_(view), proxy_(proxy), memory_(memory) {}

  ResourceSetPtr run() {
    clusters_and_endpoints();
    if (proxy_.type == ProxyKind::Type::kGateway) gateway();
    else mesh();
    forget();
    return std::move(set_);
  }

 private:
  template <class Make>
  void add(ResourceType type, const std::string& name, Inputs inputs, const Make& make) {
    auto& slot = out_.of(type)[name];
    if (!memory_) {
      slot = make();
      return;
    }
    auto& entry = memory_->entries().by_type[static_cast<size_t>(type)][name];
    if (!entry.resource || entry.inputs != inputs) {
      EnvoyResourcePtr made = make();
      bool same = entry.resource && entry.resource->version == made->version &&
                  entry.resource->sources == made->sources;
      if (!same) entry.resource = std::move(made);
      entry.inputs = std::move(inputs);
    }
    slot = entry.resource;
  }

  void forget() {
    if (!memory_) return;
    for (ResourceType type : kResourceTypes) {
      auto& entries = memory_->entries().by_type[static_cast<size_t>(type)];
      std::erase_if(entries, [&](const auto& entry) { return !out_.of(type).contains(entry.first); });
    }
  }

  void clusters_and_endpoints() {
    for (const auto& [fqdn, service] : view_.services) {
      Rules rules = view_.rules_for(*service, proxy_.ns);
      Inputs inputs{service};
      inputs.insert(inputs.end(), rules.begin(), rules.end());
      for (const ServicePort& port : service->ports) {
        for (const SubsetChoice& subset : subsets_of(rules)) {
          std::string name = outbound_cluster(port.port, subset.name, fqdn);
          add(ResourceType::kCluster, name, inputs,
              [&] { return make_cluster(*service, port, subset, rules, proxy_); });
          add(ResourceType::kEndpoints, name, inputs,
              [&] { return make_endpoints(*service, port, subset, rules); });
        }
      }
    }
  }

  struct Bind {
    std::string address;
    std::shared_ptr<const Service> service;  // whose VIP it is; null: everywhere
  };

  /// Where a gateway listens: the VIPs of the Services that select it, or everywhere.
  std::vector<Bind> bind_addresses() const {
    if (!proxy_.bind_service_addresses) return {{"0.0.0.0", nullptr}};
    std::vector<Bind> out;
    for (const auto& [fqdn, service] : view_.services) {
      auto own = service->clusters.find(proxy_.cluster);
      if (own == service->clusters.end() || !own->second->bound_by_gateway || own->second->vip.empty()) continue;
      const auto& selector = own->second->selector;
      bool selects = !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
        auto found = proxy_.labels.find(wanted.first);
        return found != proxy_.labels.end() && found->second == wanted.second;
      });
      if (selects) out.push_back({own->second->vip, own->second});
    }
    return out;
  }

  void gateway() {
    std::map<int, std::vector<BoundServer>> ports;
    for (const auto& [name, gateway] : view_.gateways) {
      if (!gateway->selects(proxy_.labels)) continue;
      for (const GatewayServer& server : gateway->servers)
        if (server.plain_http()) ports[server.port].push_back({gateway, &server});
    }
    std::vector<Bind> binds = bind_addresses();
    for (const auto& [port, servers] : ports) {
      Inputs inputs;
      std::vector<SourceRef> sources;
      std::vector<std::shared_ptr<const VirtualService>> bound;
      for (const BoundServer& server : servers) {
        inputs.push_back(server.gateway);
        sources.push_back(server.gateway->source);
      }
      for (const auto& virtual_service : view_.virtual_services) {
        if (!virtual_service->exported_to(proxy_.ns)) continue;
        if (std::any_of(servers.begin(), servers.end(), [&](const BoundServer& server) {
              return virtual_service->on_gateway(server.gateway->source.name);
            }))
          bound.push_back(virtual_service);
      }
      for (size_t i = 0; i < binds.size(); ++i) {
        // One address keeps Istio's name; further ones say which they are.
        std::string name = listener_name(i == 0 ? "0.0.0.0" : binds[i].address, port);
        Inputs listener_inputs = inputs;
        listener_inputs.push_back(binds[i].service);
        add(ResourceType::kListener, name, std::move(listener_inputs),
            [&, port = port] { return make_gateway_listener(name, binds[i].address, port, sources); });
      }
      Inputs route_inputs = inputs;
      for (const auto& virtual_service : bound) {
        route_inputs.push_back(virtual_service);
        add_destination_services(*virtual_service, route_inputs);
      }
      add(ResourceType::kRoute, gateway_route_name(port), std::move(route_inputs),
          [&, port = port, servers = servers] { return make_gateway_routes(view_, port, servers, bound); });
    }
  }

  /// A route without a port reads the service's ports.
  void add_destination_services(const VirtualService& virtual_service, Inputs& inputs) const {
    auto add = [&](const Destination& destination) {
      if (destination.port) return;
      if (auto found = view_.services.find(destination.host); found != view_.services.end())
        inputs.push_back(found->second);
    };
    for (const HttpRoute& http : virtual_service.http) {
      for (const Destination& destination : http.destinations) add(destination);
      for (const Mirror& mirror : http.mirrors) add(mirror.destination);
    }
  }

  /// The VirtualService of a host at mesh proxies: the first whose hosts cover it, exact ones before wildcards.
  std::shared_ptr<const VirtualService> virtual_service_for(const std::string& fqdn) const {
    std::shared_ptr<const VirtualService> best;
    size_t best_length = 0;
    for (const auto& candidate : view_.virtual_services) {
      if (!candidate->on_mesh() || !candidate->exported_to(proxy_.ns)) continue;
      for (const std::string& host : candidate->hosts) {
        if (!host_covers(host, fqdn)) continue;
        size_t length = host == fqdn ? host.size() + 1 : host.size();
        if (!best || length > best_length) best = candidate, best_length = length;
      }
    }
    return best;
  }

  void mesh() {
    for (const auto& [fqdn, service] : view_.services) {
      auto own = service->clusters.find(proxy_.cluster);
      if (own == service->clusters.end() || own->second->vip.empty() || own->second->bound_elsewhere) continue;
      std::shared_ptr<const VirtualService> virtual_service = virtual_service_for(fqdn);
      for (const ServicePort& port : own->second->ports) {
        add(ResourceType::kListener, listener_name(own->second->vip, port.port), {own->second},
            [&] { return make_service_listener(*own->second, port); });
        if (port.protocol == Protocol::kTcp) continue;
        Inputs inputs{own->second, virtual_service};
        if (virtual_service) add_destination_services(*virtual_service, inputs);
        add(ResourceType::kRoute, service_route_name(fqdn, port.port), std::move(inputs),
            [&] { return make_service_routes(view_, *service, port, virtual_service.get()); });
      }
    }
  }

  const MeshView& view_;
  const ProxyKind& proxy_;
  TranslationMemory* memory_;
  std::shared_ptr<ResourceSet> set_ = std::make_shared<ResourceSet>();
  ResourceSet& out_ = *set_;
};

}  // namespace

ResourceSetPtr translate(const MeshView& view, const ProxyKind& proxy, TranslationMemory* memory) {
  return Translation(view, proxy, memory).run();
}

}  // namespace serin::mesh
