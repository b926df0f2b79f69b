#include "kube/builtin_validation.h"

#include <set>

#include "kube/causes.h"
#include "kube/names.h"
#include "kube/selector.h"
#include "kube/validate_pod.h"
#include "kube/validate_rbac.h"

namespace serin::kube {
namespace {

const json::value& or_null(const json::value* v) {
  static const json::value kNull;
  return v ? *v : kNull;
}

void check_immutable(const json::value& object, const json::value* old, json::Path path,
                     std::string_view detail, Causes& causes) {
  if (!old) return;
  const json::value& now = or_null(json::find_at(object, path));
  if (now == or_null(json::find_at(*old, path))) return;
  std::string field;
  for (std::string_view step : path) field += (field.empty() ? "" : ".") + std::string(step);
  causes.invalid(std::move(field), now, detail);
}

constexpr std::string_view kImmutable = "field is immutable";

void check_restart_policy(const json::value& object, Causes& causes) {
  const json::value* policy = json::find(object, "spec", "template", "spec", "restartPolicy");
  if (policy && policy->is_string() && json::as_string(policy) != "Always")
    causes.not_supported("spec.template.spec.restartPolicy", *policy, "\"Always\"");
}

/// Selector against template, as every workload of apps/v1 has it.
void check_workload(const json::value& object, const json::value* old, std::string_view kind,
                    Causes& causes) {
  const json::value* selector = json::find(object, "spec", "selector");
  const json::value* labels = json::find(object, "spec", "template", "metadata", "labels");
  if (selector && selector->is_object()) {
    auto parsed = LabelSelector::from_object(selector);
    if (!parsed) {
      causes.invalid("spec.selector", *selector, parsed.error().message);
    } else if (parsed->empty()) {
      causes.invalid("spec.selector", *selector, concat("empty selector is invalid for ", lower(kind)));
    } else if (!parsed->matches(labels)) {
      causes.invalid("spec.template.metadata.labels", or_null(labels),
                     "`selector` does not match template `labels`");
    }
  }
  check_immutable(object, old, {"spec", "selector"}, kImmutable, causes);
  if (const json::value* pod_template = json::find(object, "spec", "template"))
    validate_template(*pod_template, "spec.template", causes);
  check_restart_policy(object, causes);
}

bool is_zero(const json::value* v) {
  return json::as_int(v) == 0 || json::as_string(v) == "0%";
}

void check_int_or_percent(const json::value* v, std::string path, Causes& causes) {
  if (!v) return;
  if (auto number = json::as_int(v)) {
    if (*number < 0) causes.invalid(path, *v, "must be greater than or equal to 0");
    return;
  }
  std::string_view text = json::as_string(v);
  bool percent = text.size() > 1 && text.back() == '%' &&
                 text.find_first_not_of("0123456789") == text.size() - 1;
  if (!percent)
    causes.invalid(std::move(path), *v,
                   "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  "
                   "or '93%', regex used for validation is '[0-9]+%')");
}

void check_deployment_strategy(const json::value& object, Causes& causes) {
  const json::value* rolling = json::find(object, "spec", "strategy", "rollingUpdate");
  if (json::get_string(object, "spec", "strategy", "type") == "Recreate") {
    if (rolling && !rolling->is_null())
      causes.forbidden("spec.strategy.rollingUpdate",
                       "may not be specified when strategy `type` is 'Recreate'");
    return;
  }
  if (!rolling || !rolling->is_object()) return;
  const json::value* unavailable = json::find(*rolling, "maxUnavailable");
  const json::value* surge = json::find(*rolling, "maxSurge");
  check_int_or_percent(unavailable, "spec.strategy.rollingUpdate.maxUnavailable", causes);
  check_int_or_percent(surge, "spec.strategy.rollingUpdate.maxSurge", causes);
  if (is_zero(unavailable) && is_zero(surge))
    causes.invalid("spec.strategy.rollingUpdate.maxUnavailable", *unavailable,
                   "may not be 0 when `maxSurge` is 0");
}

void check_stateful_set(const json::value& object, const json::value* old, Causes& causes) {
  if (!old) return;
  for (std::string_view field : {"serviceName", "podManagementPolicy", "volumeClaimTemplates"})
    if (or_null(json::find(object, "spec", field)) != or_null(json::find(*old, "spec", field)))
      causes.forbidden("spec",
                       "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                       "'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and "
                       "'minReadySeconds' are forbidden");
}

/// A pod's spec without what an update may change.
json::value frozen_pod_spec(const json::value& pod, const json::value& other) {
  json::value spec = or_null(json::find(pod, "spec"));
  if (!spec.is_object()) return spec;
  for (std::string_view list : {"containers", "initContainers"})
    if (json::value* containers = json::find(spec, list); containers && containers->is_array())
      for (json::value& container : containers->get_array()) {
        json::erase(container, {"image"});
        json::erase(container, {"resources"});
      }
  for (std::string_view field : {"activeDeadlineSeconds", "tolerations", "ephemeralContainers",
                                 "schedulingGates", "terminationGracePeriodSeconds", "resources"})
    json::erase(spec, {field});
  // A pod without a node may be given one.
  if (json::get_string(other, "spec", "nodeName").empty() ||
      json::get_string(pod, "spec", "nodeName").empty())
    json::erase(spec, {"nodeName"});
  return spec;
}

void check_pod(const json::value& object, const json::value* old, Causes& causes) {
  if (const json::value* spec = json::find(object, "spec")) validate_pod_spec(*spec, "spec", causes);
  if (!old) return;
  bool unbound = !json::get_string(*old, "spec", "nodeName").empty() &&
                 json::get_string(object, "spec", "nodeName").empty();
  if (unbound || frozen_pod_spec(object, *old) != frozen_pod_spec(*old, object))
    causes.forbidden("spec",
                     "pod updates may not change fields other than `spec.containers[*].image`,"
                     "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
                     "(only additions to existing tolerations),"
                     "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
                     "negative)");
}

void check_service_ports(const json::value& spec, Causes& causes) {
  const json::array& ports = json::items(spec, "ports");
  std::set<std::string> by_name, by_number;
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string at = concat("spec.ports[", i, "]");
    std::string name(json::get_string(ports[i], "name"));
    if (name.empty()) {
      if (ports.size() > 1) causes.required(at + ".name");
    } else {
      if (auto wrong = names::dns1123_label_error(name))
        causes.invalid(at + ".name", json::value(name), *wrong);
      if (!by_name.insert(name).second) causes.duplicate(at + ".name", json::value(name));
    }
    validate_port_number(json::find(ports[i], "port"), at + ".port", causes);
    const json::value* target = json::find(ports[i], "targetPort");
    if (target && target->is_number()) validate_port_number(target, at + ".targetPort", causes);
    std::string key = concat(json::get_int(ports[i], 0, "port"), "/", json::get_string(ports[i], "protocol"));
    if (!by_number.insert(key).second)
      causes.duplicate(at, json::object{{"port", json::get_int(ports[i], 0, "port")},
                                        {"protocol", json::get_string(ports[i], "protocol")}});
  }
}

void check_service(const json::value& object, const json::value* old, Causes& causes) {
  const json::value* spec = json::find(object, "spec");
  if (!spec) return;
  std::string_view type = json::get_string(*spec, "type");
  std::string_view ip = json::get_string(*spec, "clusterIP");
  if (type == "ExternalName") {
    if (json::get_string(*spec, "externalName").empty()) causes.required("spec.externalName");
  } else if (json::items(*spec, "ports").empty() && ip != "None") {
    causes.required("spec.ports");
  }
  if (type == "LoadBalancer" && ip == "None")
    causes.invalid("spec.clusterIPs[0]", json::value(ip), "may not be set to 'None' for LoadBalancer services");
  check_service_ports(*spec, causes);
  if (!old || type == "ExternalName") return;
  std::string_view before = json::get_string(*old, "spec", "clusterIP");
  if (!before.empty() && before != ip)
    causes.invalid("spec.clusterIPs[0]", json::value(ip), "may not change once set");
}

void check_job(const json::value& object, const json::value* old, Causes& causes) {
  std::string_view policy = json::get_string(object, "spec", "template", "spec", "restartPolicy");
  if (policy == "Always" || policy.empty())
    causes.not_supported("spec.template.spec.restartPolicy", json::value(policy),
                         "\"OnFailure\", \"Never\"");
  if (const json::value* pod_template = json::find(object, "spec", "template"))
    validate_template(*pod_template, "spec.template", causes);
  check_immutable(object, old, {"spec", "completionMode"}, kImmutable, causes);
  check_immutable(object, old, {"spec", "selector"}, kImmutable, causes);
  if (!old || !json::get_bool(*old, false, "spec", "suspend"))
    check_immutable(object, old, {"spec", "template"}, kImmutable, causes);
}

void check_data(const json::value& object, const json::value* old, Causes& causes) {
  for (std::string_view list : {"data", "binaryData"}) {
    const json::object* members = json::find_object(object, list);
    if (!members) continue;
    for (const auto& [key, value] : *members) {
      std::string_view name(key.data(), key.size());
      bool good = name != "." && !name.starts_with("..") && name.size() <= 253;
      for (char c : name) good &= std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
      if (!good)
        causes.invalid(concat(list, "[", name, "]"), json::value(name),
                       "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
                       "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
                       "'[-._a-zA-Z0-9]+')");
    }
  }
  if (!old || !json::get_bool(*old, false, "immutable")) return;
  if (!json::get_bool(object, false, "immutable"))
    causes.forbidden("immutable", "field is immutable when `immutable` is set");
  for (std::string_view field : {"data", "binaryData"})
    if (or_null(json::find(object, field)) != or_null(json::find(*old, field)))
      causes.forbidden(std::string(field), "field is immutable when `immutable` is set");
}

void check_crd(const json::value& object, const json::value* old, Causes& causes) {
  const std::string plural(json::get_string(object, "spec", "names", "plural"));
  const std::string group(json::get_string(object, "spec", "group"));
  if (json::get_string(object, "metadata", "name") != concat(plural, ".", group))
    causes.invalid("metadata.name", or_null(json::find(object, "metadata", "name")),
                   "must be spec.names.plural+\".\"+spec.group");
  if (auto wrong = names::dns1035_label_error(plural); wrong && !plural.empty())
    causes.invalid("spec.names.plural", json::value(plural), *wrong);
  if (auto wrong = names::dns1123_subdomain_error(group); wrong && !group.empty())
    causes.invalid("spec.group", json::value(group), *wrong);
  const json::value* scope = json::find(object, "spec", "scope");
  if (scope && json::as_string(scope) != "Namespaced" && json::as_string(scope) != "Cluster")
    causes.not_supported("spec.scope", *scope, "\"Cluster\", \"Namespaced\"");
  int storage = 0;
  std::set<std::string> seen;
  const json::array& versions = json::items(object, "spec", "versions");
  for (size_t i = 0; i < versions.size(); ++i) {
    std::string at = concat("spec.versions[", i, "]");
    std::string name(json::get_string(versions[i], "name"));
    storage += json::get_bool(versions[i], false, "storage");
    if (auto wrong = names::dns1035_label_error(name); wrong && !name.empty())
      causes.invalid(at + ".name", json::value(name), *wrong);
    if (!seen.insert(name).second) causes.duplicate(at + ".name", json::value(name));
    if (!json::find_object(versions[i], "schema", "openAPIV3Schema"))
      causes.required(at + ".schema.openAPIV3Schema", "schemas are required");
  }
  if (!versions.empty() && storage != 1)
    causes.invalid("spec.versions", json::value(storage), "must have exactly one version marked as storage version");
  check_immutable(object, old, {"spec", "group"}, kImmutable, causes);
  check_immutable(object, old, {"spec", "scope"}, kImmutable, causes);
  check_immutable(object, old, {"spec", "names", "plural"}, kImmutable, causes);
}

void check_budget(const json::value& object, Causes& causes) {
  const json::value* least = json::find(object, "spec", "minAvailable");
  const json::value* most = json::find(object, "spec", "maxUnavailable");
  if (least && most)
    causes.invalid("spec", json::value("object"), "minAvailable and maxUnavailable cannot be both set");
  check_int_or_percent(least, "spec.minAvailable", causes);
  check_int_or_percent(most, "spec.maxUnavailable", causes);
}

NameRule name_rule(const GroupVersionKind& gvk) {
  if (gvk.group.empty() && gvk.kind == "Namespace") return NameRule::kLabel;
  if (gvk.group.empty() && gvk.kind == "Service") return NameRule::kLabel1035;
  if (gvk.group == "rbac.authorization.k8s.io") return NameRule::kPathSegment;
  return NameRule::kSubdomain;
}

void check_core(const json::value& object, const json::value* old, std::string_view kind, Causes& causes) {
  if (kind == "Pod") check_pod(object, old, causes);
  else if (kind == "Service") check_service(object, old, causes);
  else if (kind == "ConfigMap" || kind == "Secret") check_data(object, old, causes);
  else if (kind == "ReplicationController" || kind == "PodTemplate") {
    for (json::Path path : {json::Path{"spec", "template"}, json::Path{"template"}})
      if (const json::value* pod_template = json::find_at(object, path))
        validate_template(*pod_template, path.size() == 2 ? "spec.template" : "template", causes);
  }
  if (kind == "Secret") check_immutable(object, old, {"type"}, kImmutable, causes);
}

bool is_review(const GroupVersionKind& gvk) {
  return gvk.group == "authentication.k8s.io" || gvk.group == "authorization.k8s.io";
}

}  // namespace

