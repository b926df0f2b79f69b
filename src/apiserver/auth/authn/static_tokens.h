#pragma once

/// Bearer tokens known in advance. Only their SHA-256 is kept. Immutable once filled; then safe from any thread.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/user.h"
#include "base/error.h"

namespace serin::apiserver {

class StaticTokens {
 public:
  /// The lines of a token file: `sha256:HEX,USER,UID[,"GROUP1,GROUP2"]`; empty lines and those that begin with # count
  /// for nothing. kInvalid names the line, and never what is in it.
  static Result<StaticTokens> parse(std::string_view text);
  /// Reads a file that only its owner may read; kForbidden says how to make it so.
  static Result<StaticTokens> load(const std::string& path);

  void add(std::string_view token, User user);
  /// Null for an unknown token. Looks at every token whichever it is.
  UserPtr find(std::string_view token) const;

 private:
  struct One {
    std::string hash;  ///< lower-case hex
    UserPtr user;
  };
  std::vector<One> tokens_;
};

}  // namespace serin::apiserver
