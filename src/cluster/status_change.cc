#include "cluster/status_change.h"

#include "data/patch.h"

namespace serin::cluster {

json::value status_of(const kube::Object& object) {
  const json::value* live = json::find(object.doc(), "status");
  return live && live->is_object() ? *live : json::value(json::object());
}

std::optional<client::Write> status_change(const kube::Resource& resource, const kube::Object& object,
                                           const json::value& wanted) {
  json::value live = status_of(object);
  json::value change = json::make_merge_patch(live, wanted);
  std::vector<std::string> nothing;
  for (const auto& [name, value] : change.as_object()) {
    bool empty = (value.is_number() && json::as_int(&value) == 0) || (value.is_object() && value.get_object().empty());
    if (empty && !json::find(live, name)) nothing.emplace_back(name);
  }
  for (const std::string& name : nothing) change.as_object().erase(name);
  if (change.as_object().empty()) return std::nullopt;
  client::Write write = client::patch_status(resource, object.key(), std::move(change), "status");
  json::set(write.patch.body, {"metadata", "resourceVersion"}, json::value(object.version().str()));
  return write;
}

}  // namespace serin::cluster