std::vector<Cause> validate_builtin(const json::value& object, const json::value* old,
                                    const GroupVersionKind& gvk) {
  Causes causes;
  if (is_review(gvk)) return {};
  causes.append(validate_metadata(object, name_rule(gvk)));
  if (gvk.group.empty()) {
    check_core(object, old, gvk.kind, causes);
  } else if (gvk.group == "apps") {
    if (gvk.kind != "ControllerRevision") check_workload(object, old, gvk.kind, causes);
    if (gvk.kind == "Deployment") check_deployment_strategy(object, causes);
    if (gvk.kind == "StatefulSet") check_stateful_set(object, old, causes);
    if (gvk.kind == "ControllerRevision") check_immutable(object, old, {"data"}, kImmutable, causes);
  } else if (gvk.group == "batch") {
    if (gvk.kind == "Job") check_job(object, old, causes);
  } else if (gvk.group == "rbac.authorization.k8s.io") {
    validate_rbac(object, old, gvk.kind, causes);
  } else if (gvk.kind == "EndpointSlice") {
    check_immutable(object, old, {"addressType"}, kImmutable, causes);
  } else if (gvk.kind == "PodDisruptionBudget") {
    check_budget(object, causes);
  } else if (gvk.kind == "CustomResourceDefinition") {
    check_crd(object, old, causes);
  }
  return causes.take();
}

}  // namespace serin::kube
