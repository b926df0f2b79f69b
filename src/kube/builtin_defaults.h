#pragma once

/// Defaults of built-in kinds that depend on other fields, exactly as Kubernetes sets them (what depends on
/// nothing stands in the tables and is filled in by `apply_defaults`). Pure, and idempotent: a defaulted object
/// comes back unchanged. Members with a wrong type are left for validation.

#include "data/json.h"
#include "kube/types.h"

namespace serin::kube {

/// Call after `canonicalize` and `apply_defaults`. Kinds without such defaults, custom ones among them, stay as they
/// are.
void apply_builtin_defaults(json::value& object, const GroupVersionKind& gvk);

/// All defaults of a bare PodTemplateSpec, those of the tables included: what a Deployment's template gets, for
/// templates that stand in custom resources.
void default_pod_template(json::value& pod_template);

}  // namespace serin::kube
