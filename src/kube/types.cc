#include "kube/types.h"

#include "base/strings.h"

namespace serin::kube {

GroupVersion GroupVersion::parse(std::string_view api_version) {
  if (auto parts = cut(api_version, '/'))
    return {std::string(parts->first), std::string(parts->second)};
  return {"", std::string(api_version)};
}

NamespacedName NamespacedName::parse(std::string_view text) {
  if (auto parts = cut(text, '/')) return {std::string(parts->first), std::string(parts->second)};
  return {"", std::string(text)};
}

ResourceVersion ResourceVersion::parse(std::string_view text) {
  return {parse_int<uint64_t>(text).value_or(0)};
}

}  // namespace serin::kube
