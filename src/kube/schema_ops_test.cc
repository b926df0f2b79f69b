// Pruning, defaulting, validation, and schemas of CRDs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "kube/builtin_defaults.h"
#include "kube/builtin_validation.h"
#include "kube/canonical.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json::value doc(std::string_view text) {
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : json::value();
}

std::vector<std::string> lines(const std::vector<Cause>& causes) {
  std::vector<std::string> out;
  for (const Cause& cause : causes) out.push_back(concat(cause.field, ": ", cause.message));
  return out;
}

SchemaPtr custom(std::string_view text) {
  auto schema = schema_from_openapi(doc(text));
  EXPECT_TRUE(schema) << (schema ? "" : schema.error().message);
  return schema ? *schema : nullptr;
}

std::vector<std::string> structural_errors(std::string_view text) {
  auto schema = schema_from_openapi(doc(text));
  return schema ? std::vector<std::string>{} : lines(schema.error().causes);
}

/// A built-in object as the API server takes it: pruned and defaulted.
json::value defaulted(std::string_view text, std::string_view type) {
  json::value object = doc(text);
  SchemaPtr schema = builtin_type(type);
  prune(object, *schema, nullptr);
  canonicalize(object, *schema);
  apply_defaults(object, *schema);
  std::string kind(type.substr(type.find('.') + 1));
  std::string package(type.substr(0, type.find('/')));
  apply_builtin_defaults(object, {package == "core" ? "" : package, "v1", kind});
  return object;
}

TEST(Prune, RemovesWhatTheSchemaDoesNotKnow) {
  json::value pod = doc(R"({"apiVersion":"v1","kind":"Pod","spek":1,"metadata":{"name":"a","labels":{"x":"y"}},
    "spec":{"containers":[{"name":"a","imag":"b","env":[{"name":"A","valeu":"1"}]}],"nodeSelector":null}})");
  std::vector<std::string> unknown;
  prune(pod, *builtin_type("core/v1.Pod"), &unknown);
  EXPECT_THAT(unknown, ElementsAre("spek", "spec.containers[0].imag", "spec.containers[0].env[0].valeu"));
  EXPECT_EQ(pod, doc(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"x":"y"}},
    "spec":{"containers":[{"name":"a","env":[{"name":"A"}]}]}})"));
}

TEST(Prune, KeepsWhatIsDeclaredOpen) {
  SchemaPtr schema = custom(R"({"type":"object","properties":{
    "open":{"type":"object","x-kubernetes-preserve-unknown-fields":true,
            "properties":{"inner":{"type":"object","properties":{"a":{"type":"string"}}}}},
    "map":{"type":"object","additionalProperties":{"type":"object","properties":{"a":{"type":"string"}}}},
    "nul":{"type":"string","nullable":true,"default":"x"},"def":{"type":"string","default":"x"}}})");
  json::value v = doc(R"({"apiVersion":"a/v1","kind":"K","metadata":{"name":"n","nonsense":1},
    "open":{"any":[1],"inner":{"a":"1","b":2}},"map":{"k":{"a":"","b":1}},"nul":null,"def":null,"x":1})");
  std::vector<std::string> unknown;
  prune(v, *schema, &unknown);
  apply_defaults(v, *schema);
  EXPECT_EQ(v, doc(R"({"apiVersion":"a/v1","kind":"K","metadata":{"name":"n"},
    "open":{"any":[1],"inner":{"a":"1"}},"map":{"k":{"a":""}},"nul":null,"def":"x"})"));
  EXPECT_THAT(unknown, ElementsAre("metadata.nonsense", "open.inner.b", "map.k.b", "x"));
}

TEST(Defaults, Deployment) {
  json::value deployment = defaulted(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},
    "spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
      "spec":{"containers":[{"name":"a","image":"img","ports":[{"containerPort":80}],
        "resources":{"limits":{"cpu":"1000m","memory":"1024Mi"}},
        "readinessProbe":{"httpGet":{"port":80}}}],
        "volumes":[{"name":"v"},{"name":"c","configMap":{"name":"x"}}],"serviceAccountName":"sa"}}}})",
                                     "apps/v1.Deployment");
  EXPECT_EQ(deployment, doc(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},
    "spec":{"selector":{"matchLabels":{"app":"web"}},"replicas":1,"revisionHistoryLimit":10,
      "progressDeadlineSeconds":600,
      "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}},
      "template":{"metadata":{"labels":{"app":"web"}},
      "spec":{"containers":[{"name":"a","image":"img","imagePullPolicy":"Always",
        "ports":[{"containerPort":80,"protocol":"TCP"}],
        "resources":{"limits":{"cpu":"1","memory":"1Gi"}},
        "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File",
        "readinessProbe":{"httpGet":{"port":80,"path":"/","scheme":"HTTP"},"timeoutSeconds":1,
          "periodSeconds":10,"successThreshold":1,"failureThreshold":3}}],
        "volumes":[{"name":"v","emptyDir":{}},{"name":"c","configMap":{"name":"x","defaultMode":420}}],
        "restartPolicy":"Always","dnsPolicy":"ClusterFirst","terminationGracePeriodSeconds":30,
        "schedulerName":"default-scheduler","securityContext":{},"enableServiceLinks":true,
        "serviceAccountName":"sa","serviceAccount":"sa"}}},"status":{}})"))
      << json::dump_pretty(deployment);
}

