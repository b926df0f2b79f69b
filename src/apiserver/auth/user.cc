#include "apiserver/auth/user.h"

#include <algorithm>

namespace serin::apiserver {

bool User::in_group(std::string_view group) const { return std::find(groups.begin(), groups.end(), group) != groups.end(); }

const UserPtr& system_user() {
  static const UserPtr user = std::make_shared<const User>(User{"system:serin", {kMastersGroup, kAuthenticatedGroup}, {}, {}});
  return user;
}

}  // namespace serin::apiserver
