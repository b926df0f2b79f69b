#include "kube/builtin_validation.h"

#include <set>

#include "kube/causes.h"
#include "kube/names.h"
#include "kube/selector.h"
#include "kube/validate_kinds.h"
#include "kube/validate_pod.h"

namespace serin::kube {
namespace {

void check_restart_policy(const json::value& object, Causes& causes) {
  const json::value* policy = json::find(object, "spec", "template", "spec", "restartPolicy");
  if (policy && policy->is_string() && json::as_string(policy) != "Always")
    causes.not_supported("spec.template.spec.restartPolicy", *policy, "\"Always\"");
}

/// Selector against template, as every workload of apps/v1 has it.
void check_workload(const Subject& subject, Causes& causes) {
  const json::value& object = subject.object;
  const json::value* selector = json::find(object, "spec", "selector");
  const json::value* labels = json::find(object, "spec", "template", "metadata", "labels");
  if (selector && selector->is_object()) {
    auto parsed = LabelSelector::from_object(selector);
    if (!parsed) {
      causes.invalid("spec.selector", *selector, parsed.error().message);
    } else if (parsed->empty()) {
      causes.invalid("spec.selector", *selector, concat("empty selector is invalid for ", lower(subject.kind)));
    } else if (!parsed->matches(labels)) {
      causes.invalid("spec.template.metadata.labels", or_null(labels),
                     "`selector` does not match template `labels`");
    }
  }
  if (subject.kind != "StatefulSet") check_immutable(subject, {"spec", "selector"}, causes);
  if (const json::value* pod_template = json::find(object, "spec", "template"))
    validate_template(*pod_template, "spec.template", causes);
  check_restart_policy(object, causes);
}

bool is_zero(const json::value* v) {
  return json::as_int(v) == 0 || json::as_string(v) == "0%";
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
  check_int_or_percent(unavailable, "spec.strategy.rollingUpdate.maxUnavailable", true, causes);
  check_int_or_percent(surge, "spec.strategy.rollingUpdate.maxSurge", false, causes);
  if (is_zero(unavailable) && is_zero(surge))
    causes.invalid("spec.strategy.rollingUpdate.maxUnavailable", *unavailable,
                   "may not be 0 when `maxSurge` is 0");
}

void check_deployment(const Subject& subject, Causes& causes) {
  for (std::string_view field : {"minReadySeconds", "revisionHistoryLimit"}) check_least(subject.object, {"spec", field}, 0, causes);
  const json::value* deadline = json::find(subject.object, "spec", "progressDeadlineSeconds");
  if (auto seconds = json::as_int(deadline); seconds && *seconds <= json::get_int(subject.object, 0, "spec", "minReadySeconds"))
    causes.invalid("spec.progressDeadlineSeconds", *deadline, "must be greater than minReadySeconds");
  check_deployment_strategy(subject.object, causes);
}

void check_stateful_set(const json::value& object, const json::value* old, Causes& causes) {
  if (!old) return;
  for (std::string_view field : {"serviceName", "podManagementPolicy", "volumeClaimTemplates", "selector"})
    if (or_null(json::find(object, "spec", field)) != or_null(json::find(*old, "spec", field)))
      return causes.forbidden("spec",
                              "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                              "'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' "
                              "and 'minReadySeconds' are forbidden");
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

void check_crd(const Subject& subject, Causes& causes) {
  const json::value& object = subject.object;
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
  check_immutable(subject, {"spec", "group"}, causes);
  check_immutable(subject, {"spec", "scope"}, causes);
  check_immutable(subject, {"spec", "names", "plural"}, causes);
}

NameRule name_rule(const GroupVersionKind& gvk) {
  if (gvk.group.empty() && gvk.kind == "Namespace") return NameRule::kLabel;
  if (gvk.group.empty() && gvk.kind == "Service") return NameRule::kLabel1035;
  if (gvk.group == "rbac.authorization.k8s.io") return NameRule::kPathSegment;
  return NameRule::kSubdomain;
}

void check_controller(const Subject& subject, Causes& causes) {
  const json::value* pod_template = json::find(subject.object, "spec", "template");
  if (!pod_template) return;
  const json::value* selector = json::find(subject.object, "spec", "selector");
  const json::value* labels = json::find(*pod_template, "metadata", "labels");
  if (selector && selector->is_object() && !selector->get_object().empty() && !LabelSelector::from_map(selector).matches(labels))
    causes.invalid("spec.template.metadata.labels", or_null(labels), "`selector` does not match template `labels`");
  validate_template(*pod_template, "spec.template", causes);
}

void check_pod_template(const Subject& subject, Causes& causes) {
  if (const json::value* pod_template = json::find(subject.object, "template")) validate_template(*pod_template, "template", causes);
}

/// Which kinds have rules of their own.
struct Row {
  std::string_view group, kind;
  void (*check)(const Subject&, Causes&);
};

constexpr std::string_view kRbac = "rbac.authorization.k8s.io", kNetworking = "networking.k8s.io";

const Row kRows[] = {
    {"", "Pod", [](const Subject& s, Causes& causes) { check_pod(s.object, s.old, causes); }},
    {"", "PodTemplate", check_pod_template},
    {"", "ReplicationController", check_controller},
    {"", "Service", validate_service},
    {"", "Endpoints", validate_endpoints},
    {"", "ConfigMap", validate_config_map},
    {"", "Secret", validate_secret},
    {"", "Event", validate_event},
    {"", "Node", validate_node},
    {"", "PersistentVolume", validate_persistent_volume},
    {"", "PersistentVolumeClaim", validate_persistent_volume_claim},
    {"apps", "Deployment", check_deployment},
    {"apps", "StatefulSet", [](const Subject& s, Causes& causes) { check_stateful_set(s.object, s.old, causes); }},
    {"apps", "ControllerRevision", [](const Subject& s, Causes& causes) { check_immutable(s, {"data"}, causes); }},
    {"batch", "Job", validate_job},
    {"batch", "CronJob", validate_cron_job},
    {"autoscaling", "HorizontalPodAutoscaler", validate_autoscaler},
    {"policy", "PodDisruptionBudget", validate_disruption_budget},
    {"discovery.k8s.io", "EndpointSlice", validate_endpoint_slice},
    {"coordination.k8s.io", "Lease", validate_lease},
    {"events.k8s.io", "Event", validate_new_event},
    {"scheduling.k8s.io", "PriorityClass", validate_priority_class},
    {"storage.k8s.io", "StorageClass", validate_storage_class},
    {kNetworking, "Ingress", validate_ingress},
    {kNetworking, "IngressClass", validate_ingress_class},
    {kNetworking, "NetworkPolicy", validate_network_policy},
    {kRbac, "Role", validate_rbac},
    {kRbac, "ClusterRole", validate_rbac},
    {kRbac, "RoleBinding", validate_rbac},
    {kRbac, "ClusterRoleBinding", validate_rbac},
    {"apiextensions.k8s.io", "CustomResourceDefinition", [](const Subject& s, Causes& causes) { check_crd(s, causes); }},
};

bool is_review(const GroupVersionKind& gvk) {
  return gvk.group == "authentication.k8s.io" || gvk.group == "authorization.k8s.io";
}

}  // namespace

std::vector<Cause> validate_builtin(const json::value& object, const json::value* old,
                                    const GroupVersionKind& gvk) {
  Causes causes;
  if (is_review(gvk)) return {};
  causes.append(validate_metadata(object, name_rule(gvk)));
  const Subject subject{object, old, gvk.kind};
  if (gvk.group == "apps" && gvk.kind != "ControllerRevision") check_workload(subject, causes);
  for (const Row& row : kRows)
    if (row.group == gvk.group && row.kind == gvk.kind) row.check(subject, causes);
  return causes.take();
}

}  // namespace serin::kube