TEST(Defaults, AreIdempotent) {
  json::value once = defaulted(R"({"spec":{"type":"LoadBalancer","sessionAffinity":"ClientIP",
    "ports":[{"port":80}]}})", "core/v1.Service");
  EXPECT_EQ(once, defaulted(json::dump(once), "core/v1.Service"));
  EXPECT_EQ(once, doc(R"({"spec":{"type":"LoadBalancer","sessionAffinity":"ClientIP",
    "sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10800}},
    "ports":[{"port":80,"protocol":"TCP","targetPort":80}],"internalTrafficPolicy":"Cluster",
    "externalTrafficPolicy":"Cluster","allocateLoadBalancerNodePorts":true,
    "ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"]},"status":{"loadBalancer":{}}})"))
      << json::dump_pretty(once);
}

TEST(Defaults, PodRequestsFollowLimitsAndImagesTheirTag) {
  json::value pod = defaulted(R"({"spec":{"hostNetwork":true,"containers":[
    {"name":"a","image":"r:5000/x:v1","ports":[{"containerPort":80}],
     "resources":{"limits":{"cpu":2,"memory":"1Gi"},"requests":{"cpu":"0.5"}}},
    {"name":"b","image":"r:5000/x"},{"name":"c","image":"x@sha256:00"},{"name":"d","image":"x:latest"}]}})",
                              "core/v1.Pod");
  auto at = [&](int i) -> const json::value& { return json::items(pod, "spec", "containers")[i]; };
  EXPECT_EQ(*json::find(at(0), "resources"),
            doc(R"({"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"500m","memory":"1Gi"}})"));
  EXPECT_EQ(*json::find(at(0), "ports"),
            doc(R"([{"containerPort":80,"protocol":"TCP","hostPort":80}])"));
  EXPECT_EQ(json::get_string(at(0), "imagePullPolicy"), "IfNotPresent");
  EXPECT_EQ(json::get_string(at(1), "imagePullPolicy"), "Always");
  EXPECT_EQ(json::get_string(at(2), "imagePullPolicy"), "IfNotPresent");
  EXPECT_EQ(json::get_string(at(3), "imagePullPolicy"), "Always");
  EXPECT_EQ(json::get_string(pod, "status", "phase"), "Pending");
}

TEST(Defaults, JobGetsItsSelectorOnceItHasAUid) {
  json::value job = defaulted(R"({"metadata":{"name":"j","uid":"u1"},"spec":{"template":{"spec":{
    "restartPolicy":"Never","containers":[{"name":"a","image":"x:1"}]}}}})", "batch/v1.Job");
  EXPECT_EQ(json::get_int(job, 0, "spec", "completions"), 1);
  EXPECT_EQ(json::get_int(job, 0, "spec", "parallelism"), 1);
  EXPECT_EQ(json::get_int(job, 0, "spec", "backoffLimit"), 6);
  EXPECT_EQ(json::get_string(job, "spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"), "u1");
  EXPECT_EQ(json::get_string(job, "spec", "template", "metadata", "labels", "job-name"), "j");
}

TEST(Defaults, BareTemplateEqualsADeploymentsTemplate) {
  std::string text = R"({"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"x",
    "resources":{"limits":{"cpu":"0.1"}}}],"volumes":[{"name":"v"}]}})";
  json::value bare = doc(text);
  default_pod_template(bare);
  json::value whole = defaulted(concat(R"({"spec":{"template":)", text, "}}"), "apps/v1.Deployment");
  EXPECT_EQ(bare, *json::find(whole, "spec", "template"));
}

