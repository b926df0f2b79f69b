#pragma once

/// Rules that no schema can say: names, labels, selectors, what may not change. Field paths and texts are those
/// of Kubernetes. Pure. Objects are expected to be pruned and defaulted; wrong types read as absent, since
/// `validate` (schema.h) has reported them.

#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/json.h"
#include "kube/types.h"

namespace serin::kube {

enum class NameRule { kSubdomain, kLabel, kLabel1035, kPathSegment };

/// metadata of any object, built-in or custom: name, namespace, labels, annotations, finalizers, owners.
/// `generateName` may stand for a name that is not there yet.
std::vector<Cause> validate_metadata(const json::value& object, NameRule rule = NameRule::kSubdomain);

/// What is wrong with an object of a built-in kind, metadata included. `old` is what it replaces: null on
/// create. Writes to /status need no such check.
std::vector<Cause> validate_builtin(const json::value& object, const json::value* old,
                                    const GroupVersionKind& gvk);

/// A PodTemplateSpec at `path` ("spec.template"), as workloads have it.
std::vector<Cause> validate_pod_template(const json::value& pod_template, std::string_view path);

}  // namespace serin::kube
