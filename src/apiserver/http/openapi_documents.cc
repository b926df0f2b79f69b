#include "apiserver/http/openapi_documents.h"

#include "base/hash.h"
#include "base/strings.h"
#include "kube/openapi_v2.h"

namespace serin::apiserver {

json::value OpenApiDocuments::v3(const kube::GroupVersion& gv) const {
  std::vector<const kube::ResourceInfo*> resources;
  for (const ServedPtr& served : catalog_->all())
    if (served->resource().group == gv.group && served->resource().version == gv.version) resources.push_back(&served->info);
  return kube::openapi_v3(gv, resources);
}

std::shared_ptr<const std::string> OpenApiDocuments::document(const kube::GroupVersion& gv) {
  std::lock_guard lock(mutex_);
  auto& slot = made_[gv];
  if (!slot) slot = std::make_shared<const std::string>(json::dump(v3(gv)));
  return slot;
}

std::shared_ptr<const std::string> OpenApiDocuments::v2(bool protobuf) {
  std::lock_guard lock(mutex_);
  auto& slot = protobuf ? v2_protobuf_ : v2_json_;
  if (!slot) {
    kube::OpenApiV2 all;
    for (const std::string& group : catalog_->groups())
      for (const std::string& version : catalog_->versions(group)) all.add(v3(kube::GroupVersion{group, version}));
    json::value document = all.finish();
    slot = std::make_shared<const std::string>(protobuf ? kube::gnostic_v2(document) : json::dump(document));
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

std::string OpenApiDocuments::hash() {
  std::string text;
  for (const std::string& group : catalog_->groups())
    for (const std::string& version : catalog_->versions(group)) text += hash(kube::GroupVersion{group, version});
  return sha256_hex(text).substr(0, 32);
}

}  // namespace serin::apiserver
