#pragma once

/// Who asks. Every request has a user: over HTTP the one that authentication found, in process the server itself.

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::apiserver {

struct User {
  std::string name;
  std::vector<std::string> groups;
  std::string uid;
  std::map<std::string, std::vector<std::string>> extra;

  bool in_group(std::string_view group) const;
  bool operator==(const User&) const = default;
};
/// Shared by all that one request passes through. Never null where a contract does not say so.
using UserPtr = std::shared_ptr<const User>;

/// A member of this group may do anything.
inline constexpr const char* kMastersGroup = "system:masters";
inline constexpr const char* kAuthenticatedGroup = "system:authenticated";

/// The user of in-process clients: `system:serin`, in `system:masters`.
const UserPtr& system_user();

}  // namespace serin::apiserver
