#pragma once

/// The rules of single built-in kinds, each a function on the object, what it replaces and the causes to add to. Pure.
/// Internal to builtin_validation.cc, which says which kind has which. Texts are those of Kubernetes 1.33.

#include <initializer_list>
#include <string>
#include <string_view>

#include "data/json.h"
#include "kube/causes.h"

namespace serin::kube {

/// What is checked: `old` is null on creation.
struct Subject {
  const json::value& object;
  const json::value* old;
  std::string_view kind;
};

// Shared pieces.
inline constexpr std::string_view kImmutable = "field is immutable";
const json::value& or_null(const json::value* v);
bool changed(const Subject&, json::Path path);
/// "field is immutable" where the value at `path` is not what it was.
void check_immutable(const Subject&, json::Path path, Causes& causes, std::string_view detail = kImmutable);
/// A number that must not be below `least`: "must be greater than or equal to 0".
void check_least(const json::value& object, json::Path path, int64_t least, Causes& causes);
/// A number of pods: an integer from 0 or a percentage; with `at_most_all` up to 100%.
void check_int_or_percent(const json::value* v, std::string path, bool at_most_all, Causes& causes);
/// A label selector with well-formed keys and operators.
void check_selector(const json::value* selector, std::string path, Causes& causes);
bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
/// "10.0.0.0/8".
bool is_cidr(std::string_view text);

// Kinds.
void validate_service(const Subject&, Causes&);
void validate_endpoints(const Subject&, Causes&);
void validate_endpoint_slice(const Subject&, Causes&);
void validate_ingress(const Subject&, Causes&);
void validate_ingress_class(const Subject&, Causes&);
void validate_network_policy(const Subject&, Causes&);
void validate_job(const Subject&, Causes&);
void validate_cron_job(const Subject&, Causes&);
void validate_autoscaler(const Subject&, Causes&);
void validate_disruption_budget(const Subject&, Causes&);
void validate_persistent_volume(const Subject&, Causes&);
void validate_persistent_volume_claim(const Subject&, Causes&);
void validate_storage_class(const Subject&, Causes&);
void validate_config_map(const Subject&, Causes&);
void validate_secret(const Subject&, Causes&);
void validate_event(const Subject&, Causes&);
void validate_new_event(const Subject&, Causes&);
void validate_lease(const Subject&, Causes&);
void validate_node(const Subject&, Causes&);
void validate_priority_class(const Subject&, Causes&);
/// Role, ClusterRole, RoleBinding, ClusterRoleBinding; by the rules of pkg/apis/rbac/validation.
void validate_rbac(const Subject&, Causes&);

}  // namespace serin::kube
