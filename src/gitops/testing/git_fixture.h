#pragma once

/// A real Git repository in a directory of its own, for tests. Removed at the end.

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "base/strings.h"
#include "gitops/source/process.h"

namespace serin::gitops::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "serin-gitops-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string str() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

class GitRepository {
 public:
  GitRepository() { git({"init", "-q", "-b", "main"}); }

  std::string path() const { return directory_.str(); }

  void write(const std::string& file, const std::string& text) {
    std::filesystem::path to = std::filesystem::path(path()) / file;
    std::filesystem::create_directories(to.parent_path());
    std::ofstream(to) << text;
  }
  void remove(const std::string& file) { std::filesystem::remove_all(std::filesystem::path(path()) / file); }
  void link(const std::string& file, const std::string& target) {
    std::filesystem::create_symlink(target, std::filesystem::path(path()) / file);
  }
  /// Commits everything; the commit's id.
  std::string commit(const std::string& message = "change") {
    git({"add", "-A"});
    git({"-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", message});
    return git({"rev-parse", "HEAD"});
  }
  std::string git(std::vector<std::string> arguments) {
    source::Command command;
    command.arguments = {"git", "-C", path()};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    Result<source::Outcome> outcome = source::SystemProcessRunner().run(command);
    if (!outcome || outcome->status != 0) throw std::runtime_error(outcome ? outcome->err : outcome.error().message);
    return std::string(trim(outcome->out));
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace serin::gitops::testing
