#pragma once

/// The fieldPath of a validation rule: ".spec.x", "['x.y'].z". Pure.

#include <optional>
#include <string>
#include <string_view>

#include "kube/schema.h"

namespace serin::kube::cel {

/// As causes show it ("spec.x", "labels[x.y]"); nullopt where it names nothing that the schema declares.
std::optional<std::string> resolve_field_path(std::string_view path, const Schema& schema);

}  // namespace serin::kube::cel
