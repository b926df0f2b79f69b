#pragma once

/// Deletes what has lost its owners, in any resource that the cluster serves, CRDs included. Follows every
/// resource by an informer and confirms an owner's absence with the cluster itself before it acts. Of resources that no
/// other controller of the manager follows it keeps no more than what it looks at.

#include <map>
#include <mutex>

#include "client/events.h"
#include "client/manager.h"
#include "cluster/garbage_planner.h"

namespace serin::cluster {

class GarbageCollector final : public client::Reconciler {
 public:
  /// All outlive this. `set_controller` comes before the first `follow`.
  /// `shared` are the resources whose whole objects other controllers follow already.
  GarbageCollector(client::Manager& manager, client::Client& api, std::string cluster, std::set<client::Resource> shared);
  void set_controller(client::Controller& controller) { controller_ = &controller; }

  /// Follows the resources that the cluster serves now, and no others.
  Result<void> follow();

  /// Keys name an object of any resource: {namespace, "<group resource>/<name>"}.
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  client::Key key_of(const client::Resource& resource, const kube::Object& object) const;
  std::vector<client::Informer*> followed() const;
  client::Informer* followed(const std::string& group_resource) const;
  void changed(const client::Resource& resource, const kube::Object* old, const kube::Object* now);
  std::vector<Dependent> dependents_of(std::string_view uid) const;
  /// What the cache knows of an owner, where it is the one that is meant; else the cluster is asked.
  Result<kube::Object> find_owner(const client::Resource& resource, const kube::NamespacedName& name, std::string_view uid);
  Result<OwnerState> state_of(const kube::Object& object, const kube::OwnerReference& reference);

  client::Manager& manager_;
  client::Client& api_;
  client::CachedClient& client_;
  const std::string cluster_;
  const std::set<client::Resource> shared_;
  client::EventRecorder events_;
  client::Controller* controller_ = nullptr;
  mutable std::mutex mutex_;
  std::map<std::string, client::Informer*> informers_;  // by group resource; guarded by mutex_
  std::set<client::Informer*> heard_;                   // have our handler; guarded by mutex_
};

/// Tells the garbage collector when CRDs change what the cluster serves.
class ServedResourcesReconciler final : public client::Reconciler {
 public:
  /// `collector` outlives this.
  explicit ServedResourcesReconciler(GarbageCollector& collector) : collector_(collector) {}
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  GarbageCollector& collector_;
};

}  // namespace serin::cluster
