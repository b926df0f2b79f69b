#pragma once

/// What a YAML scalar means in the dialect of kubectl. Pure. The table is in docs/spec/yaml.md.

#include <string>
#include <string_view>

#include "data/json.h"

namespace serin::yaml {

/// The value of a plain scalar without a tag. kInvalid for .inf and .nan, which JSON cannot hold.
Result<json::value> resolve_plain(std::string_view text);

/// The value of a scalar with an explicit tag ("tag:yaml.org,2002:int"); tags outside YAML's core read as strings.
Result<json::value> resolve_tagged(std::string_view tag, std::string_view text);

/// A mapping key as the JSON member name it becomes; kInvalid for null, lists and maps.
Result<std::string> key_name(const json::value& key);

/// Whether `text` reads back as this very string where it stands plain, in this dialect and in YAML 1.2.
bool plain_is_safe(std::string_view text);

}  // namespace serin::yaml
