#include "gitops/source/repository.h"

#include <filesystem>

#include "base/hash.h"
#include "base/strings.h"
#include "gitops/source/manifest_files.h"

namespace serin::gitops::source {
namespace {

tl::unexpected<Error> unreachable(std::string_view url, std::string_view why) {
  std::string message = concat("repository ", without_credentials(url), ": ", why);
  return fail(Error{Code::kUnavailable, message, {{std::string(kRepositoryUnreachable), message, "spec.source.repoURL"}}, {}, false});
}

tl::unexpected<Error> no_revision(std::string_view url, std::string_view revision) {
  std::string message = concat("there is no branch, tag or commit \"", revision, "\" in ", without_credentials(url));
  return fail(Error{Code::kNotFound, message, {{std::string(kRevisionNotFound), message, "spec.source.targetRevision"}}, {}, false});
}

bool is_commit_id(std::string_view text) {
  if (text.size() != 40) return false;
  for (char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}

/// A repository on this machine, read where it is.
class LocalRepository final : public Repository {
 public:
  LocalRepository(std::string path, Limits limits) : path_(std::move(path)), limits_(limits) {}

  Result<std::string> resolve(const std::string& revision, Freshness) override {
    std::shared_ptr<GitObjects> objects = SERIN_TRY(reopen());
    std::optional<std::string> commit = SERIN_TRY(objects->resolve(revision));
    if (!commit) return no_revision(path_, revision.empty() ? "HEAD" : revision);
    return std::move(*commit);
  }
  Result<std::string> tree(const std::string& commit, const std::string& path) override {
    return directory_tree(*SERIN_TRY(opened()), commit, path);
  }
  Result<std::vector<File>> files(const std::string& commit, const std::string& path, const Selection& selection) override {
    return manifest_files(*SERIN_TRY(opened()), commit, path, selection, limits_);
  }
  bool local() const override { return true; }

 private:
  /// A handle that knows today's references and packs: somebody else writes this repository.
  Result<std::shared_ptr<GitObjects>> reopen() {
    Result<std::unique_ptr<GitObjects>> objects = GitObjects::open(path_);
    if (!objects) return unreachable(path_, objects.error().message);
    std::lock_guard lock(mutex_);
    objects_ = std::move(*objects);
    return objects_;
  }
  Result<std::shared_ptr<GitObjects>> opened() {
    {
      std::lock_guard lock(mutex_);
      if (objects_) return objects_;
    }
    return reopen();
  }

  const std::string path_;
  const Limits limits_;
  std::mutex mutex_;
  std::shared_ptr<GitObjects> objects_;  // guarded by mutex_
};

/// A repository behind a URL, fetched commit by commit into a bare one of our own.
class RemoteRepository final : public Repository {
 public:
  RemoteRepository(ProcessRunner& runner, const Clock& clock, std::string url, std::string directory, Limits limits)
      : runner_(runner), clock_(clock), url_(std::move(url)), directory_(std::move(directory)), limits_(limits) {}

  Result<std::string> resolve(const std::string& revision, Freshness freshness) override {
    std::lock_guard lock(mutex_);
    SERIN_TRY(prepare());
    std::string wanted = revision.empty() ? "HEAD" : revision;
    if (is_commit_id(wanted)) {
      if (!objects_->has_commit(wanted)) SERIN_TRY(fetch_commit(wanted));
      return wanted;
    }
    if (freshness == Freshness::kLatest || references_.empty() || clock_.now() - listed_at_ >= limits_.recent)
      SERIN_TRY(list_references());
    for (std::string_view prefix : {"refs/heads/", "refs/tags/", ""}) {
      if (prefix.empty() && wanted != "HEAD" && !wanted.starts_with("refs/")) continue;
      std::string name = concat(prefix, wanted);
      auto found = references_.find(name);
      if (found == references_.end()) continue;
      auto peeled = references_.find(name + "^{}");
      std::string commit = peeled == references_.end() ? found->second : peeled->second;
      if (!objects_->has_commit(commit)) SERIN_TRY(fetch_reference(name, commit));
      return commit;
    }
    // A commit id that is not written out can only be one that is here already.
    std::optional<std::string> known = SERIN_TRY(objects_->resolve(wanted));
    if (!known) return no_revision(url_, wanted);
    return std::move(*known);
  }
  Result<std::string> tree(const std::string& commit, const std::string& path) override {
    std::lock_guard lock(mutex_);
    SERIN_TRY(prepare());
    return directory_tree(*objects_, commit, path);
  }
  Result<std::vector<File>> files(const std::string& commit, const std::string& path, const Selection& selection) override {
    std::lock_guard lock(mutex_);
    SERIN_TRY(prepare());
    return manifest_files(*objects_, commit, path, selection, limits_);
  }
  bool local() const override { return false; }

 private:
  Result<Outcome> git(std::vector<std::string> arguments) {
    Command command;
    command.arguments = {"git", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
                         "-c", "fetch.recurseSubmodules=false", "-c", "protocol.allow=never"};
    auto allow = [&](std::string_view protocol) {
      command.arguments.insert(command.arguments.end(), {"-c", concat("protocol.", protocol, ".allow=always")});
    };
    if (url_.starts_with("file://")) {
      allow("file");
    } else {
      for (std::string_view protocol : {"https", "http", "ssh", "git"}) allow(protocol);
    }
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    command.environment = {"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false",
                           "GIT_SSH_COMMAND=ssh -oBatchMode=yes", "LC_ALL=C", "GIT_DIR", "GIT_WORK_TREE",
                           "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"};
    command.timeout = limits_.fetch_timeout;
    command.max_file_bytes = limits_.max_pack_bytes;
    Result<Outcome> outcome = runner_.run(command);
    if (!outcome) return unreachable(url_, outcome.error().message);
    if (outcome->status != 0) return unreachable(url_, problem_of(outcome->err));
    return outcome;
  }

  /// The lines of git that say what went wrong, on one line and without credentials.
  std::string problem_of(const std::string& text) const {
    std::vector<std::string> lines;
    for (std::string_view line : split(text, '\n')) {
      line = trim(line);
      if (line.starts_with("fatal: ") || line.starts_with("error: ") || line.starts_with("remote: ")) line.remove_prefix(line.find(' ') + 1);
      else if (!lines.empty() || line.empty()) continue;
      lines.emplace_back(line);
    }
    std::string problem = lines.empty() ? "git failed" : join(lines, "; ");
    for (size_t at; (at = problem.find(url_)) != std::string::npos && without_credentials(url_) != url_;)
      problem.replace(at, url_.size(), without_credentials(url_));
    return problem;
  }

  Result<void> prepare() {
    if (objects_) return {};
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error) return fail(Code::kUnavailable, concat("the cache directory ", directory_, ": ", error.message()));
    if (!std::filesystem::exists(directory_ + "/HEAD")) SERIN_TRY(git({"init", "-q", "--bare", "--template=", "--", directory_}));
    objects_ = SERIN_TRY(GitObjects::open(directory_));
    return {};
  }

  Result<void> list_references() {
    Outcome answer = SERIN_TRY(git({"ls-remote", "--", url_}));
    references_.clear();
    for (std::string_view line : split(answer.out, '\n')) {
      auto parts = cut(line, '\t');
      if (parts && is_commit_id(parts->first)) references_.emplace(parts->second, parts->first);
    }
    listed_at_ = clock_.now();
    return {};
  }

  /// Fetches under a name of ours, so that the objects are never garbage.
  Result<void> fetch(const std::string& what, const std::string& commit, bool shallow) {
    std::vector<std::string> arguments{"--git-dir", directory_, "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--force"};
    if (shallow) arguments.emplace_back("--depth=1");
    arguments.insert(arguments.end(), {"--", url_, concat(what, ":refs/serin/", commit)});
    SERIN_TRY(git(std::move(arguments)));
    objects_ = SERIN_TRY(GitObjects::open(directory_));
    return {};
  }

  Result<void> fetch_reference(const std::string& name, const std::string& commit) {
    SERIN_TRY(fetch(name, commit, true));
    // The reference may have moved since it was listed; then the commit it had is fetched by its id.
    if (!objects_->has_commit(commit)) return fetch_commit(commit);
    return {};
  }

  Result<void> fetch_commit(const std::string& commit) {
    Result<void> fetched = fetch(commit, commit, true);
    if (fetched && objects_->has_commit(commit)) return {};
    // Servers need not give out a commit by its id; all branches and tags together hold it if anything does.
    SERIN_TRY(git({"--git-dir", directory_, "fetch", "-q", "--no-write-fetch-head", "--force",
                   std::filesystem::exists(directory_ + "/shallow") ? "--unshallow" : "--no-auto-gc", "--", url_,
                   "+refs/heads/*:refs/serin/heads/*", "+refs/tags/*:refs/serin/tags/*"}));
    objects_ = SERIN_TRY(GitObjects::open(directory_));
    if (!objects_->has_commit(commit)) return no_revision(url_, commit);
    return {};
  }

  ProcessRunner& runner_;
  const Clock& clock_;
  const std::string url_;
  const std::string directory_;
  const Limits limits_;
  std::mutex mutex_;                               // guards all below
  std::shared_ptr<GitObjects> objects_;
  std::map<std::string, std::string> references_;  // name to object id; "name^{}" for what a tag points at
  TimePoint listed_at_{};
};

bool is_remote(std::string_view url) {
  for (std::string_view scheme : {"https://", "http://", "ssh://", "git://", "file://"})
    if (url.starts_with(scheme)) return true;
  size_t colon = url.find(':');  // user@host:path
  return colon != std::string_view::npos && url.find('@') < colon && url.find('/') > colon && !url.starts_with('-');
}

}  // namespace

std::string without_credentials(std::string_view url) {
  size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  size_t host = scheme + 3;
  size_t end = url.find('/', host);
  size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return concat(url.substr(0, host), url.substr(at + 1));
}

Repositories::Repositories(ProcessRunner& runner, const Clock& clock, std::string cache_dir, Limits limits)
    : runner_(runner), clock_(clock), cache_dir_(std::move(cache_dir)), limits_(limits) {}

Result<std::shared_ptr<Repository>> Repositories::open(const std::string& url) {
  bool path = url.starts_with('/');
  if (!path && !is_remote(url))
    return fail(Error{Code::kInvalid, concat("\"", url, "\" is neither an absolute path nor a repository URL"), {}, {}, false});
  std::lock_guard lock(mutex_);
  std::shared_ptr<Repository>& repository = open_[url];
  if (!repository) {
    if (path) repository = std::make_shared<LocalRepository>(url, limits_);
    else
      repository = std::make_shared<RemoteRepository>(runner_, clock_, url,
                                                      concat(cache_dir_, "/", sha256_hex(url).substr(0, 32), ".git"), limits_);
  }
  return repository;
}

}  // namespace serin::gitops::source
