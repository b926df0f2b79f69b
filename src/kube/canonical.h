#pragma once

/// The form in which Kubernetes holds what its typed structs read: a value that means the same always reads the same,
/// so that an object a client sends back as it got it is no change. Pure, and idempotent.
///
/// - A Time is RFC 3339 in UTC with whole seconds, a MicroTime with microseconds; a quantity has its shortest text.
/// - An empty list or map, and a zero, empty string or false that Go holds by value, is left out where the field is not
///   required (Go's `omitempty`). What Go holds by pointer stays, messages stay.
/// - A null in a map is the zero of the map's type: `data: {key: null}` of a Secret is an empty value.
///
/// Values of a wrong type are left for validation, unknown members for pruning.

#include "data/json.h"
#include "kube/schema.h"

namespace serin::kube {

/// `schema` is a built-in type's, or that of a custom resource, of which only the metadata is typed.
void canonicalize(json::value& object, const Schema& schema);

}  // namespace serin::kube
