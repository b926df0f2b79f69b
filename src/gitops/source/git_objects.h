#pragma once

/// Reading a Git repository on this machine: references, commits, trees and blobs. Nothing is ever checked out,
/// and nothing of the repository's configuration is run. One object serves any number of threads.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace serin::gitops::source {

struct TreeEntry {
  enum class Kind { kFile, kDirectory, kSymlink, kSubmodule } kind;
  std::string name;
  std::string id;  ///< 40 hex digits
};

class GitObjects {
 public:
  /// `directory` is a bare repository or a work tree's root. kUnavailable where it is neither.
  static Result<std::unique_ptr<GitObjects>> open(const std::string& directory);
  ~GitObjects();

  /// The commit of a branch, tag, remote branch (of `origin`), full reference, commit id (at least 7 digits) or
  /// HEAD; tags are peeled. nullopt where there is none. Other revision syntax ("HEAD~1") is not understood.
  Result<std::optional<std::string>> resolve(const std::string& revision) const;
  bool has_commit(const std::string& id) const;

  /// The tree of a directory of a commit; "" and "." are the root. nullopt where there is no such directory.
  Result<std::optional<std::string>> tree(const std::string& commit, const std::string& path) const;
  Result<std::vector<TreeEntry>> entries(const std::string& tree) const;
  /// kTooLarge beyond `max_bytes`.
  Result<std::string> blob(const std::string& id, size_t max_bytes) const;

 private:
  struct Library;
  explicit GitObjects(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

}  // namespace serin::gitops::source
