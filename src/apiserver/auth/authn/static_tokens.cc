#include "apiserver/auth/authn/static_tokens.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr std::string_view kHashPrefix = "sha256:";
constexpr size_t kHashDigits = 64;

/// The fields of one line of comma-separated values; quotes hold commas, and two of them stand for one.
std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') fields.back() += line[++i];
      else quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

}  // namespace

Result<StaticTokens> StaticTokens::parse(std::string_view text) {
  StaticTokens tokens;
  size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    std::vector<std::string> fields = fields_of(line);
    std::string_view hash = fields[0];
    bool hashed = hash.starts_with(kHashPrefix) && hash.size() == kHashPrefix.size() + kHashDigits &&
                  hash.find_first_not_of("0123456789abcdefABCDEF", kHashPrefix.size()) == std::string_view::npos;
    if (!hashed)
      return fail(Code::kInvalid, concat("token file, line ", number, ": the token must stand there as sha256:<64 hexadecimal digits>, "
                                         "which `printf %s \"$TOKEN\" | sha256sum` prints"));
    if (fields.size() < 3 || fields[1].empty())
      return fail(Code::kInvalid, concat("token file, line ", number, ": expected sha256:HEX,USER,UID[,\"GROUP,GROUP\"]"));
    User user;
    user.name = fields[1];
    user.uid = fields[2];
    if (fields.size() > 3)
      for (std::string_view group : split(fields[3], ','))
        if (!trim(group).empty()) user.groups.emplace_back(trim(group));
    tokens.tokens_.push_back({lower(hash.substr(kHashPrefix.size())), std::make_shared<const User>(std::move(user))});
  }
  return tokens;
}

Result<StaticTokens> StaticTokens::load(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(Code::kNotFound, concat("token file ", path, ": ", std::strerror(errno)));
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(Code::kForbidden, concat("token file ", path, " can be read by others than its owner: chmod 600 ", path));
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(Code::kForbidden, concat("token file ", path, " cannot be read"));
  return parse(text.str());
}

void StaticTokens::add(std::string_view token, User user) {
  tokens_.push_back({sha256_hex(token), std::make_shared<const User>(std::move(user))});
}

UserPtr StaticTokens::find(std::string_view token) const {
  std::string hash = sha256_hex(token);
  UserPtr found;
  for (const One& one : tokens_)
    if (equal_in_constant_time(one.hash, hash)) found = one.user;
  return found;
}

}  // namespace serin::apiserver
