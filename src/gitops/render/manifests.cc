#include "gitops/render/manifests.h"

#include "base/strings.h"
#include "data/yaml.h"

namespace serin::gitops::render {
namespace {

constexpr std::string_view kSkipMark = "+argocd:skip-file-rendering";

tl::unexpected<Error> wrong(const std::string& file, int line, std::string_view what) {
  return fail(Code::kInvalid, concat(file, ":", line, ": ", what));
}

/// A YAML error begins with its own line; the file goes before it.
tl::unexpected<Error> unreadable(const std::string& file, std::string_view message) {
  if (message.starts_with("line ")) {
    auto parts = cut(message.substr(5), ',');
    if (parts) return fail(Code::kInvalid, concat(file, ":", parts->first, ": invalid YAML:", parts->second));
  }
  return fail(Code::kInvalid, concat(file, ": ", message));
}

Result<void> add(Manifests& out, const std::string& file, int line, json::value doc) {
  if (!doc.is_object()) return wrong(file, line, "an object must be a map with apiVersion, kind and metadata");
  std::string_view kind = json::get_string(doc, "kind");
  if (json::get_string(doc, "apiVersion").empty()) return wrong(file, line, "apiVersion is missing");
  if (kind.empty()) return wrong(file, line, "kind is missing");
  if (json::value* items = json::find(doc, "items"); items && items->is_array() && kind.ends_with("List")) {
    for (json::value& item : items->get_array()) SERIN_TRY(add(out, file, line, std::move(item)));
    return {};
  }
  if (const json::value* name = json::find(doc, "metadata", "name"); name && !name->is_string() && !name->is_null())
    return wrong(file, line, concat("metadata.name of this ", kind, " must be a string, but YAML reads it as ", json::dump(*name),
                                    "; write it in quotes"));
  if (json::get_string(doc, "metadata", "name").empty() && json::get_string(doc, "metadata", "generateName").empty())
    return wrong(file, line, concat("metadata.name of this ", kind, " is missing"));
  out.push_back({kube::Object(std::move(doc)), file, line});
  return {};
}

Result<std::vector<yaml::Document>> documents_of(const source::File& file) {
  if (file.path.ends_with(".json"))
    if (Result<json::value> doc = json::parse(file.bytes)) return std::vector<yaml::Document>{{std::move(*doc), 1}};
  Result<std::vector<yaml::Document>> documents = yaml::parse_all(file.bytes);
  if (!documents) return unreadable(file.path, documents.error().message);
  return documents;
}

}  // namespace

Result<Manifests> parse_manifests(const std::vector<source::File>& files) {
  Manifests manifests;
  for (const source::File& file : files) {
    if (file.bytes.find(kSkipMark) != std::string::npos) continue;
    for (yaml::Document& document : SERIN_TRY(documents_of(file)))
      SERIN_TRY(add(manifests, file.path, document.line, std::move(document.value)));
  }
  return manifests;
}

Result<std::shared_ptr<const Manifests>> ManifestCache::render(source::Repository& repository, const std::string& commit,
                                                               const std::string& path,
                                                               const source::Selection& selection) {
  std::string tree = SERIN_TRY(repository.tree(commit, path));
  std::string key = concat(tree, selection.recurse ? "r" : "", "\n", selection.include, "\n", selection.exclude);
  // Where symlinks are followed the tree's id doesn't say all, and the commit's does.
  std::string linked_key = concat(key, "\n", commit);
  {
    std::lock_guard lock(mutex_);
    for (const std::string& known : {key, linked_key})
      if (auto found = entries_.find(known); found != entries_.end()) {
        order_.splice(order_.begin(), order_, found->second.used);
        return found->second.manifests;
      }
    ++misses_;
  }
  std::vector<source::File> files = SERIN_TRY(repository.files(commit, path, selection));
  auto manifests = std::make_shared<const Manifests>(SERIN_TRY(parse_manifests(files)));
  for (const source::File& file : files)
    if (file.linked) key = linked_key;
  std::lock_guard lock(mutex_);
  if (auto found = entries_.find(key); found != entries_.end()) return found->second.manifests;
  order_.push_front(key);
  entries_[key] = {manifests, order_.begin()};
  if (entries_.size() > capacity_) {
    entries_.erase(order_.back());
    order_.pop_back();
  }
  return manifests;
}

size_t ManifestCache::misses() const {
  std::lock_guard lock(mutex_);
  return misses_;
}

}  // namespace serin::gitops::render
