#pragma once

/// Roles and bindings of rbac.authorization.k8s.io/v1: rules that say something, subjects that are somebody. The texts
/// are those of Kubernetes' pkg/apis/rbac/validation. Private to `kube`.

#include <string_view>

#include "kube/causes.h"

namespace serin::kube {

/// `kind` is one of Role, ClusterRole, RoleBinding, ClusterRoleBinding. `old` is what the object replaces, or null.
void validate_rbac(const json::value& object, const json::value* old, std::string_view kind, Causes& causes);

}  // namespace serin::kube
