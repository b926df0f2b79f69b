#include "rollout/plan/pod_template.h"

#include "base/hash.h"
#include "kube/builtin_defaults.h"
#include "rollout/names.h"

namespace serin::rollout {

json::value normalized_template(const json::value& pod_template) {
  json::value out = pod_template;
  kube::default_pod_template(out);
  json::erase(out, {"metadata", "labels", kHashLabel});
  json::erase(out, {"metadata", "creationTimestamp"});
  // The deprecated twin of serviceAccountName, which the API server keeps in step with it.
  json::erase(out, {"spec", "serviceAccount"});
  for (std::string_view map : {"labels", "annotations"}) {
    if (const json::object* members = json::find_object(out, "metadata", map); members && members->empty())
      json::erase(out, {"metadata", map});
  }
  if (const json::object* metadata = json::find_object(out, "metadata"); metadata && metadata->empty())
    json::erase(out, {"metadata"});
  return out;
}

std::string pod_template_hash(const json::value& normalized, int64_t collisions) {
  std::string bytes = json::dump_canonical(normalized);
  if (collisions > 0) bytes += "#" + std::to_string(collisions);
  return safe_encode(std::to_string(fnv1a_32(bytes)));
}

}  // namespace serin::rollout
