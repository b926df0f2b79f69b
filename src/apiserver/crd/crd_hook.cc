#include "apiserver/crd/crd.h"
#include "apiserver/rest/builtin_rules.h"
#include "apiserver/rest/rest.h"

namespace serin::apiserver {

std::function<void()> Rest::crd_hook(const Target& target, const json::value& doc) const {
  if (!is_resource(*target.resource, "apiextensions.k8s.io", "customresourcedefinitions")) return {};
  std::vector<ServedPtr> resources;
  if (!doc.is_null())
    if (auto served = served_by(doc)) resources = *std::move(served);
  // Runs in commit order, so that what is served follows what is stored.
  return [cluster = target.cluster, name = std::string(target.name.name), resources = std::move(resources)] {
    cluster->set_catalog(cluster->catalog()->with_crd(name, resources));
  };
}

}  // namespace serin::apiserver
