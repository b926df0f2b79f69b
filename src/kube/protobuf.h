#pragma once

/// Objects of built-in kinds as clients in Go send them: protobuf in the envelope of Kubernetes. Driven by the schema
/// tables. Pure.

#include <string_view>

#include "base/error.h"
#include "data/json.h"

namespace serin::kube {

/// The object as JSON would have it. kUnsupportedMediaType for a kind that has no protobuf form, kBadRequest for bytes
/// that are malformed.
Result<json::value> object_from_protobuf(std::string_view bytes);

}  // namespace serin::kube
