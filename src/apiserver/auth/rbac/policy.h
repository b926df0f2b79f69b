#pragma once

/// The roles and bindings of one cluster, compiled for questions: from a subject to the rules that it has. An
/// immutable value. Pure.
///
/// A question costs one look-up for the user and one for each of their groups, in the cluster and in the namespace
/// asked about, and a walk over the rules found there.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/auth/access.h"
#include "apiserver/auth/rbac/rules.h"
#include "kube/selector.h"
#include "kube/types.h"

namespace serin::apiserver::rbac {

struct RoleRef {
  std::string kind;  ///< "Role" or "ClusterRole"
  std::string name;
};

/// A Role or, without a namespace, a ClusterRole.
struct Role {
  kube::NamespacedName name;
  std::vector<Rule> rules;
  std::vector<kube::LabelSelector> aggregates;  ///< of an aggregationRule
  json::value labels;                           ///< metadata.labels, or null
  static Role read(const json::value& doc);
};
using RolePtr = std::shared_ptr<const Role>;

/// A RoleBinding or, without a namespace, a ClusterRoleBinding.
struct Binding {
  kube::NamespacedName name;
  RoleRef role;
  struct Subject {
    std::string kind, ns, name;
  };
  std::vector<Subject> subjects;
  static Binding read(const json::value& doc);
};
using BindingPtr = std::shared_ptr<const Binding>;

/// "system:serviceaccount:NS:NAME".
std::string service_account_user(std::string_view ns, std::string_view name);

class Policy {
 public:
  Policy(std::vector<RolePtr> roles, std::vector<BindingPtr> bindings);

  /// Members of system:masters may do anything. Reasons as Kubernetes words them:
  /// `RBAC: allowed by RoleBinding "b/ns" of Role "r" to User "u"`, or what went wrong on the way to a refusal:
  /// `RBAC: clusterrole.rbac.authorization.k8s.io "r" not found`.
  Decision decide(const AccessRequest&) const;

  struct Held {
    std::vector<Rule> rules;
    std::vector<std::string> errors;  ///< roles that bindings name and that are not there
  };
  /// Everything the user may do in a namespace; in none: at the scope of the cluster.
  Held held_by(const User&, std::string_view ns) const;

  /// The rules behind a binding's reference; `ns` is the binding's. Null where the role does not exist.
  RolePtr role(const RoleRef&, std::string_view ns) const;
  const std::vector<RolePtr>& roles() const { return roles_; }

 private:
  struct Grant {
    BindingPtr binding;
    RolePtr role;  ///< null: not there
  };
  using BySubject = std::unordered_map<std::string, std::vector<Grant>>;
  /// Calls `visit` with each grant of the user that counts in `ns`, until it returns false.
  void each_grant(const User&, std::string_view ns, const std::function<bool(const Grant&, const std::string& subject)>& visit) const;

  std::vector<RolePtr> roles_;
  std::map<kube::NamespacedName, RolePtr> by_name_;
  BySubject cluster_;
  std::unordered_map<std::string, BySubject> namespaces_;
};
using PolicyPtr = std::shared_ptr<const Policy>;

/// The rules that an aggregated ClusterRole should have: those of the other ClusterRoles that its selectors choose, in
/// order of name, each once.
std::vector<Rule> aggregated_rules(const Role&, const std::vector<RolePtr>& roles);

/// The text of a role that is not there: `clusterrole.rbac.authorization.k8s.io "r" not found`.
std::string role_not_found(const RoleRef&);

}  // namespace serin::apiserver::rbac
