#pragma once

/// RBAC over what stands in the store. The policy of a cluster is compiled when it is first asked for and kept until a
/// role or binding changes; objects that did not change are not parsed again. Whoever has the answer to a write of a
/// role or binding is judged by it. Safe from any thread.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "apiserver/auth/access.h"
#include "apiserver/auth/rbac/policy.h"
#include "apiserver/store/store.h"

namespace serin::apiserver::rbac {

/// Whether a group and resource is one of the four that policies are made of.
bool is_policy_resource(std::string_view group, std::string_view plural);

class RbacAuthorizer final : public Authorizer {
 public:
  explicit RbacAuthorizer(const Store& store) : store_(store) {}

  Decision decide(const AccessRequest&) override;
  PolicyPtr policy(const std::string& cluster);
  /// A role or binding of the cluster is not what it was. To be called once the change is visible and before anybody
  /// hears of it.
  void changed(const std::string& cluster);

 private:
  struct Cluster {
    template <class T>
    using Parsed = std::map<kube::NamespacedName, std::pair<Revision, std::shared_ptr<const T>>>;
    std::mutex mutex;
    bool stale = true;                                // guarded by mutex
    std::map<std::string, Parsed<Role>> roles;        // guarded by mutex; by resource
    std::map<std::string, Parsed<Binding>> bindings;  // guarded by mutex; by resource
    PolicyPtr policy;                                 // guarded by mutex
  };
  Cluster& cluster(const std::string& name);
  void compile(const std::string& name, Cluster&) const;
  template <class T>
  void read(const Collection&, Cluster::Parsed<T>& known, std::vector<std::shared_ptr<const T>>& out) const;

  const Store& store_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Cluster>> clusters_;  // guarded by mutex_; none is ever removed
};

}  // namespace serin::apiserver::rbac
