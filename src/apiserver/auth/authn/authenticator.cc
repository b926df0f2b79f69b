#include "apiserver/auth/authn/authenticator.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

UserPtr authenticated(User user) {
  if (!user.in_group(kAuthenticatedGroup)) user.groups.push_back(kAuthenticatedGroup);
  return std::make_shared<const User>(std::move(user));
}

}  // namespace

const UserPtr& anonymous() {
  static const UserPtr user = std::make_shared<const User>(User{"system:anonymous", {"system:unauthenticated"}, {}, {}});
  return user;
}

Result<ServiceAccountTokens::Identity> Authenticator::token(const std::string& cluster, std::string_view token,
                                                            std::vector<std::string> audiences) const {
  std::string own = accounts_.issuer(cluster);
  if (audiences.empty()) audiences.push_back(own);
  if (UserPtr user = tokens_.find(token)) {
    // A static token is meant for this server.
    if (std::find(audiences.begin(), audiences.end(), own) == audiences.end())
      return fail(Code::kUnauthorized, "the token is meant for another audience");
    return ServiceAccountTokens::Identity{authenticated(*user), {own}};
  }
  if (cluster.empty()) return fail(Code::kUnauthorized, "unknown token");
  auto identity = SERIN_TRY(accounts_.verify(cluster, token, audiences));
  identity.user = authenticated(*identity.user);
  return identity;
}

Result<UserPtr> Authenticator::authenticate(const net::Request& request, const std::string& cluster) const {
  if (!request.peer.common_name.empty()) return authenticated(User{request.peer.common_name, request.peer.organizations, {}, {}});
  std::string_view header = request.headers.get("Authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (lower(header.substr(0, kScheme.size())) != kScheme) return UserPtr();
  std::string_view bearer = trim(header.substr(kScheme.size()));
  if (bearer.empty()) return UserPtr();
  auto identity = token(cluster, bearer, {});
  if (identity) return identity->user;
  log::info("apiserver", "refused a bearer token", {{"cluster", cluster}, {"why", identity.error().message}});
  return fail(Code::kUnauthorized, "Unauthorized");
}

}  // namespace serin::apiserver
