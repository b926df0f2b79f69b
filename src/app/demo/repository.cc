#include "app/demo/repository.h"

#include <spawn.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>
#include <vector>

#include "app/files.h"
#include "base/strings.h"
#include "base/time.h"
#include "embedded/examples.h"

extern char** environ;

namespace serin::app {
namespace {

Result<void> git(const std::string& directory, std::vector<std::string> arguments) {
  std::vector<std::string> all = {"git", "-C", directory, "-c", "user.name=demo", "-c", "user.email=demo@example.com",
                                  "-c", "commit.gpgsign=false"};
  std::string shown = concat("git ", join(arguments, " "));
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (int error = posix_spawnp(&pid, "git", nullptr, nullptr, argv.data(), environ))
    return fail(Code::kNotFound, concat("cannot run git: ", std::string(std::strerror(error))));
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(Code::kInternal, concat(shown, " failed"));
  return {};
}

/// Sets every `duration:` of a manifest.
std::string with_pauses(std::string_view manifest, Duration pause) {
  std::string out;
  for (std::string_view line : split(manifest, '\n')) {
    size_t at = line.find("duration: ");
    if (at == std::string_view::npos) out += line;
    else out += concat(line.substr(0, at), "duration: ", format_duration(pause));
    out += '\n';
  }
  return out;
}

}  // namespace

Result<std::string> make_demo_repository(const std::string& directory, Duration step_pause) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  for (const embedded::File& file : embedded::examples()) {
    auto [root, name] = cut(file.name, '/').value();
    std::filesystem::path path = std::filesystem::path(directory) / name;
    SERIN_TRY(make_private_directory(path.parent_path()));
    SERIN_TRY(write_private_file(path, with_pauses(file.bytes, step_pause)));
  }
  SERIN_TRY(git(directory, {"init", "-q", "-b", "main"}));
  SERIN_TRY(git(directory, {"add", "."}));
  SERIN_TRY(git(directory, {"commit", "-q", "-m", "version v1"}));
  return directory;
}

}  // namespace serin::app