TEST(Validate, BuiltinFieldPathsAndTexts) {
  json::value deployment = defaulted(R"({"metadata":{"name":"web"},"spec":{"replicas":-1,"selector":{},
    "template":{"spec":{"containers":[{"image":"x","ports":[{"containerPort":"http"}]}],"restartPolicy":"Sometimes"}}}})",
                                     "apps/v1.Deployment");
  EXPECT_THAT(lines(validate(deployment, *builtin_type("apps/v1.Deployment"))),
              testing::UnorderedElementsAre(
                  "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                  "spec.template.spec.containers[0].name: Required value",
                  "spec.template.spec.containers[0].ports[0].containerPort: Invalid value: \"string\": must be of type integer",
                  "spec.template.spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: "
                  "\"Always\", \"Never\", \"OnFailure\""));
}

TEST(Validate, CustomResourceTexts) {
  SchemaPtr schema = custom(R"({"type":"object","required":["spec"],"properties":{"spec":{"type":"object",
    "required":["name"],"properties":{"name":{"type":"string","pattern":"^[a-z]+$","maxLength":3},
    "weight":{"type":"integer","minimum":0,"maximum":100},"kind":{"type":"string","enum":["A","B"]},
    "at":{"type":"string","format":"date-time"},"size":{"x-kubernetes-int-or-string":true},
    "ports":{"type":"array","maxItems":2,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["port"],
      "items":{"type":"object","required":["port"],"properties":{"port":{"type":"integer"}}}},
    "either":{"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}],
      "properties":{"a":{"type":"string"},"b":{"type":"string"}}}}}}})");
  EXPECT_THAT(lines(validate(doc("{}"), *schema)), ElementsAre("spec: Required value"));
  EXPECT_THAT(lines(validate(doc(R"({"spec":{"name":"ABCD","weight":101,"kind":"C","at":"noon","size":true,
    "ports":[{"port":1},{"port":1},{"port":2}],"either":{"a":"1","b":"2"}}})"), *schema)),
              ElementsAre("spec.name: Too long: may not be more than 3 bytes",
                          "spec.weight: Invalid value: 101: spec.weight in body should be less than or equal to 100",
                          "spec.kind: Unsupported value: \"C\": supported values: \"A\", \"B\"",
                          "spec.at: Invalid value: \"noon\": spec.at in body must be of type date-time: \"noon\"",
                          "spec.size: Invalid value: \"boolean\": spec.size in body must be of type integer,string: \"boolean\"",
                          "spec.ports: Too many: 3: must have at most 2 items",
                          "spec.ports[1]: Duplicate value: map[string]interface {}{\"port\":1}",
                          "spec.either: Invalid value: {\"a\":\"1\",\"b\":\"2\"}: spec.either in body must validate one and only one schema (oneOf)"));
  EXPECT_THAT(validate(doc(R"({"spec":{"name":"abc","weight":100,"size":"1","either":{"a":"1"}}})"), *schema), IsEmpty());
}

TEST(Structural, RefusesWhatIsNotStructural) {
  EXPECT_THAT(structural_errors(R"({"type":"object","properties":{"a":{}}})"),
              ElementsAre("openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields"));
  EXPECT_THAT(structural_errors(R"({"type":"object","properties":{"a":{"type":"array"}}})"),
              ElementsAre("openAPIV3Schema.properties[a].items: Required value: must be specified"));
  EXPECT_THAT(structural_errors(R"({"type":"object","properties":{"a":{"type":"string","anyOf":[{"type":"string"}]}}})"),
              ElementsAre("openAPIV3Schema.properties[a].anyOf[0].type: Forbidden: must be empty to be structural"));
  EXPECT_THAT(structural_errors(R"({"type":"object","properties":{"a":{"type":"string","pattern":"("}}})"),
              Contains(HasSubstr("must be a valid regular expression")));
  EXPECT_THAT(structural_errors(R"({"type":"object","properties":{"a":{"type":"integer","default":"x"}}})"),
              Contains(HasSubstr("properties[a].default: Invalid value: \"string\"")));
  EXPECT_THAT(structural_errors(R"({"type":"string"})"),
              Contains(HasSubstr("must be object at the root")));
  EXPECT_THAT(structural_errors(R"({"type":"object","properties":{"a":{"x-serin-type":"core/v1.Nope"}}})"),
              Contains(HasSubstr("there is no such built-in type")));
}

TEST(Structural, BuiltinTypesMayBeNamed) {
  SchemaPtr schema = custom(R"({"type":"object","properties":{"template":{"x-serin-type":"core/v1.PodTemplateSpec"}}})");
  EXPECT_EQ(schema->field("template")->schema->name, "core/v1.PodTemplateSpec");
  EXPECT_THAT(lines(validate(doc(R"({"template":{"spec":{}}})"), *schema)),
              ElementsAre("template.spec.containers: Required value"));
}

std::vector<std::string> rules(std::string_view text, std::string_view type, std::string_view old = {}) {
  std::string package(type.substr(0, type.find('/'))), kind(type.substr(type.find('.') + 1));
  json::value object = defaulted(text, type), before;
  if (!old.empty()) before = defaulted(old, type);
  return lines(validate_builtin(object, old.empty() ? nullptr : &before,
                                {package == "core" ? "" : package, "v1", kind}));
}

constexpr std::string_view kWeb = R"({"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}},
  "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"a","image":"x"}]}}}})";

