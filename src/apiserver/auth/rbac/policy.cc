#include "apiserver/auth/rbac/policy.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::apiserver::rbac {
namespace {

constexpr std::string_view kServiceAccountPrefix = "system:serviceaccount:";

std::string user_key(std::string_view name) { return concat("u:", name); }
std::string group_key(std::string_view name) { return concat("g:", name); }

/// Empty for a subject that is nobody.
std::string key_of(const Binding::Subject& subject, const std::string& binding_ns) {
  if (subject.kind == "User") return user_key(subject.name);
  if (subject.kind == "Group") return group_key(subject.name);
  const std::string& ns = subject.ns.empty() ? binding_ns : subject.ns;
  if (subject.kind == "ServiceAccount" && !ns.empty()) return user_key(service_account_user(ns, subject.name));
  return {};
}

/// As `to ...` in the reason for a permission.
std::string describe_subject(const std::string& key) {
  std::string_view name = std::string_view(key).substr(2);
  if (key.starts_with("g:")) return concat("Group ", quote(name));
  if (name.starts_with(kServiceAccountPrefix))
    if (auto parts = cut(name.substr(kServiceAccountPrefix.size()), ':'))
      return concat("ServiceAccount ", quote(concat(parts->second, '/', parts->first)));
  return concat("User ", quote(name));
}

std::string describe_grant(const Binding& binding, const std::string& key) {
  std::string what = binding.name.ns.empty() ? concat("ClusterRoleBinding ", quote(binding.name.name))
                                             : concat("RoleBinding ", quote(concat(binding.name.name, '/', binding.name.ns)));
  return concat("RBAC: allowed by ", what, " of ", binding.role.kind, ' ', quote(binding.role.name), " to ", describe_subject(key));
}

}  // namespace

std::string service_account_user(std::string_view ns, std::string_view name) { return concat(kServiceAccountPrefix, ns, ':', name); }

std::string role_not_found(const RoleRef& ref) { return concat(lower(ref.kind), '.', kGroup, ' ', quote(ref.name), " not found"); }

Role Role::read(const json::value& doc) {
  Role role;
  role.name = {std::string(json::get_string(doc, "metadata", "namespace")), std::string(json::get_string(doc, "metadata", "name"))};
  role.rules = read_rules(doc);
  for (const json::value& selector : json::items(doc, "aggregationRule", "clusterRoleSelectors"))
    if (auto parsed = kube::LabelSelector::from_object(&selector)) role.aggregates.push_back(*std::move(parsed));
  if (const json::value* labels = json::find(doc, "metadata", "labels")) role.labels = *labels;
  return role;
}

Binding Binding::read(const json::value& doc) {
  Binding binding;
  binding.name = {std::string(json::get_string(doc, "metadata", "namespace")), std::string(json::get_string(doc, "metadata", "name"))};
  binding.role = {std::string(json::get_string(doc, "roleRef", "kind")), std::string(json::get_string(doc, "roleRef", "name"))};
  for (const json::value& subject : json::items(doc, "subjects"))
    binding.subjects.push_back({std::string(json::get_string(subject, "kind")), std::string(json::get_string(subject, "namespace")),
                                std::string(json::get_string(subject, "name"))});
  return binding;
}

Policy::Policy(std::vector<RolePtr> roles, std::vector<BindingPtr> bindings) : roles_(std::move(roles)) {
  for (const RolePtr& one : roles_) by_name_[one->name] = one;
  for (const BindingPtr& binding : bindings) {
    const std::string& ns = binding->name.ns;
    BySubject& subjects = ns.empty() ? cluster_ : namespaces_[ns];
    Grant grant{binding, role(binding->role, ns)};
    for (const Binding::Subject& subject : binding->subjects)
      if (std::string key = key_of(subject, ns); !key.empty()) subjects[std::move(key)].push_back(grant);
  }
}

RolePtr Policy::role(const RoleRef& ref, std::string_view ns) const {
  bool of_namespace = ref.kind == "Role";
  if (of_namespace && ns.empty()) return nullptr;
  auto found = by_name_.find({of_namespace ? std::string(ns) : std::string(), ref.name});
  return found == by_name_.end() ? nullptr : found->second;
}

void Policy::each_grant(const User& user, std::string_view ns,
                        const std::function<bool(const Grant&, const std::string&)>& visit) const {
  auto in = [&](const BySubject& subjects) {
    auto of = [&](const std::string& key) {
      auto found = subjects.find(key);
      if (found == subjects.end()) return true;
      return std::all_of(found->second.begin(), found->second.end(), [&](const Grant& grant) { return visit(grant, key); });
    };
    if (!of(user_key(user.name))) return false;
    return std::all_of(user.groups.begin(), user.groups.end(), [&](const std::string& group) { return of(group_key(group)); });
  };
  if (!in(cluster_) || ns.empty()) return;
  if (auto found = namespaces_.find(std::string(ns)); found != namespaces_.end()) in(found->second);
}

Decision Policy::decide(const AccessRequest& access) const {
  if (access.user->in_group(kMastersGroup)) return {true, {}};
  Decision decision;
  std::vector<std::string> missing;
  each_grant(*access.user, access.path.empty() ? std::string_view(access.ns) : std::string_view(),
             [&](const Grant& grant, const std::string& subject) {
               if (!grant.role) {
                 missing.push_back(role_not_found(grant.binding->role));
                 return true;
               }
               const auto& rules = grant.role->rules;
               decision.allowed = std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) { return allows(rule, access); });
               if (decision.allowed) decision.reason = describe_grant(*grant.binding, subject);
               return !decision.allowed;
             });
  if (decision.allowed || missing.empty()) return decision;
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  decision.reason = missing.size() == 1 ? concat("RBAC: ", missing.front()) : concat("RBAC: [", join(missing, ", "), ']');
  return decision;
}

Policy::Held Policy::held_by(const User& user, std::string_view ns) const {
  Held held;
  each_grant(user, ns, [&](const Grant& grant, const std::string&) {
    if (grant.role) held.rules.insert(held.rules.end(), grant.role->rules.begin(), grant.role->rules.end());
    else held.errors.push_back(role_not_found(grant.binding->role));
    return true;
  });
  return held;
}

std::vector<Rule> aggregated_rules(const Role& aggregated, const std::vector<RolePtr>& roles) {
  std::vector<const Role*> chosen;
  for (const RolePtr& role : roles) {
    if (!role->name.ns.empty() || role->name == aggregated.name) continue;
    const json::value* labels = role->labels.is_object() ? &role->labels : nullptr;
    if (std::any_of(aggregated.aggregates.begin(), aggregated.aggregates.end(),
                    [&](const kube::LabelSelector& selector) { return selector.matches(labels); }))
      chosen.push_back(role.get());
  }
  std::sort(chosen.begin(), chosen.end(), [](const Role* a, const Role* b) { return a->name < b->name; });
  std::vector<Rule> rules;
  for (const Role* role : chosen)
    for (const Rule& rule : role->rules)
      if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(rule);
  return rules;
}

}  // namespace serin::apiserver::rbac
