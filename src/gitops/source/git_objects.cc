#include "gitops/source/git_objects.h"

#include <git2.h>

#include <mutex>

#include "base/c_handle.h"
#include "base/strings.h"

namespace serin::gitops::source {
namespace {

using ObjectPtr = std::unique_ptr<git_object, FreedBy<git_object_free>>;
using ReferencePtr = std::unique_ptr<git_reference, FreedBy<git_reference_free>>;
using TreePtr = std::unique_ptr<git_tree, FreedBy<git_tree_free>>;
using TreeEntryPtr = std::unique_ptr<git_tree_entry, FreedBy<git_tree_entry_free>>;
using BlobPtr = std::unique_ptr<git_blob, FreedBy<git_blob_free>>;

std::string last_problem() {
  const git_error* error = git_error_last();
  return error && error->message ? error->message : "unknown problem";
}

std::string hex(const git_oid& id) {
  char text[GIT_OID_HEXSZ];
  git_oid_fmt(text, &id);
  return {text, sizeof text};
}

bool is_hex(std::string_view text) {
  for (char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) return false;
  return true;
}

std::optional<std::string> peeled_commit(git_object* object) {
  git_object* commit = nullptr;
  if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0) return std::nullopt;
  ObjectPtr owned(commit);
  return hex(*git_object_id(commit));
}

std::string trimmed_path(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path == "." ? std::string() : std::string(path);
}

}  // namespace

struct GitObjects::Library {
  Library() {
    git_libgit2_init();
    // Owner checks protect commands that run what a repository configures; here only objects are read.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  }
  ~Library() {
    git_repository_free(repository);
    git_libgit2_shutdown();
  }
  Result<TreePtr> tree(const std::string& id) {
    git_oid oid;
    git_tree* found = nullptr;
    if (git_oid_fromstr(&oid, id.c_str()) != 0 || git_tree_lookup(&found, repository, &oid) != 0)
      return fail(Code::kUnavailable, concat("tree ", id, ": ", last_problem()));
    return TreePtr(found);
  }

  std::mutex mutex;
  git_repository* repository = nullptr;  // guarded by mutex
};

GitObjects::GitObjects(std::unique_ptr<Library> library) : library_(std::move(library)) {}
GitObjects::~GitObjects() = default;

Result<std::unique_ptr<GitObjects>> GitObjects::open(const std::string& directory) {
  auto library = std::make_unique<Library>();
  if (git_repository_open_ext(&library->repository, directory.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) != 0)
    return fail(Code::kUnavailable, last_problem());
  return std::unique_ptr<GitObjects>(new GitObjects(std::move(library)));
}

Result<std::optional<std::string>> GitObjects::resolve(const std::string& revision) const {
  std::lock_guard lock(library_->mutex);
  git_repository* repository = library_->repository;
  std::string wanted = revision.empty() ? "HEAD" : revision;
  for (std::string_view prefix : {"refs/heads/", "refs/tags/", "refs/remotes/origin/", ""}) {
    std::string name = concat(prefix, wanted);
    if (prefix.empty() && wanted != "HEAD" && !wanted.starts_with("refs/")) continue;
    if (!prefix.empty() && wanted == "HEAD") continue;
    int valid = 0;
    git_reference_name_is_valid(&valid, name.c_str());
    if (!valid) continue;
    git_reference* found = nullptr;
    if (git_reference_lookup(&found, repository, name.c_str()) != 0) continue;
    ReferencePtr reference(found);
    git_object* object = nullptr;
    if (git_reference_peel(&object, found, GIT_OBJECT_COMMIT) != 0) continue;
    ObjectPtr commit(object);
    return hex(*git_object_id(object));
  }
  if (wanted.size() >= 7 && wanted.size() <= GIT_OID_HEXSZ && is_hex(wanted)) {
    git_oid id;
    git_object* object = nullptr;
    if (git_oid_fromstrn(&id, wanted.data(), wanted.size()) == 0 &&
        git_object_lookup_prefix(&object, repository, &id, wanted.size(), GIT_OBJECT_ANY) == 0) {
      ObjectPtr owned(object);
      return peeled_commit(object);
    }
  }
  return std::nullopt;
}

bool GitObjects::has_commit(const std::string& id) const {
  std::lock_guard lock(library_->mutex);
  git_oid oid;
  git_commit* commit = nullptr;
  if (git_oid_fromstr(&oid, id.c_str()) != 0 || git_commit_lookup(&commit, library_->repository, &oid) != 0)
    return false;
  git_commit_free(commit);
  return true;
}

Result<std::optional<std::string>> GitObjects::tree(const std::string& commit, const std::string& path) const {
  std::lock_guard lock(library_->mutex);
  git_oid oid;
  git_commit* found = nullptr;
  if (git_oid_fromstr(&oid, commit.c_str()) != 0 || git_commit_lookup(&found, library_->repository, &oid) != 0)
    return fail(Code::kUnavailable, concat("commit ", commit, ": ", last_problem()));
  git_oid root = *git_commit_tree_id(found);
  git_commit_free(found);
  std::string inside = trimmed_path(path);
  if (inside.empty()) return hex(root);
  TreePtr tree = SERIN_TRY(library_->tree(hex(root)));
  git_tree_entry* entry = nullptr;
  if (git_tree_entry_bypath(&entry, tree.get(), inside.c_str()) != 0) return std::nullopt;
  TreeEntryPtr owned(entry);
  if (git_tree_entry_type(entry) != GIT_OBJECT_TREE) return std::nullopt;
  return hex(*git_tree_entry_id(entry));
}

Result<std::vector<TreeEntry>> GitObjects::entries(const std::string& id) const {
  std::lock_guard lock(library_->mutex);
  TreePtr tree = SERIN_TRY(library_->tree(id));
  std::vector<TreeEntry> entries;
  for (size_t i = 0; i < git_tree_entrycount(tree.get()); ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree.get(), i);
    TreeEntry::Kind kind = TreeEntry::Kind::kFile;
    switch (git_tree_entry_filemode(entry)) {
      case GIT_FILEMODE_TREE: kind = TreeEntry::Kind::kDirectory; break;
      case GIT_FILEMODE_LINK: kind = TreeEntry::Kind::kSymlink; break;
      case GIT_FILEMODE_COMMIT: kind = TreeEntry::Kind::kSubmodule; break;
      default: break;
    }
    entries.push_back({kind, git_tree_entry_name(entry), hex(*git_tree_entry_id(entry))});
  }
  return entries;
}

Result<std::string> GitObjects::blob(const std::string& id, size_t max_bytes) const {
  std::lock_guard lock(library_->mutex);
  git_oid oid;
  git_blob* found = nullptr;
  if (git_oid_fromstr(&oid, id.c_str()) != 0 || git_blob_lookup(&found, library_->repository, &oid) != 0)
    return fail(Code::kUnavailable, concat("blob ", id, ": ", last_problem()));
  BlobPtr blob(found);
  auto size = static_cast<uint64_t>(git_blob_rawsize(found));
  if (size > max_bytes) return fail(Code::kTooLarge, concat("it has ", size, " bytes; at most ", max_bytes, " are read"));
  return std::string(static_cast<const char*>(git_blob_rawcontent(found)), size);
}

}  // namespace serin::gitops::source
