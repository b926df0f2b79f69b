#include "apiserver/http/openapi_documents.h"

#include "base/hash.h"
#include "base/strings.h"

namespace serin::apiserver {

std::shared_ptr<const std::string> OpenApiDocuments::document(const kube::GroupVersion& gv) {
  std::lock_guard lock(mutex_);
  auto& slot = made_[gv];
  if (!slot) {
    std::vector<const kube::ResourceInfo*> resources;
    for (const ServedPtr& served : catalog_->all())
      if (served->resource().group == gv.group && served->resource().version == gv.version) resources.push_back(&served->info);
    slot = std::make_shared<const std::string>(json::dump(kube::openapi_v3(gv, resources)));
  }
  return slot;
}

std::string OpenApiDocuments::hash(const kube::GroupVersion& gv) {
  std::string text = gv.api_version();
  for (const ServedPtr& served : catalog_->all())
    if (served->resource().group == gv.group && served->resource().version == gv.version)
      text += concat('/', served->resource().plural, '/', served->definition);
  return sha256_hex(text).substr(0, 32);
}

}  // namespace serin::apiserver
