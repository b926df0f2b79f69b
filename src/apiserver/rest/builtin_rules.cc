#include "apiserver/rest/builtin_rules.h"

#include <algorithm>

#include "base/strings.h"
#include "kube/builtin_defaults.h"
#include "kube/builtin_validation.h"

namespace serin::apiserver {
namespace {

constexpr int64_t kDefaultGraceSeconds = 30;

/// core/v1 PodQOSClass: Guaranteed where every container's limits for cpu and memory equal its requests.
std::string_view qos_class(const json::value& pod) {
  bool any = false, guaranteed = true;
  for (auto list : {"containers", "initContainers"}) {
    for (const json::value& container : json::items(pod, "spec", list)) {
      for (auto resource : {"cpu", "memory"}) {
        std::string request = json::dump(json::value(nullptr)), limit = request;
        if (auto* v = json::find(container, "resources", "requests", resource)) request = json::dump(*v), any = true;
        if (auto* v = json::find(container, "resources", "limits", resource)) limit = json::dump(*v), any = true;
        bool unset = request == "null";
        if (limit == "null" || (!unset && limit != request)) guaranteed = false;
      }
    }
  }
  return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace

bool is_resource(const ServedResource& served, std::string_view group, std::string_view plural) {
  return served.resource().group == group && served.resource().plural == plural;
}

void initialize_builtin(json::value& doc, const ServedResource& served) {
  if (!served.crd.empty()) {
    if (served.info.status_subresource) json::erase(doc, {"status"});
    return;
  }
  // A Node's agent registers it together with its status.
  if (served.info.status_subresource && !is_resource(served, "", "nodes")) json::erase(doc, {"status"});
  if (is_resource(served, "", "pods")) {
    doc.as_object()["status"] = json::object{{"phase", "Pending"}, {"qosClass", qos_class(doc)}};
  } else if (is_resource(served, "", "namespaces")) {
    json::set(doc, {"spec", "finalizers"}, json::array{"kubernetes"});
    json::set(doc, {"metadata", "labels", "kubernetes.io/metadata.name"},
              json::value(json::get_string(doc, "metadata", "name")));
    doc.as_object()["status"] = json::object{{"phase", "Active"}};
  } else if (is_resource(served, "", "services")) {
    doc.as_object()["status"] = json::object{{"loadBalancer", json::object()}};
  } else if (is_resource(served, "", "persistentvolumeclaims") ||
             is_resource(served, "", "persistentvolumes")) {
    doc.as_object()["status"] = json::object{{"phase", "Pending"}};
  }
}

void keep_builtin(json::value& doc, const kube::Object& current, const ServedResource& served) {
  if (is_resource(served, "", "namespaces")) {
    if (const json::value* kept = json::find(current.doc(), "spec", "finalizers"))
      json::set(doc, {"spec", "finalizers"}, *kept);
    else
      json::erase(doc, {"spec", "finalizers"});
    json::set(doc, {"metadata", "labels", "kubernetes.io/metadata.name"}, json::value(current.name()));
  }
}

bool creates_on_update(const ServedResource& served) {
  if (!served.crd.empty()) return false;
  const kube::Resource& r = served.resource();
  if (r.group.empty())
    for (std::string_view kind : {"Endpoints", "Event", "LimitRange", "PodTemplate", "Service"})
      if (r.kind == kind) return true;
  return r.group == "rbac.authorization.k8s.io" || r.group == "events.k8s.io" || r.kind == "Lease" || r.kind == "PriorityClass" ||
         r.kind == "CertificateSigningRequest";
}

bool updates_unconditionally(const ServedResource& served) {
  if (!served.crd.empty()) return false;
  const kube::Resource& r = served.resource();
  for (std::string_view kind : {"Lease", "PodDisruptionBudget", "CustomResourceDefinition", "APIService"})
    if (r.kind == kind) return false;
  return r.group != "admissionregistration.k8s.io";
}

void default_builtin(json::value& doc, const ServedResource& served) {
  const kube::Resource& resource = served.resource();
  if (served.crd.empty()) kube::apply_builtin_defaults(doc, {resource.group, resource.version, resource.kind});
}

namespace {

/// Ephemeral containers come through their own door, one after the other, and stay as they are.
std::vector<Cause> check_ephemeral_containers(const json::value& pod, const kube::Object& old, std::string_view subresource) {
  const json::array &before = json::items(old.doc(), "spec", "ephemeralContainers"), &now = json::items(pod, "spec", "ephemeralContainers");
  if (before == now) return {};
  if (subresource != "ephemeralcontainers")
    return {{"FieldValueForbidden", "Forbidden: ephemeral containers are added through the subresource ephemeralcontainers", "spec.ephemeralContainers"}};
  for (const json::value& kept : before) {
    auto same = std::find_if(now.begin(), now.end(), [&](const json::value& c) { return json::get_string(c, "name") == json::get_string(kept, "name"); });
    if (same != now.end() && *same == kept) continue;
    return {{"FieldValueForbidden", concat("Forbidden: existing ephemeral containers \"", json::get_string(kept, "name"), "\" may not be ",
                                           same == now.end() ? "removed" : "changed"), "spec.ephemeralContainers"}};
  }
  return {};
}

/// Resources of containers change through /resize alone.
std::vector<Cause> check_resize(const json::value& pod, const kube::Object& old, std::string_view subresource) {
  if (subresource == "resize") return {};
  for (auto list : {"containers", "initContainers"}) {
    const json::array &before = json::items(old.doc(), "spec", list), &now = json::items(pod, "spec", list);
    for (size_t i = 0; i < before.size() && i < now.size(); ++i) {
      const json::value *was = json::find(before[i], "resources"), *is = json::find(now[i], "resources");
      if (was == is || (was && is && *was == *is)) continue;
      return {{"FieldValueForbidden", "Forbidden: pod resources are changed through the subresource resize", concat("spec.", list, '[', i, "].resources")}};
    }
  }
  return {};
}

}  // namespace

std::vector<Cause> validate_rules(const json::value& doc, const kube::Object& old, const ServedResource& served,
                                  std::string_view subresource) {
  if (!served.crd.empty()) return kube::validate_metadata(doc);
  if (subresource == "status") return {};
  const kube::Resource& resource = served.resource();
  std::vector<Cause> causes =
      kube::validate_builtin(doc, old.empty() ? nullptr : &old.doc(), {resource.group, resource.version, resource.kind});
  if (is_resource(served, "", "pods") && !old.empty()) {
    std::vector<Cause> more = check_ephemeral_containers(doc, old, subresource);
    causes.insert(causes.end(), more.begin(), more.end());
    more = check_resize(doc, old, subresource);
    causes.insert(causes.end(), more.begin(), more.end());
  }
  return causes;
}

int64_t deletion_grace(const kube::Object& current, const ServedResource& served,
                       std::optional<int64_t> asked) {
  if (!is_resource(served, "", "pods")) return 0;
  std::string_view phase = json::get_string(current.doc(), "status", "phase");
  if (json::get_string(current.doc(), "spec", "nodeName").empty() || phase == "Succeeded" || phase == "Failed")
    return 0;
  if (asked) return std::max<int64_t>(*asked, 0);
  return json::get_int(current.doc(), kDefaultGraceSeconds, "spec", "terminationGracePeriodSeconds");
}

Result<void> check_deletable(const kube::Object& current, const ServedResource& served) {
  std::string_view name = current.name();
  if (is_resource(served, "", "namespaces") && (name == "default" || name == "kube-system" || name == "kube-public"))
    return fail(Code::kForbidden, concat("namespaces \"", name, "\" is forbidden: this namespace may not be deleted"));
  return {};
}

}  // namespace serin::apiserver
