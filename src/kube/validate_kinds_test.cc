// The rules of single built-in kinds, a row each: what is refused, and in which words.

#include <gtest/gtest.h>

#include "base/strings.h"
#include "kube/builtin_validation.h"
#include "kube/cron_schedule.h"

namespace serin::kube {
namespace {

json::value doc(const std::string& text) {
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : json::value();
}

struct Row {
  const char *group, *kind;
  const char* object;          ///< without metadata, which is added
  const char* old;             ///< null: creation
  const char* wrong;           ///< "field: message" of the first cause; empty: nothing is
};

std::string first_wrong(const Row& row) {
  auto named = [](const char* text) {
    json::value object = doc(text);
    json::ensure_object(object, {"metadata"}).emplace("name", "x");
    return object;
  };
  json::value object = named(row.object), old = row.old ? named(row.old) : json::value();
  auto causes = validate_builtin(object, row.old ? &old : nullptr, {row.group, "v1", row.kind});
  return causes.empty() ? "" : concat(causes[0].field, ": ", causes[0].message);
}

constexpr const char* kNet = "networking.k8s.io";
constexpr const char* kRbac = "rbac.authorization.k8s.io";
constexpr const char* kPodTemplate = R"("template":{"metadata":{"labels":{"a":"b"}},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}})";

TEST(ValidateKinds, EachRuleHasItsWords) {
  std::string job = concat(R"({"spec":{)", kPodTemplate, "}}"), indexed = concat(R"({"spec":{"completionMode":"Indexed",)", kPodTemplate, "}}");
  std::string selecting = concat(R"({"spec":{"selector":{"matchLabels":{"a":"b"}},)", kPodTemplate, "}}");
  std::string failing_cron = concat(R"({"spec":{"schedule":"61 * * * *","jobTemplate":{"spec":{)", kPodTemplate, "}}}}");
  std::string zoned_cron = concat(R"({"spec":{"schedule":"TZ=UTC 1 * * * *","jobTemplate":{"spec":{)", kPodTemplate, "}}}}");
  for (const Row& row : {
           // Service
           Row{"", "Service", R"({"spec":{"type":"ClusterIP","ports":[{"port":80,"nodePort":30000}]}})", nullptr, "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"},
           Row{"", "Service", R"({"spec":{"type":"ClusterIP"}})", nullptr, "spec.ports: Required value"},
           Row{"", "Service", R"({"spec":{"type":"ExternalName"}})", nullptr, "spec.externalName: Required value"},
           Row{"", "Service", R"({"spec":{"type":"NodePort","clusterIP":"None","ports":[{"port":80}]}})", nullptr, "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"},
           Row{"", "Service", R"({"spec":{"type":"ClusterIP","clusterIP":"10.0.0.2","ports":[{"port":80}]}})", R"({"spec":{"type":"ClusterIP","clusterIP":"10.0.0.1"}})", "spec.clusterIPs[0]: Invalid value: \"10.0.0.2\": may not change once set"},
           Row{"", "Service", R"({"spec":{"type":"ExternalName","externalName":"a.b"}})", R"({"spec":{"type":"ClusterIP","clusterIP":"10.0.0.1"}})", ""},
           Row{"", "Service", R"({"spec":{"type":"ClusterIP","externalTrafficPolicy":"Local","ports":[{"port":80}]}})", nullptr, "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services"},
           // Endpoints, EndpointSlice
           Row{"", "Endpoints", R"({"subsets":[{"ports":[{"port":1}]}]})", nullptr, "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"},
           Row{"discovery.k8s.io", "EndpointSlice", R"({"addressType":"IPv4","endpoints":[{"addresses":["x"]}]})", nullptr, "endpoints[0].addresses[0]: Invalid value: \"x\": must be a valid IPv4 address"},
           Row{"discovery.k8s.io", "EndpointSlice", R"({"addressType":"IPv6","endpoints":[]})", R"({"addressType":"IPv4"})", "addressType: Invalid value: \"IPv6\": field is immutable"},
           // Ingress, IngressClass, NetworkPolicy
           Row{kNet, "Ingress", R"({"spec":{}})", nullptr, "spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"},
           Row{kNet, "Ingress", R"({"spec":{"rules":[{"host":"1.2.3.4"}]}})", nullptr, "spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address"},
           Row{kNet, "Ingress", R"({"spec":{"rules":[{"http":{"paths":[{"path":"/","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}})", nullptr, "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"},
           Row{kNet, "Ingress", R"({"spec":{"rules":[{"http":{"paths":[{"path":"x","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}})", nullptr, "spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path"},
           Row{kNet, "Ingress", R"({"spec":{"defaultBackend":{"service":{"name":"s","port":{}}}}})", nullptr, "spec.defaultBackend: Required value: port name or number is required"},
           Row{kNet, "Ingress", R"({"spec":{"rules":[{"host":"*.foo.com","http":{"paths":[{"path":"/x","pathType":"Exact","backend":{"service":{"name":"s","port":{"name":"p"}}}}]}}]}})", nullptr, ""},
           Row{kNet, "IngressClass", R"({"spec":{"controller":"x"}})", nullptr, "spec.controller: Invalid value: \"x\": must be a domain-prefixed path (such as \"acme.io/foo\")"},
           Row{kNet, "NetworkPolicy", R"({"spec":{"podSelector":{},"ingress":[{"from":[{}]}]}})", nullptr, "spec.ingress[0].from[0]: Required value: must specify a peer"},
           Row{kNet, "NetworkPolicy", R"({"spec":{"podSelector":{},"egress":[{"to":[{"ipBlock":{"cidr":"x"}}]}]}})", nullptr, "spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"},
           Row{kNet, "NetworkPolicy", R"({"spec":{"podSelector":{},"ingress":[{"ports":[{"port":90,"endPort":80}]}]}})", nullptr, "spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"},
           // batch
           Row{"batch", "Job", R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}}})", nullptr, "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""},
           Row{"batch", "Job", indexed.c_str(), nullptr, "spec.completions: Required value: when completion mode is Indexed"},
           Row{"batch", "Job", job.c_str(), R"({"spec":{"template":{}}})", "spec.template: Invalid value: {\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}: field is immutable"},
           Row{"batch", "Job", job.c_str(), R"({"spec":{"suspend":true,"template":{}}})", ""},
           Row{"batch", "Job", selecting.c_str(), nullptr, "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` not auto-generated"},
           Row{"batch", "CronJob", failing_cron.c_str(), nullptr, "spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61"},
           Row{"batch", "CronJob", zoned_cron.c_str(), nullptr, "spec.schedule: Invalid value: \"TZ=UTC 1 * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead"},
           // autoscaling, policy
           Row{"autoscaling", "HorizontalPodAutoscaler", R"({"spec":{"minReplicas":5,"maxReplicas":3}})", nullptr, "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"},
           Row{"autoscaling", "HorizontalPodAutoscaler", R"({"spec":{"minReplicas":0,"maxReplicas":3}})", nullptr, "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"},
           Row{"autoscaling", "HorizontalPodAutoscaler", R"({"spec":{"maxReplicas":3,"metrics":[{"type":"Resource"}]}})", nullptr, "spec.metrics[0].resource: Required value: must populate information for the given metric source"},
           Row{"policy", "PodDisruptionBudget", R"({"spec":{"minAvailable":"101%"}})", nullptr, "spec.minAvailable: Invalid value: \"101%\": must not be greater than 100%"},
           // storage
           Row{"", "PersistentVolumeClaim", R"({"spec":{"accessModes":["ReadWriteOnce"]}})", nullptr, "spec.resources[storage]: Required value"},
           Row{"", "PersistentVolumeClaim", R"({"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"b","resources":{"requests":{"storage":"1Gi"}}}})",
               R"({"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"a","resources":{"requests":{"storage":"1Gi"}}}})",
               "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"},
           Row{"", "PersistentVolumeClaim", R"({"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})",
               R"({"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"2Gi"}}}})", "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"},
           Row{"", "PersistentVolume", R"({"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"]}})", nullptr, "spec: Required value: must specify a volume type"},
           Row{"", "PersistentVolume", R"({"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/b"}}})",
               R"({"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/a"}}})", "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"},
           Row{"storage.k8s.io", "StorageClass", R"({"provisioner":"b"})", R"({"provisioner":"a"})", "provisioner: Forbidden: updates to provisioner are forbidden."},
           // ConfigMap, Secret
           Row{"", "ConfigMap", R"({"data":{"a/b":"1"}})", nullptr, "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"},
           Row{"", "ConfigMap", R"({"data":{"a":"1"},"binaryData":{"a":"MQ=="}})", nullptr, "data[a]: Invalid value: \"a\": duplicate of key present in binaryData"},
           Row{"", "ConfigMap", R"({"data":{"a":"2"},"immutable":true})", R"({"data":{"a":"1"},"immutable":true})", "data: Forbidden: field is immutable when `immutable` is set"},
           Row{"", "Secret", R"({"type":"b"})", R"({"type":"a"})", "type: Invalid value: \"b\": field is immutable"},
           Row{"", "Secret", R"({"type":"kubernetes.io/tls","data":{"tls.crt":"eA=="}})", nullptr, "data[tls.key]: Required value"},
           Row{"", "Secret", R"({"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"eA=="}})", nullptr, "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid JSON"},
           Row{"", "Secret", R"({"type":"kubernetes.io/service-account-token"})", nullptr, "metadata.annotations[kubernetes.io/service-account.name]: Required value"},
           // cluster
           Row{"", "Event", R"({"metadata":{"namespace":"a"},"involvedObject":{"namespace":"b"}})", nullptr, "involvedObject.namespace: Invalid value: \"b\": does not match event.namespace"},
           Row{"events.k8s.io", "Event", R"({"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"c","reportingInstance":"i","reason":"r","type":"Normal"})", nullptr, "action: Required value"},
           Row{"coordination.k8s.io", "Lease", R"({"spec":{"leaseDurationSeconds":0}})", nullptr, "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"},
           Row{"", "Node", R"({"spec":{"taints":[{"key":"a"}]}})", nullptr, "metadata.taints[0].effect: Required value"},
           Row{"scheduling.k8s.io", "PriorityClass", R"({"value":2000000000})", nullptr, "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"},
           Row{"scheduling.k8s.io", "PriorityClass", R"({"value":2})", R"({"value":1})", "value: Forbidden: may not be changed in an update."},
           Row{kRbac, "Role", R"({"rules":[{"apiGroups":[""],"resources":["pods"]}]})", nullptr, "rules[0].verbs: Required value: verbs must contain at least one value"},
           Row{kRbac, "Role", R"({"rules":[{"verbs":["get"],"nonResourceURLs":["/x"]}]})", nullptr, "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs"},
           Row{kRbac, "ClusterRole", R"({"rules":[{"verbs":["get"],"nonResourceURLs":["/x"]}]})", nullptr, ""},
           Row{kRbac, "ClusterRoleBinding", R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"}})", nullptr, "roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\""},
           Row{kRbac, "RoleBinding", R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"}})", R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"q"}})",
               "roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"r\"}: cannot change roleRef"},
           Row{"", "ConfigMap", R"({"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"a","uid":"1","controller":true},{"apiVersion":"v1","kind":"Pod","name":"b","uid":"2","controller":true}]}})", nullptr,
               "metadata.ownerReferences: Invalid value: [{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"a\",\"uid\":\"1\",\"controller\":true},{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"b\",\"uid\":\"2\",\"controller\":true}]: Only one reference can have Controller set to true. Found \"true\" in references for a and b"}})
    EXPECT_EQ(first_wrong(row), row.wrong) << row.group << '/' << row.kind << ' ' << row.object;
}

TEST(CronSchedule, ReadsAndRefusesAsKubernetesDoes) {
  for (auto good : {"* * * * *", "*/5 0-6,8 1 jan-mar MON", "0 0 1,15 * ?", "@daily", "@every 1h30m", "5/15 * * * *"})
    EXPECT_EQ(cron_schedule_error(good), std::nullopt) << good;
  for (auto [bad, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {"x", "expected exactly 5 fields, found 1: [x]"},
           {"a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"},
           {"60 * * * *", "end of range (60) above maximum (59): 60"},
           {"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
           {"5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"},
           {"*/0 * * * *", "step of range should be a positive number: */0"},
           {"1-2-3 * * * *", "too many hyphens: 1-2-3"},
           {"1/2/3 * * * *", "too many slashes: 1/2/3"},
           {"@sometimes", "unrecognized descriptor: @sometimes"}})
    EXPECT_EQ(cron_schedule_error(bad), why);
}

}  // namespace
}  // namespace serin::kube
