#pragma once

/// The rules for names of objects, labels and annotations (RFC 1123, RFC 1035, Kubernetes' qualified names).
/// Each check returns what is wrong, as a sentence without a subject, or nullopt where the text is valid:
/// `if (auto wrong = names::dns1123_label_error(name)) causes.push_back({"FieldValueInvalid", *wrong, path});`

#include <optional>
#include <string>
#include <string_view>

namespace serin::kube::names {

/// Up to 63 of [a-z0-9-], a letter or digit at both ends: namespaces, container names.
std::optional<std::string> dns1123_label_error(std::string_view text);
/// Labels as above joined by dots, up to 253 in all: most object names.
std::optional<std::string> dns1123_subdomain_error(std::string_view text);
/// As a DNS-1123 label but begins with a letter: Services.
std::optional<std::string> dns1035_label_error(std::string_view text);
/// [prefix/]name: prefix a DNS subdomain, name up to 63 of [A-Za-z0-9._-] with a letter or digit at both ends.
/// Keys of labels and annotations, finalizers, condition types.
std::optional<std::string> qualified_name_error(std::string_view text);
/// Empty, or up to 63 of [A-Za-z0-9._-] with a letter or digit at both ends.
std::optional<std::string> label_value_error(std::string_view text);

}  // namespace serin::kube::names
