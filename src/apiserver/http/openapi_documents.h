#pragma once

/// The OpenAPI documents of one catalog, each made when it is first asked for. Safe from any thread.

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
  /// Changes with the resources and schemas of any group version. Cheap as well.
  std::string hash();
  /// All group versions in one OpenAPI v2 document, as JSON or in gnostic's protobuf form.
  std::shared_ptr<const std::string> v2(bool protobuf);

 private:
  json::value v3(const kube::GroupVersion&) const;

  CatalogPtr catalog_;
  std::mutex mutex_;
  std::map<kube::GroupVersion, std::shared_ptr<const std::string>> made_;  // guarded by mutex_
  std::shared_ptr<const std::string> v2_json_, v2_protobuf_;                // guarded by mutex_
};

}  // namespace serin::apiserver
