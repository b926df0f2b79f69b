#include "mesh/mesh_controller.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "kube/resources.h"
#include "mesh/sync/sync_reconciler.h"
#include "mesh/xds/ack_status_reconciler.h"

namespace serin::mesh {
namespace {

const std::array<client::Resource, 3>& synchronised() {
  static const std::array<client::Resource, 3> kAll = {kube::kVirtualServices, kube::kDestinationRules,
                                                       kube::kGateways};
  return kAll;
}

std::set<SourceRef> sources_of(const MeshView& view) {
  std::set<SourceRef> out;
  for (const auto& item : view.virtual_services) out.insert(item->source);
  for (const auto& [host, rules] : view.destination_rules)
    for (const auto& rule : rules) out.insert(rule->source);
  for (const auto& [name, gateway] : view.gateways) out.insert(gateway->source);
  return out;
}

}  // namespace

Result<client::Client*> MeshController::CachedClusters::cluster(const std::string& name) {
  client::Client* live = SERIN_TRY(live_.cluster(name));
  return static_cast<client::Client*>(&manager_.client(name, *live));
}

MeshController::MeshController(MeshOptions options, client::ClusterSet& live_clusters, client::Manager& manager)
    : options_(std::move(options)),
      live_(live_clusters),
      manager_(manager),
      clusters_(live_clusters, manager),
      acks_(manager.clock(), options_.settle) {}

MeshController::~MeshController() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (translator_.joinable()) translator_.join();
}

Result<void> MeshController::start(client::Client& hub) {
  xds_ = SERIN_TRY(XdsServer::start(options_.xds, acks_));
  client::Client& cached_hub = manager_.client("hub", hub);
  client::Informer& meshes = manager_.informer("hub", hub, kube::kMeshes);
  for (const client::Resource& resource : synchronised()) {
    sync_.push_back(&manager_.add_controller(
        {"mesh-sync-" + resource.plural},
        std::make_unique<SyncReconciler>(clusters_, cached_hub, resource, options_.name, manager_.clock())));
    manager_.require(*sync_.back(), meshes);
  }
  auto drain = std::make_unique<DrainReconciler>(
      clusters_, [this](const std::string& address) { return in_use(address); },
      [this](const std::string& cluster, const kube::NamespacedName& pod) { return served(cluster, pod); },
      manager_.clock());
  drain_ = drain.get();
  drain_controller_ = &manager_.add_controller({"mesh-drain"}, std::move(drain));
  xds_->on_released([this](const std::set<std::string>& addresses) { look_at_drains(addresses); });
  meshes.add_handler([this](const client::Object* old, const client::Object* now) {
    const client::Object* seen = now ? now : old;
    if (seen->name() == options_.name) follow(now ? MeshSpec::read(*now) : MeshSpec{});
  });
  translator_ = std::thread([this] { translate_until_stopped(); });
  return {};
}

void MeshController::look_at_drains(const std::set<std::string>& addresses) {
  for (const client::Key& key : drain_->waiting(addresses)) drain_controller_->enqueue(key);
}

void MeshController::follow(const MeshSpec& spec) {
  auto tell = [](const Result<void>& result, const std::string& cluster) {
    if (!result) log::error("mesh", "cannot follow cluster", {{"cluster", cluster}, {"reason", result.error().message}});
  };
  // A cluster that cannot be followed is tried again with the next change of the Mesh.
  auto follow_once = [&](const std::string& cluster, auto follow) {
    if (!followed_.insert(cluster).second) return;
    Result<void> result = follow(cluster);
    if (!result) followed_.erase(cluster);
    tell(result, cluster);
  };
  feed([&](MeshState& state) { state.set_members(spec.members); });
  follow_once(spec.hosted, [this](const std::string& name) { return follow_hosted(name); });
  for (const std::string& member : spec.members)
    follow_once(member, [this](const std::string& name) { return follow_member(name); });
  // Who is in force may have changed for every object, also for those of a cluster that left.
  for (size_t i = 0; i < synchronised().size(); ++i)
    for (const std::string& cluster : followed_)
      if (Result<client::Client*> live = live_.cluster(cluster))
        for (const client::Object& object : manager_.informer(cluster, **live, synchronised()[i]).list())
          sync_[i]->enqueue({"", object.key()});
  {
    std::lock_guard lock(mutex_);
    mesh_read_ = true;
  }
  wake_.notify_one();
}

