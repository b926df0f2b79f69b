#pragma once

/// Names of members as identifiers of CEL, by Kubernetes' rules: "__" is written __underscores__, "." __dot__,
/// "-" __dash__, "/" __slash__, and a reserved word w is written __w__. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace serin::kube::cel {

/// nullopt: no identifier can stand for the name.
std::optional<std::string> escape_name(std::string_view name);
/// nullopt: not the escaped form of any name.
std::optional<std::string> unescape_name(std::string_view identifier);

}  // namespace serin::kube::cel