TEST(BuiltinRules, Deployment) {
  EXPECT_THAT(rules(kWeb, "apps/v1.Deployment"), IsEmpty());
  EXPECT_THAT(rules(kWeb, "apps/v1.Deployment", kWeb), IsEmpty());
  std::string other(kWeb);
  other.replace(other.find("\"app\":\"web\""), 11, "\"app\":\"two\"");
  EXPECT_THAT(rules(other, "apps/v1.Deployment", kWeb),
              ElementsAre("spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
                          "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"two\"}}: field is immutable"));
}

TEST(BuiltinRules, Pod) {
  EXPECT_THAT(rules(R"({"metadata":{"name":"Bad_Name"},"spec":{"containers":[
    {"name":"a","image":"x","ports":[{"containerPort":70000,"name":"http"}],"volumeMounts":[{"name":"v","mountPath":"/v"}],
     "resources":{"limits":{"cpu":"1"},"requests":{"cpu":"2"}},"livenessProbe":{}},
    {"name":"a"}]}})", "core/v1.Pod"),
              ElementsAre(HasSubstr("metadata.name: Invalid value: \"Bad_Name\": must consist of lower case letters, digits"),
                          "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                          "spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
                          "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
                          "spec.containers[0].livenessProbe: Required value: must specify a handler type",
                          "spec.containers[1].name: Duplicate value: \"a\"",
                          "spec.containers[1].image: Required value"));
}

TEST(BuiltinRules, PodUpdatesMayChangeOnlyAFewFields) {
  auto pod = [](std::string_view image, std::string_view command, std::string_view node) {
    return concat(R"({"metadata":{"name":"p"},"spec":{"nodeName":")", node,
                  R"(","containers":[{"name":"a","image":")", image, R"(","command":[")", command, R"("],"imagePullPolicy":"Never"}]}})");
  };
  EXPECT_THAT(rules(pod("y", "c", "n"), "core/v1.Pod", pod("x", "c", "")), IsEmpty());
  EXPECT_THAT(rules(pod("x", "d", ""), "core/v1.Pod", pod("x", "c", "")),
              ElementsAre(HasSubstr("spec: Forbidden: pod updates may not change fields")));
  EXPECT_THAT(rules(pod("x", "c", "m"), "core/v1.Pod", pod("x", "c", "n")), testing::SizeIs(1));
}

TEST(BuiltinRules, Service) {
  EXPECT_THAT(rules(R"({"metadata":{"name":"1a"},"spec":{"ports":[{"port":0},{"port":80,"name":"a"},{"port":80,"name":"a"}]}})",
                    "core/v1.Service"),
              ElementsAre(HasSubstr("metadata.name: Invalid value: \"1a\": must consist of lower case letters"),
                          "spec.ports[0].name: Required value",
                          "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                          "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
                          "spec.ports[2].name: Duplicate value: \"a\"",
                          "spec.ports[2]: Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}"));
  EXPECT_THAT(rules(R"({"metadata":{"name":"a"},"spec":{"clusterIP":"None","selector":{"a":"b"}}})", "core/v1.Service"),
              IsEmpty());
  EXPECT_THAT(rules(R"({"metadata":{"name":"a"},"spec":{"clusterIP":"1.1.1.1","ports":[{"port":1}]}})", "core/v1.Service",
                    R"({"metadata":{"name":"a"},"spec":{"clusterIP":"1.1.1.2","ports":[{"port":1}]}})"),
              ElementsAre("spec.clusterIPs[0]: Invalid value: \"1.1.1.1\": may not change once set"));
}

TEST(BuiltinRules, Metadata) {
  EXPECT_THAT(lines(validate_metadata(doc(R"({"metadata":{}})"))),
              ElementsAre("metadata.name: Required value: name or generateName is required"));
  EXPECT_THAT(lines(validate_metadata(doc(R"({"metadata":{"generateName":"a-","labels":{"a b":"c","d":"-"}}})"))),
              ElementsAre(HasSubstr("metadata.labels: Invalid value: \"a b\""), HasSubstr("metadata.labels: Invalid value: \"-\"")));
}

}  // namespace
}  // namespace serin::kube
