#pragma once

/// What single built-in kinds need beyond their schema: the state they are born with, what an update may not
/// touch, and how they are deleted. Pure.

#include "apiserver/catalog.h"
#include "kube/object.h"

namespace serin::apiserver {

bool is_resource(const ServedResource&, std::string_view group, std::string_view plural);

/// The status (and for Namespaces the finalizer and name label) of a new object.
void initialize_builtin(json::value& doc, const ServedResource&);

/// Puts back what an update of the main resource leaves alone, such as a Namespace's spec.finalizers.
void keep_builtin(json::value& doc, const kube::Object& current, const ServedResource&);

/// Whether a PUT of an object that is not there makes it (AllowCreateOnUpdate of Kubernetes' strategies).
bool creates_on_update(const ServedResource&);

/// Whether a PUT may leave resourceVersion out (AllowUnconditionalUpdate of Kubernetes' strategies).
bool updates_unconditionally(const ServedResource&);

/// Defaults beyond the schema; nothing for custom resources.
void default_builtin(json::value& doc, const ServedResource&);
/// Validation beyond the schema: metadata of every kind, and the rules of built-in ones. `old` is empty on creation.
std::vector<Cause> validate_rules(const json::value& doc, const kube::Object& old, const ServedResource&,
                                  std::string_view subresource);

/// How long a deletion waits for the object's own processes: a Pod's grace period, 0 for everything else.
int64_t deletion_grace(const kube::Object& current, const ServedResource&, std::optional<int64_t> asked);

/// An error for what may never be deleted.
Result<void> check_deletable(const kube::Object& current, const ServedResource&);

}  // namespace serin::apiserver
