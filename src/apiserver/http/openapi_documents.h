#pragma once

/// The OpenAPI v3 documents of one catalog, each made when it is first asked for. Safe from any thread.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "apiserver/catalog.h"

namespace serin::apiserver {

class OpenApiDocuments {
 public:
  explicit OpenApiDocuments(CatalogPtr catalog) : catalog_(std::move(catalog)) {}
  const CatalogPtr& catalog() const { return catalog_; }

  std::shared_ptr<const std::string> document(const kube::GroupVersion&);
  /// Changes with the resources and schemas of the group version. Cheap: does not make the document.
  std::string hash(const kube::GroupVersion&);

 private:
  CatalogPtr catalog_;
  std::mutex mutex_;
  std::map<kube::GroupVersion, std::shared_ptr<const std::string>> made_;  // guarded by mutex_
};

}  // namespace serin::apiserver
