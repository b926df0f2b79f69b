#pragma once

/// From files to objects: the directory source. Pure, but for the cache.

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gitops/source/repository.h"
#include "kube/object.h"

namespace serin::gitops::render {

struct Manifest {
  kube::Object object;
  std::string file;  ///< relative to the source's path
  int line = 1;      ///< where its document begins
};
using Manifests = std::vector<Manifest>;

/// Every object of the files, in order. A file may hold many documents; a List is replaced by its items; a file
/// that says "+argocd:skip-file-rendering" is left out. kInvalid names file and line: "app/x.yaml:12: ...".
Result<Manifests> parse_manifests(const std::vector<source::File>& files);

/// Rendered sources by what went into them, so that a commit that leaves a path alone renders nothing. Keeps
/// the `capacity` sources used last. Safe from any thread.
class ManifestCache {
 public:
  explicit ManifestCache(size_t capacity = 512) : capacity_(capacity) {}

  /// The manifests of a directory at a commit, from the cache where its tree and the selection are known.
  Result<std::shared_ptr<const Manifests>> render(source::Repository& repository, const std::string& commit,
                                                  const std::string& path, const source::Selection& selection);
  /// How often `render` had to read files, for metrics and tests.
  size_t misses() const;

 private:
  struct Entry {
    std::shared_ptr<const Manifests> manifests;
    std::list<std::string>::iterator used;
  };
  const size_t capacity_;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, Entry> entries_;
  std::list<std::string> order_;  // most recently used first
  size_t misses_ = 0;
};

}  // namespace serin::gitops::render
