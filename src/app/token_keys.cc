#include "app/token_keys.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "app/files.h"
#include "base/strings.h"

namespace serin::app {
namespace {

constexpr std::string_view kSuffix = ".key";

std::string key_path(const std::string& directory, int number) { return concat(directory, '/', number, kSuffix); }

Result<net::SigningKey> load_key(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(Code::kForbidden, concat(path, " can be read by others than its owner: chmod 600 ", path));
  auto key = net::SigningKey::from_pem(SERIN_TRY(read_file(path)));
  if (!key) return fail(Code::kInvalid, concat(path, ": ", key.error().message));
  return key;
}

/// When a key was made: the time of its file, which nothing writes again.
TimePoint made_at(const std::string& path) {
  struct stat info {};
  ::stat(path.c_str(), &info);
  return TimePoint(std::chrono::seconds(info.st_mtim.tv_sec));
}

}  // namespace

Result<std::vector<net::SigningKey>> load_or_make_token_keys(const std::string& directory, TimePoint now) {
  SERIN_TRY(make_private_directory(directory));
  std::map<int, net::SigningKey, std::greater<>> keys;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    std::string name = file.path().filename();
    if (!name.ends_with(kSuffix)) continue;
    auto number = parse_int<int>(std::string_view(name).substr(0, name.size() - kSuffix.size()));
    if (number) keys.emplace(*number, SERIN_TRY(load_key(file.path())));
  }
  if (error) return fail(Code::kForbidden, concat(directory, ": ", error.message()));
  if (keys.empty() || now - made_at(key_path(directory, keys.begin()->first)) > kSigningPeriod) {
    int number = keys.empty() ? 1 : keys.begin()->first + 1;
    net::SigningKey key = SERIN_TRY(net::SigningKey::generate());
    SERIN_TRY(write_private_file(key_path(directory, number), key.pem()));
    keys.emplace(number, std::move(key));
  }
  std::vector<net::SigningKey> out;
  for (auto& [number, key] : keys) out.push_back(std::move(key));
  return out;
}

}  // namespace serin::app
