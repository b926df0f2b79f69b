#include "gitops/sync/tracking.h"

#include "base/strings.h"

namespace serin::gitops::sync {

std::string tracking_id(const std::string& application, const kube::Object& object, const std::string& ns) {
  kube::GroupVersionKind gvk = object.gvk();
  std::string own(object.ns());
  return concat(application, ":", gvk.group, "/", gvk.kind, ":", own.empty() ? ns : own, "/", object.name());
}

std::optional<std::string> tracked_by(const kube::Object& live) {
  std::string_view id = live.annotation(kTrackingId);
  auto head = cut(id, ':');
  if (!head || head->first.empty()) return std::nullopt;
  std::string application(head->first);
  // A cluster-scoped object's id carries a namespace that the object doesn't know; it ends like the object.
  std::string ns(live.ns());
  if (ns.empty()) {
    auto tail = cut(head->second, ':');
    if (!tail) return std::nullopt;
    ns = std::string(tail->second.substr(0, tail->second.find('/')));
  }
  if (id != tracking_id(application, live, ns)) return std::nullopt;
  return application;
}

}  // namespace serin::gitops::sync
