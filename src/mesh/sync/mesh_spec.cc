#include "mesh/sync/mesh_spec.h"

namespace serin::mesh {

MeshSpec MeshSpec::read(const kube::Object& object) {
  MeshSpec out;
  const json::value& doc = object.doc();
  if (std::string_view hosted = json::get_string(doc, "spec", "hosted"); !hosted.empty())
    out.hosted = std::string(hosted);
  for (const json::value& member : json::items(doc, "spec", "members"))
    out.members.emplace_back(json::get_string(member, "cluster"));
  for (const json::value& cluster : json::items(doc, "spec", "synchronise"))
    out.synchronise.emplace_back(json::as_string(&cluster));
  out.auto_remove = json::get_bool(doc, true, "spec", "autoRemove");
  return out;
}

}  // namespace serin::mesh
