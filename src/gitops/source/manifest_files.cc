#include "gitops/source/manifest_files.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::gitops::source {
namespace {

constexpr int kMaxLinks = 8;
constexpr int kMaxDepth = 64;

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

/// `target` as seen from `directory`, both inside the repository; nullopt where it leaves the repository.
std::optional<std::string> follow(std::string_view directory, std::string_view target) {
  if (target.starts_with('/')) return std::nullopt;
  std::vector<std::string> parts;
  for (std::string_view text : {directory, target}) {
    for (std::string_view part : split(text, '/')) {
      if (part.empty() || part == ".") continue;
      if (part != "..") parts.emplace_back(part);
      else if (parts.empty()) return std::nullopt;
      else parts.pop_back();
    }
  }
  return join(parts, "/");
}

class Walk {
 public:
  Walk(const GitObjects& objects, const std::string& commit, const Selection& selection, const Limits& limits)
      : objects_(objects), commit_(commit), selection_(selection), limits_(limits) {}

  Result<void> directory(const std::string& tree, const std::string& in_repository, const std::string& relative, int depth) {
    if (depth > kMaxDepth) return fail(Code::kTooLarge, concat(in_repository, ": directories nest too deeply"));
    for (const TreeEntry& entry : SERIN_TRY(objects_.entries(tree))) {
      std::string path = relative.empty() ? entry.name : concat(relative, "/", entry.name);
      if (entry.kind == TreeEntry::Kind::kDirectory) {
        if (selection_.recurse)
          SERIN_TRY(directory(entry.id, concat(in_repository, "/", entry.name), path, depth + 1));
        continue;
      }
      if (entry.kind == TreeEntry::Kind::kSubmodule || !selected(entry.name, path)) continue;
      std::string blob = entry.id;
      if (entry.kind == TreeEntry::Kind::kSymlink) {
        std::optional<std::string> target = SERIN_TRY(linked_blob(entry.id, in_repository, path, 0));
        if (!target) continue;
        blob = *target;
      }
      SERIN_TRY(read(blob, path, entry.kind == TreeEntry::Kind::kSymlink));
    }
    return {};
  }

  std::vector<File> take() {
    std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.path < b.path; });
    return std::move(files_);
  }

 private:
  bool selected(std::string_view name, const std::string& path) const {
    if (!is_manifest(name)) return false;
    if (!selection_.exclude.empty() && glob_match(selection_.exclude, path)) return false;
    return selection_.include.empty() || glob_match(selection_.include, path);
  }

  Result<void> read(const std::string& blob, const std::string& path, bool linked) {
    if (files_.size() >= limits_.max_files)
      return fail(Code::kTooLarge, concat("there are more than ", limits_.max_files, " manifest files"));
    Result<std::string> bytes = objects_.blob(blob, limits_.max_file_bytes);
    if (!bytes) return fail(bytes.error().code, concat(path, ": ", bytes.error().message));
    total_ += bytes->size();
    if (total_ > limits_.max_total_bytes)
      return fail(Code::kTooLarge, concat("the manifest files have more than ", limits_.max_total_bytes, " bytes in all"));
    files_.push_back({path, std::move(*bytes), linked});
    return {};
  }

  /// The file a symlink leads to; nullopt where it leads to a directory or nowhere.
  Result<std::optional<std::string>> linked_blob(const std::string& link, const std::string& directory,
                                                 const std::string& path, int links) {
    if (links >= kMaxLinks) return fail(Code::kInvalid, concat(path, ": too many levels of symlinks"));
    std::string target = SERIN_TRY(objects_.blob(link, 4096));
    std::optional<std::string> inside = follow(directory, target);
    if (!inside)
      return fail(Code::kForbidden, concat(path, ": the symlink to \"", target, "\" leaves the repository"));
    size_t slash = inside->rfind('/');
    std::string parent = slash == std::string::npos ? "" : inside->substr(0, slash);
    std::string name = slash == std::string::npos ? *inside : inside->substr(slash + 1);
    std::optional<std::string> tree = SERIN_TRY(objects_.tree(commit_, parent));
    if (!tree) return std::optional<std::string>();
    for (const TreeEntry& entry : SERIN_TRY(objects_.entries(*tree))) {
      if (entry.name != name) continue;
      if (entry.kind == TreeEntry::Kind::kFile) return std::optional<std::string>(entry.id);
      if (entry.kind == TreeEntry::Kind::kSymlink) return linked_blob(entry.id, parent, path, links + 1);
    }
    return std::optional<std::string>();
  }

  const GitObjects& objects_;
  const std::string& commit_;
  const Selection& selection_;
  const Limits& limits_;
  std::vector<File> files_;
  size_t total_ = 0;
};

}  // namespace

Result<std::string> directory_tree(const GitObjects& objects, const std::string& commit, const std::string& path) {
  std::optional<std::string> tree = SERIN_TRY(objects.tree(commit, path));
  if (tree) return std::move(*tree);
  std::string message = concat("there is no directory \"", path, "\" in revision ", commit.substr(0, 7));
  return fail(Error{Code::kNotFound, message, {{std::string(kPathNotFound), message, "spec.source.path"}}, {}, false});
}

Result<std::vector<File>> manifest_files(const GitObjects& objects, const std::string& commit, const std::string& path,
                                         const Selection& selection, const Limits& limits) {
  std::string tree = SERIN_TRY(directory_tree(objects, commit, path));
  Walk walk(objects, commit, selection, limits);
  SERIN_TRY(walk.directory(tree, path == "." ? "" : path, "", 0));
  return walk.take();
}

}  // namespace serin::gitops::source
