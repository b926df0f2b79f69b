#include "apiserver/rest/subresource.h"

#include <algorithm>

#include "apiserver/rest/builtin_rules.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

void copy_or_erase(json::value& to, const json::value& from, json::Path path) {
  if (const json::value* found = json::find_at(from, path)) json::set(to, path, *found);
  else json::erase(to, path);
}

bool is_approval(const json::value& condition) {
  std::string_view type = json::get_string(condition, "type");
  return type == "Approved" || type == "Denied";
}

/// The conditions a certificate's approver decides about come from `next`, all others from `current`.
void take_approval(json::value& merged, const json::value& next) {
  json::array conditions;
  for (const json::value& condition : json::items(merged, "status", "conditions"))
    if (!is_approval(condition)) conditions.push_back(condition);
  for (const json::value& condition : json::items(next, "status", "conditions"))
    if (is_approval(condition)) conditions.push_back(condition);
  if (conditions.empty()) json::erase(merged, {"status", "conditions"});
  else json::set(merged, {"status", "conditions"}, std::move(conditions));
}

void take_container_resources(json::value& merged, const json::value& next) {
  for (auto list : {"containers", "initContainers"}) {
    json::value* containers = json::find(merged, "spec", list);
    if (!containers || !containers->is_array()) continue;
    const json::array& wanted = json::items(next, "spec", list);
    for (json::value& container : containers->get_array()) {
      auto same = std::find_if(wanted.begin(), wanted.end(), [&](const json::value& other) {
        return json::get_string(other, "name") == json::get_string(container, "name");
      });
      if (same == wanted.end()) continue;
      copy_or_erase(container, *same, {"resources"});
      copy_or_erase(container, *same, {"resizePolicy"});
    }
  }
}

}  // namespace

json::value merge_subresource(const Target& target, const kube::Object& current, json::value next) {
  const ServedResource& served = *target.resource;
  const std::string& part = target.subresource;
  if (part.empty()) {
    if (served.info.status_subresource) copy_or_erase(next, current.doc(), {"status"});
    keep_builtin(next, current, served);
    return next;
  }
  if (part == "scale" || part == "binding") return next;
  json::value merged = current.doc();
  if (part == "status") {
    copy_or_erase(merged, next, {"status"});
    if (is_resource(served, "certificates.k8s.io", "certificatesigningrequests")) take_approval(merged, current.doc());
  } else if (part == "finalize") {
    copy_or_erase(merged, next, {"spec", "finalizers"});
  } else if (part == "approval") {
    take_approval(merged, next);
  } else if (part == "ephemeralcontainers") {
    copy_or_erase(merged, next, {"spec", "ephemeralContainers"});
  } else if (part == "resize") {
    take_container_resources(merged, next);
  }
  if (const json::value* fields = json::find(next, "metadata", "managedFields"))
    json::set(merged, {"metadata", "managedFields"}, *fields);
  return merged;
}

Result<json::value> bound_pod(const kube::Object& pod, const json::value& binding, TimePoint now) {
  std::string node(json::get_string(binding, "target", "name"));
  std::string_view kind = json::get_string(binding, "target", "kind");
  std::vector<Cause> causes;
  if (!kind.empty() && kind != "Node")
    causes.push_back({"FieldValueNotSupported", concat("Unsupported value: \"", kind, "\": supported values: \"Node\", \"<empty>\""), "target.kind"});
  if (node.empty()) causes.push_back({"FieldValueRequired", "Required value", "target.name"});
  if (!causes.empty()) {
    std::string message = concat("Binding \"", pod.name(), "\" is invalid: ", causes[0].field, ": ", causes[0].message);
    return fail(Error{Code::kInvalid, std::move(message), std::move(causes), {}, false});
  }
  auto conflict = [&](std::string why) {
    return fail(Code::kConflict, concat("Operation cannot be fulfilled on pods/binding \"", pod.name(), "\": ", why));
  };
  std::string_view uid = json::get_string(binding, "metadata", "uid");
  std::string_view version = json::get_string(binding, "metadata", "resourceVersion");
  if (!uid.empty() && uid != pod.uid())
    return conflict(concat("Precondition failed: UID in precondition: ", uid, ", UID in object meta: ", pod.uid()));
  if (!version.empty() && kube::ResourceVersion::parse(version) != pod.version())
    return conflict(concat("Precondition failed: ResourceVersion in precondition: ", version, ", ResourceVersion in object meta: ",
                           pod.version().str()));
  if (pod.deleting()) return conflict(concat("pod ", pod.name(), " is being deleted, cannot be assigned to a host"));
  std::string_view taken = json::get_string(pod.doc(), "spec", "nodeName");
  if (!taken.empty()) return conflict(concat("pod ", pod.name(), " is already assigned to node \"", taken, '"'));
  if (!json::items(pod.doc(), "spec", "schedulingGates").empty())
    return conflict(concat("pod ", pod.name(), " has non-empty .spec.schedulingGates"));
  json::value bound = pod.doc();
  json::set(bound, {"spec", "nodeName"}, json::value(node));
  for (auto map : {"annotations", "labels"})
    if (const json::object* members = json::find_object(binding, "metadata", map))
      for (const auto& [name, text] : *members) json::set(bound, {"metadata", map, name}, text);
  json::value& status = bound.as_object()["status"];
  kube::set_condition(status, "PodScheduled", "True", "", "", now);
  for (json::value& condition : status.get_object()["conditions"].get_array())
    if (json::get_string(condition, "type") == "PodScheduled") {
      json::erase(condition, {"reason"});
      json::erase(condition, {"message"});
    }
  return bound;
}

}  // namespace serin::apiserver
