#include "apiserver/auth/rbac/authorizer.h"

#include "base/strings.h"

namespace serin::apiserver::rbac {

bool is_policy_resource(std::string_view group, std::string_view plural) {
  return group == kGroup && (plural == "clusterroles" || plural == "roles" || plural == "clusterrolebindings" || plural == "rolebindings");
}

RbacAuthorizer::Cluster& RbacAuthorizer::cluster(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto& slot = clusters_[name];
  if (!slot) slot = std::make_unique<Cluster>();
  return *slot;
}

Decision RbacAuthorizer::decide(const AccessRequest& access) {
  if (access.user->in_group(kMastersGroup)) return {true, {}};
  return policy(access.cluster)->decide(access);
}

PolicyPtr RbacAuthorizer::policy(const std::string& name) {
  Cluster& live = cluster(name);
  std::lock_guard lock(live.mutex);
  if (std::exchange(live.stale, false)) compile(name, live);
  return live.policy;
}

void RbacAuthorizer::changed(const std::string& name) {
  Cluster& live = cluster(name);
  std::lock_guard lock(live.mutex);
  live.stale = true;
}

template <class T>
void RbacAuthorizer::read(const Collection& collection, Cluster::Parsed<T>& known, std::vector<std::shared_ptr<const T>>& out) const {
  Cluster::Parsed<T> now;
  auto listing = store_.list(collection, {});
  if (!listing) return;
  for (const EntryPtr& entry : listing->entries) {
    auto found = known.find(entry->name);
    std::shared_ptr<const T> value;
    if (found != known.end() && found->second.first == entry->revision) {
      value = found->second.second;
    } else if (auto doc = json::parse(entry->bytes)) {
      value = std::make_shared<const T>(T::read(*doc));
    } else {
      continue;
    }
    out.push_back(value);
    now.emplace(entry->name, std::pair(entry->revision, std::move(value)));
  }
  known = std::move(now);
}

void RbacAuthorizer::compile(const std::string& name, Cluster& live) const {
  std::vector<RolePtr> roles;
  std::vector<BindingPtr> bindings;
  auto collection = [&](const char* resource) { return Collection{name, concat(resource, '.', kGroup)}; };
  for (auto resource : {"clusterroles", "roles"}) read<Role>(collection(resource), live.roles[resource], roles);
  for (auto resource : {"clusterrolebindings", "rolebindings"}) read<Binding>(collection(resource), live.bindings[resource], bindings);
  live.policy = std::make_shared<const Policy>(std::move(roles), std::move(bindings));
}

}  // namespace serin::apiserver::rbac
