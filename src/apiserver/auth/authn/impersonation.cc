#include "apiserver/auth/authn/impersonation.h"

#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr std::string_view kExtraPrefix = "impersonate-extra-";
constexpr std::string_view kServiceAccountPrefix = "system:serviceaccount:";

/// Namespace and name of a ServiceAccount's user name.
std::optional<std::pair<std::string, std::string>> service_account(std::string_view user) {
  if (!user.starts_with(kServiceAccountPrefix)) return std::nullopt;
  auto parts = cut(user.substr(kServiceAccountPrefix.size()), ':');
  if (!parts || parts->first.empty() || parts->second.empty() || parts->second.find(':') != std::string_view::npos) return std::nullopt;
  return std::pair{std::string(parts->first), std::string(parts->second)};
}

}  // namespace

Result<std::optional<Impersonation>> read_impersonation(const net::Headers& headers, const UserPtr& real, const std::string& cluster) {
  User as;
  as.name = headers.get("Impersonate-User");
  as.uid = headers.get("Impersonate-Uid");
  for (const auto& [name, value] : headers.all()) {
    std::string header = lower(name);
    if (header == "impersonate-group") as.groups.push_back(value);
    else if (header.starts_with(kExtraPrefix)) as.extra[url_decode(std::string_view(header).substr(kExtraPrefix.size()))].push_back(value);
  }
  if (as.name.empty()) {
    if (as.groups.empty() && as.uid.empty() && as.extra.empty()) return std::optional<Impersonation>();
    return fail(Code::kBadRequest, "requested impersonation of groups, a uid or extras without impersonating a user name");
  }
  Impersonation out;
  auto need = [&](std::string group, std::string version, std::string resource, std::string name) -> AccessRequest& {
    AccessRequest access;
    access.user = real;
    access.cluster = cluster;
    access.verb = "impersonate";
    access.group = std::move(group);
    access.version = std::move(version);
    access.resource = std::move(resource);
    access.name = std::move(name);
    return out.needed.emplace_back(std::move(access));
  };
  auto account = service_account(as.name);
  if (account) need("", "v1", "serviceaccounts", account->second).ns = account->first;
  else need("", "v1", "users", as.name);
  for (const std::string& group : as.groups) need("", "v1", "groups", group);
  if (!as.uid.empty()) need("authentication.k8s.io", "v1", "uids", as.uid);
  for (const auto& [key, values] : as.extra)
    for (const std::string& value : values) need("authentication.k8s.io", "v1", "userextras", value).subresource = key;

  if (account && as.groups.empty()) as.groups = {"system:serviceaccounts", concat("system:serviceaccounts:", account->first)};
  bool nobody = as.name == "system:anonymous";
  const char* standing = nobody ? "system:unauthenticated" : kAuthenticatedGroup;
  if (!as.in_group(kAuthenticatedGroup) && !as.in_group("system:unauthenticated")) as.groups.push_back(standing);
  out.user = std::make_shared<const User>(std::move(as));
  return std::optional(std::move(out));
}

}  // namespace serin::apiserver
