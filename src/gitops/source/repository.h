#pragma once

/// Git repositories that applications come from. A repository on this machine, given as a path, is read in
/// place; one given by URL (https, http, ssh, git, file) is fetched by the `git` program, one commit deep, into a
/// bare repository under the cache directory. Nothing is checked out, no hook runs, nobody is asked for a
/// password. Safe from any thread; calls on one repository wait for each other, on different ones they don't.
///
/// Errors are typed by the reason of their first cause: "RepositoryUnreachable" (kUnavailable), "RevisionNotFound",
/// "PathNotFound" (kNotFound). A URL in a message never shows its password.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "gitops/source/git_objects.h"
#include "gitops/source/process.h"

namespace serin::gitops::source {

inline constexpr std::string_view kRepositoryUnreachable = "RepositoryUnreachable";
inline constexpr std::string_view kRevisionNotFound = "RevisionNotFound";
inline constexpr std::string_view kPathNotFound = "PathNotFound";

struct Limits {
  Duration fetch_timeout = std::chrono::seconds(90);
  uint64_t max_pack_bytes = 1ull << 30;   ///< the largest pack a fetch may write
  size_t max_file_bytes = 10 << 20;       ///< of one manifest
  size_t max_total_bytes = 64 << 20;      ///< of all manifests of one path
  size_t max_files = 10'000;
  /// How long the answer of a server about its references serves `resolve` before it is asked again.
  Duration recent = std::chrono::seconds(120);
};

/// A regular file; symlinks within the repository are followed.
struct File {
  std::string path;  ///< relative to the directory that was asked for
  std::string bytes;
  bool linked = false;  ///< reached by a symlink, so that the directory's tree id doesn't cover its bytes
};

/// Which files of a directory are manifests.
struct Selection {
  bool recurse = false;
  std::string include, exclude;  ///< globs over File::path; empty: everything, nothing
};

class Repository {
 public:
  virtual ~Repository() = default;

  enum class Freshness { kRecent, kLatest };
  /// The commit of a branch, tag, commit id or HEAD (also ""). Afterwards its files can be read.
  virtual Result<std::string> resolve(const std::string& revision, Freshness freshness) = 0;
  /// The id of the tree at a directory: equal ids mean equal contents.
  virtual Result<std::string> tree(const std::string& commit, const std::string& path) = 0;
  /// The .yaml, .yml and .json files of a directory, sorted by path. kForbidden for a symlink that leaves the
  /// repository.
  virtual Result<std::vector<File>> files(const std::string& commit, const std::string& path,
                                          const Selection& selection) = 0;
  /// Whether `resolve` costs no network, so that it may be asked every few seconds.
  virtual bool local() const = 0;
};

/// All repositories of a process, opened once each.
class Repositories {
 public:
  /// `runner` and `clock` outlive this. `cache_dir` is made when the first URL is fetched.
  Repositories(ProcessRunner& runner, const Clock& clock, std::string cache_dir, Limits limits = {});

  /// By URL, "user@host:path", or absolute path. kInvalid for what is none of these.
  Result<std::shared_ptr<Repository>> open(const std::string& url);

 private:
  ProcessRunner& runner_;
  const Clock& clock_;
  const std::string cache_dir_;
  const Limits limits_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Repository>> open_;  // guarded by mutex_
};

/// `url` without user name and password.
std::string without_credentials(std::string_view url);

}  // namespace serin::gitops::source
