#pragma once

/// The few things the program does with files.

#include <string>

#include "base/error.h"

namespace serin::app {

/// Makes the directory and its parents, mode 0700. kForbidden with the system's reason where that fails.
Result<void> make_private_directory(const std::string& path);
/// kNotFound where there is none.
Result<std::string> read_file(const std::string& path);
/// Whole or not at all, mode 0600.
Result<void> write_private_file(const std::string& path, const std::string& text);

/// The path of this program.
std::string own_path();
/// `--state`, else $SERIN_STATE, else $XDG_STATE_HOME/serin, else ~/.local/state/serin.
std::string state_directory(const std::string& flag);

/// A lock on a state directory that ends with the process. kConflict while another process holds it.
class DirectoryLock {
 public:
  static Result<DirectoryLock> take(const std::string& directory);
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace serin::app
