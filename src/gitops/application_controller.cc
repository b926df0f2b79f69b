#include "gitops/application_controller.h"

#include "kube/resources.h"

namespace serin::gitops {
namespace {

constexpr char kHub[] = "hub";

}  // namespace

client::Controller& add_application_controller(client::Manager& manager, client::Client& hub, client::ClusterSet& clusters,
                                               source::Repositories& repositories, ReconcilerOptions options, int workers) {
  client::CachedClient& cached = manager.client(kHub, hub);
  client::Controller& controller = manager.add_controller(
      {"application", workers}, std::make_unique<ApplicationReconciler>(cached, clusters, repositories, manager.clock(), std::move(options)));
  manager.watch(controller, manager.informer(kHub, hub, kube::kApplications), client::own_key(kHub));
  return controller;
}

void follow_cluster(client::Manager& manager, client::Controller& controller, const std::string& cluster, client::Client& api,
                    const std::vector<kube::Resource>& resources, const std::string& home) {
  for (const kube::Resource& resource : resources) {
    manager.watch(controller, manager.informer(cluster, api, resource), [home](const kube::Object* old, const kube::Object* now) {
      std::vector<client::Key> keys;
      for (const kube::Object* each : {old, now}) {
        std::optional<client::Key> key = each ? application_of(*each, home) : std::nullopt;
        if (!key || (!keys.empty() && keys.front().name == key->name)) continue;
        key->cluster = kHub;
        keys.push_back(*key);
      }
      return keys;
    });
  }
}

const std::vector<kube::Resource>& followed_resources() {
  static const std::vector<kube::Resource> kResources{kube::kServices,        kube::kConfigMaps,       kube::kDeployments, kube::kRollouts,
                                                      kube::kVirtualServices, kube::kDestinationRules, kube::kGateways};
  return kResources;
}

}  // namespace serin::gitops
