#include "app/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/strings.h"

namespace serin::app {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

Result<void> make_private_directory(const std::string& path) {
  std::error_code error;
  bool made = std::filesystem::create_directories(path, error);
  if (error) return fail(Code::kForbidden, concat("cannot make ", path, ": ", error.message()));
  if (made) chmod(path.c_str(), 0700);
  if (access(path.c_str(), W_OK | X_OK) != 0)
    return fail(Code::kForbidden, concat("cannot write to ", path, ": ", std::strerror(errno)));
  return {};
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, concat("cannot read ", path, ": ", std::strerror(errno)));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<void> write_private_file(const std::string& path, const std::string& text) {
  std::string temporary = concat(path, ".new");
  unlink(temporary.c_str());
  int fd = open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::kForbidden, concat("cannot write ", path, ": ", std::strerror(errno)));
  size_t done = 0;
  bool good = true;
  while (good && done < text.size()) {
    ssize_t count = write(fd, text.data() + done, text.size() - done);
    if (count > 0) done += static_cast<size_t>(count);
    else good = errno == EINTR;
  }
  good = good && fsync(fd) == 0;
  int error = errno;
  close(fd);
  if (good && rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (good) error = errno;
  unlink(temporary.c_str());
  return fail(Code::kUnavailable, concat("cannot write ", path, ": ", std::strerror(error)));
}

std::string own_path() {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : "serin";
}

std::string state_directory(const std::string& flag) {
  std::string chosen = flag;
  if (chosen.empty()) chosen = environment("SERIN_STATE");
  if (chosen.empty() && !environment("XDG_STATE_HOME").empty()) chosen = environment("XDG_STATE_HOME") + "/serin";
  if (chosen.empty()) chosen = environment("HOME") + "/.local/state/serin";
  return std::filesystem::absolute(chosen).lexically_normal().string();
}

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  std::string path = directory + "/lock";
  int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::kForbidden, concat("cannot open ", path, ": ", std::strerror(errno)));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return fail(Code::kConflict,
                concat("another serin runs on ", directory, ": stop it, or use another --state directory"));
  }
  return DirectoryLock(fd);
}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace serin::app