Result<void> MeshController::follow_hosted(const std::string& hosted) {
  client::Client& live = *SERIN_TRY(live_.cluster(hosted));
  manager_.informer(hosted, live, kube::kNamespaces);
  for (size_t i = 0; i < synchronised().size(); ++i) {
    const client::Resource& resource = synchronised()[i];
    client::Informer& informer = manager_.informer(hosted, live, resource);
    client::Controller& status = manager_.add_controller(
        {"mesh-ack-" + resource.plural},
        std::make_unique<AckStatusReconciler>(manager_.client(hosted, live), resource, acks_, manager_.clock()));
    manager_.watch(status, informer, client::own_key());
    manager_.watch(*sync_[i], informer, client::own_key());
    wait_for(informer);
    informer.add_handler([this](const client::Object* old, const client::Object* now) {
      feed([&](MeshState& state) {
        if (now) state.put_config(*now);
        else state.remove_config(old->kind(), old->key());
      });
    });
    acks_.on_change([&status, kind = resource.kind](const std::set<SourceRef>& changed) {
      for (const SourceRef& source : changed)
        if (source.kind == kind) status.enqueue({"", source.name});
    });
  }
  return {};
}

Result<void> MeshController::follow_member(const std::string& member) {
  client::Client& live = *SERIN_TRY(live_.cluster(member));
  for (size_t i = 0; i < synchronised().size(); ++i)
    manager_.watch(*sync_[i], manager_.informer(member, live, synchronised()[i]), client::own_key());
  client::Informer& pods = manager_.informer(member, live, kube::kPods);
  for (const client::Resource& resource : {kube::kServices, kube::kEndpointSlices, kube::kPods}) {
    client::Informer& informer = manager_.informer(member, live, resource);
    wait_for(informer);
    informer.add_handler([this, member, kind = resource.kind](const client::Object* old, const client::Object* now) {
      feed([&](MeshState& state) {
        if (now) state.put_workload(member, *now);
        else state.remove_workload(member, kind, old->key());
      });
    });
  }
  // After the handler above, so that a pod's deletion is on its way to the proxies when the reconciler looks.
  manager_.watch(*drain_controller_, pods, [member](const client::Object*, const client::Object* now) {
    std::vector<client::Key> keys;
    if (now && now->deleting()) keys.push_back({member, now->key()});
    return keys;
  });
  return {};
}

void MeshController::wait_for(client::Informer& informer) {
  {
    std::lock_guard lock(mutex_);
    ++unsynced_;
  }
  informer.on_synced([this] {
    {
      std::lock_guard lock(mutex_);
      --unsynced_;
    }
    wake_.notify_one();
  });
}

void MeshController::feed(const std::function<void(MeshState&)>& change) {
  {
    std::lock_guard lock(mutex_);
    change(state_);
    dirty_ = true;
  }
  wake_.notify_one();
}

bool MeshController::in_use(const std::string& address) {
  {
    std::lock_guard lock(mutex_);
    if (dirty_ || translating_) return true;
  }
  return xds_->in_use(address);
}

bool MeshController::served(const std::string& cluster, const kube::NamespacedName& pod) {
  std::lock_guard lock(mutex_);
  return state_.served(cluster, pod);
}

void MeshController::translate_until_stopped() {
  {
    Clock& clock = manager_.clock();
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return mesh_read_ || stopping_; });
    bool read = clock.wait_until(lock, wake_, clock.now() + options_.sync_patience,
                                 [&] { return unsynced_ == 0 || stopping_; });
    if (!read) log::warning("mesh", "serving proxies although some clusters have not been read");
  }
  for (MeshViewPtr last;;) {
    MeshViewPtr view;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return dirty_ || stopping_; });
      if (stopping_) return;
      dirty_ = false;
      translating_ = true;
      view = state_.view();
    }
    if (view != last) {
      // Proxies first: an object counts as translated only when those who must acknowledge it know of it.
      xds_->update(view);
      acks_.set_translated(sources_of(*view));
      last = std::move(view);
    }
    {
      std::lock_guard lock(mutex_);
      translating_ = false;
    }
    look_at_drains({});
  }
}

}  // namespace serin::mesh
