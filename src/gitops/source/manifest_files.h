#pragma once

/// Walks a directory of a commit and reads its manifest files.

#include "gitops/source/repository.h"

namespace serin::gitops::source {

/// As Repository::files.
Result<std::vector<File>> manifest_files(const GitObjects& objects, const std::string& commit, const std::string& path,
                                         const Selection& selection, const Limits& limits);

/// As Repository::tree.
Result<std::string> directory_tree(const GitObjects& objects, const std::string& commit, const std::string& path);

}  // namespace serin::gitops::source
