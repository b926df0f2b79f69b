// Which columns each built-in kind has (Kubernetes 1.33, pkg/printers/internalversion).

#include "apiserver/http/column_parts.h"

namespace serin::apiserver {
namespace {

using namespace columns;

Column count_of(std::string name, std::vector<std::string> members) {
  return number(std::move(name), [members = std::move(members)](const json::value& d) {
    size_t count = 0;
    for (const std::string& member : members) {
      if (const json::object* map = json::find_object(d, member)) count += map->size();
      else count += json::items(d, member).size();
    }
    return static_cast<int64_t>(count);
  });
}

Columns priority_class() {
  return {number_at("Value", {"value"}),
          {"Global-Default", "boolean", "", "", 0, [](const json::value& d, TimePoint) { return json::value(json::get_bool(d, false, "globalDefault")); }},
          age(), text_at("PreemptionPolicy", {"preemptionPolicy"})};
}

struct Row {
  std::string_view group, kind;
  Columns (*make)();
};

constexpr std::string_view kRbac = "rbac.authorization.k8s.io", kHooks = "admissionregistration.k8s.io";

const Row kRows[] = {
    {"", "Pod", pod},
    {"", "PodTemplate", pod_template},
    {"", "Service", service},
    {"", "Endpoints", endpoints},
    {"", "Node", node},
    {"", "Event", event},
    {"", "Namespace", [] { return Columns{text_at("Status", {"status", "phase"}), age()}; }},
    {"", "ConfigMap", [] { return Columns{count_of("Data", {"data", "binaryData"}), age()}; }},
    {"", "Secret", [] { return Columns{text_at("Type", {"type"}), count_of("Data", {"data"}), age()}; }},
    {"", "ServiceAccount", [] { return Columns{count_of("Secrets", {"secrets"}), age()}; }},
    {"", "ReplicationController", replica_set},
    {"", "ResourceQuota", resource_quota},
    {"", "LimitRange", [] { return Columns{created_at()}; }},
    {"", "PersistentVolume", persistent_volume},
    {"", "PersistentVolumeClaim", persistent_volume_claim},
    {"apps", "Deployment", deployment},
    {"apps", "ReplicaSet", replica_set},
    {"apps", "StatefulSet", stateful_set},
    {"apps", "DaemonSet", daemon_set},
    {"apps", "ControllerRevision", controller_revision},
    {"batch", "Job", job},
    {"batch", "CronJob", cron_job},
    {"autoscaling", "HorizontalPodAutoscaler", autoscaler},
    {"policy", "PodDisruptionBudget", disruption_budget},
    {"discovery.k8s.io", "EndpointSlice", endpoint_slice},
    {"coordination.k8s.io", "Lease", [] { return Columns{text_at("Holder", {"spec", "holderIdentity"}), age()}; }},
    {"networking.k8s.io", "Ingress", ingress},
    {"networking.k8s.io", "IngressClass", ingress_class},
    {"networking.k8s.io", "NetworkPolicy", network_policy},
    {"storage.k8s.io", "StorageClass", storage_class},
    {"scheduling.k8s.io", "PriorityClass", priority_class},
    {"certificates.k8s.io", "CertificateSigningRequest", certificate_request},
    {"apiregistration.k8s.io", "APIService", api_service},
    {"apiextensions.k8s.io", "CustomResourceDefinition", [] { return Columns{created_at()}; }},
    {kRbac, "Role", [] { return Columns{created_at()}; }},
    {kRbac, "ClusterRole", [] { return Columns{created_at()}; }},
    {kRbac, "RoleBinding", role_binding},
    {kRbac, "ClusterRoleBinding", role_binding},
    {kHooks, "ValidatingWebhookConfiguration", [] { return Columns{count_of("Webhooks", {"webhooks"}), age()}; }},
    {kHooks, "MutatingWebhookConfiguration", [] { return Columns{count_of("Webhooks", {"webhooks"}), age()}; }},
};

}  // namespace

std::vector<Column> computed_columns(const kube::Resource& resource) {
  for (const Row& row : kRows)
    if (row.group == resource.group && row.kind == resource.kind) return row.make();
  return {};
}

}  // namespace serin::apiserver
