// The CRDs under api/crds/: structural, and what they take and refuse.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "data/yaml.h"
#include "embedded/crds_under_test.h"
#include "kube/builtin_defaults.h"
#include "kube/builtin_validation.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<json::value>& bundled_crds() {
  static const std::vector<json::value> kCrds = [] {
    std::vector<json::value> crds;
    for (const embedded::File& file : embedded::crds_under_test()) {
      auto document = yaml::parse(file.bytes, true);
      EXPECT_TRUE(document) << file.name << ": " << document.error().message;
      if (document) crds.push_back(*std::move(document));
    }
    return crds;
  }();
  return kCrds;
}

const json::value& crd(std::string_view name) {
  for (const json::value& crd : bundled_crds())
    if (json::get_string(crd, "metadata", "name") == name) return crd;
  static const json::value kNone;
  ADD_FAILURE() << "no CRD " << name;
  return kNone;
}

SchemaPtr schema_of(std::string_view name) {
  auto schema = schema_from_openapi(
      *json::find(json::items(crd(name), "spec", "versions").at(0), "schema", "openAPIV3Schema"));
  EXPECT_TRUE(schema) << (schema ? "" : schema.error().message);
  return schema ? *schema : nullptr;
}

/// What pruning and validation say of an object written as YAML.
std::vector<std::string> problems(std::string_view name, std::string_view text) {
  auto object = yaml::parse(text);
  EXPECT_TRUE(object) << object.error().message;
  SchemaPtr schema = schema_of(name);
  std::vector<std::string> out;
  prune(*object, *schema, &out);
  for (const Cause& cause : validate(*object, *schema)) out.push_back(concat(cause.field, ": ", cause.message));
  return out;
}

TEST(Crds, AreValidAndStructural) {
  EXPECT_GE(bundled_crds().size(), 5u);
  SchemaPtr kind = builtin_type("apiextensions/v1.CustomResourceDefinition");
  GroupVersionKind gvk{"apiextensions.k8s.io", "v1", "CustomResourceDefinition"};
  for (json::value definition : bundled_crds()) {
    std::vector<std::string> unknown;
    prune(definition, *kind, &unknown);
    EXPECT_THAT(unknown, IsEmpty());
    apply_defaults(definition, *kind);
    apply_builtin_defaults(definition, gvk);
    EXPECT_THAT(validate(definition, *kind), IsEmpty()) << json::dump(definition);
    for (const Cause& cause : validate_builtin(definition, nullptr, gvk))
      ADD_FAILURE() << cause.field << ": " << cause.message;
  }
  for (const json::value& definition : bundled_crds()) {
    for (const json::value& version : json::items(definition, "spec", "versions")) {
      auto schema = schema_from_openapi(*json::find(version, "schema", "openAPIV3Schema"));
      EXPECT_TRUE(schema) << json::get_string(definition, "metadata", "name") << ": " << schema.error().message;
    }
  }
}

TEST(Crds, PruningKeepsTheReferenceToABuiltinType) {
  json::value definition = crd("rollouts.argoproj.io");
  prune(definition, *builtin_type("apiextensions/v1.CustomResourceDefinition"), nullptr);
  const json::value& version = json::items(definition, "spec", "versions").at(0);
  EXPECT_EQ(json::get_string(version, "schema", "openAPIV3Schema", "properties", "spec", "properties", "template",
                             "x-serin-type"),
            "core/v1.PodTemplateSpec");
}

TEST(RolloutCrd, TakesTheDocumentedCanary) {
  EXPECT_THAT(problems("rollouts.argoproj.io", R"(
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: provider}
spec:
  replicas: 1
  selector: {matchLabels: {app: provider}}
  template:
    metadata: {labels: {app: provider, version: v1}}
    spec:
      containers:
        - name: main
          image: provider:v1
          readinessProbe: {initialDelaySeconds: 15, tcpSocket: {port: 20880}}
  strategy:
    canary:
      canaryService: provider-canary
      stableService: provider-stable
      trafficRouting:
        managedRoutes: [{name: lane}]
        istio:
          virtualService: {name: provider, routes: [main]}
          destinationRule: {name: provider, stableSubsetName: stable, canarySubsetName: canary}
      steps:
        - setCanaryScale: {weight: 20}
        - setHeaderRoute: {name: lane, match: [{headerName: lane, headerValue: {exact: test-v2}}]}
        - setWeight: 5
        - pause: {duration: 10m}
        - pause: {duration: 30}
        - pause: {}
        - analysis: {templates: [{templateName: ok}], args: [{name: a, value: b}]}
status: {observedGeneration: "1", canary: {weights: {canary: {weight: 5}, verified: true}}}
)"), IsEmpty());
}

TEST(RolloutCrd, NamesWhatIsWrong) {
  EXPECT_THAT(problems("rollouts.argoproj.io", R"(
spec:
  replicas: -1
  template: {spec: {containers: [{image: x, imag: y}]}}
  strategy:
    canary:
      steps: [{setWeight: 101}, {setWeigth: 5}, {setWeight: 5}]
)"),
              ElementsAre("spec.template.spec.containers[0].imag", "spec.strategy.canary.steps[1].setWeigth",
                          "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
                          "spec.template.spec.containers[0].name: Required value",
                          "spec.strategy.canary.steps[0].setWeight: Invalid value: 101: "
                          "spec.strategy.canary.steps[0].setWeight in body should be less than or equal to 100",
                          "spec.strategy.canary.steps[1]: Invalid value: 0: "
                          "spec.strategy.canary.steps[1] in body should have at least 1 properties"));
}

TEST(RolloutCrd, KeepsTheTemplateAsWrittenButForListKeys) {
  auto rollout = yaml::parse("spec: {template: {spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}}}");
  apply_defaults(*rollout, *schema_of("rollouts.argoproj.io"));
  EXPECT_EQ(*rollout, *yaml::parse("spec: {template: {spec: {containers: [{name: a, "
                                   "ports: [{containerPort: 80, protocol: TCP}]}]}}}"));
}

TEST(IstioCrds, TakeRoutesAndRefuseWrongWeights) {
  EXPECT_THAT(problems("virtualservices.networking.istio.io", R"(
spec:
  hosts: ["*"]
  gateways: [demo]
  http:
    - name: main
      match: [{uri: {prefix: /hello}, headers: {lane: {exact: v2}}, port: 9090}]
      timeout: 1.5s
      retries: {attempts: 3, perTryTimeout: 2s, retryOn: "5xx"}
      headers: {request: {set: {a: b}}}
      route:
        - {destination: {host: web, subset: stable, port: {number: 80}}, weight: 95}
        - {destination: {host: web, subset: canary}, weight: 5, headers: {request: {add: {lane: x}, remove: [b]}}}
status: {observedGeneration: 3, conditions: [{type: Reconciled, status: "True"}]}
)"), IsEmpty());
  EXPECT_THAT(problems("virtualservices.networking.istio.io",
                       "spec: {http: [{route: [{destination: {host: a}, weight: 101}, {weight: -1}]}]}"),
              ElementsAre("spec.http[0].route[0].weight: Invalid value: 101: spec.http[0].route[0].weight in body "
                          "should be less than or equal to 100",
                          "spec.http[0].route[1].destination: Required value",
                          "spec.http[0].route[1].weight: Invalid value: -1: spec.http[0].route[1].weight in body "
                          "should be greater than or equal to 0"));
  EXPECT_THAT(problems("destinationrules.networking.istio.io", R"(
spec:
  host: web
  trafficPolicy: {connectionPool: {http: {maxRetries: 3}}, loadBalancer: {simple: ROUND_ROBIN}}
  subsets: [{name: stable, labels: {app: web}}, {name: canary, labels: {app: web}, trafficPolicy: {tls: {mode: DISABLE}}}]
)"), IsEmpty());
  EXPECT_THAT(problems("gateways.networking.istio.io", R"(
spec: {selector: {istio: ingressgateway}, servers: [{hosts: ['*'], port: {name: http, number: 9090, protocol: HTTP}}]}
)"), IsEmpty());
}

TEST(IstioCrds, ServeThreeVersionsOfOneStoredObject) {
  for (std::string_view plural : {"virtualservices", "destinationrules", "gateways"}) {
    std::vector<std::string> served;
    for (const json::value& version : json::items(crd(concat(plural, ".networking.istio.io")), "spec", "versions"))
      served.emplace_back(json::get_string(version, "name"));
    EXPECT_THAT(served, ElementsAre("v1", "v1beta1", "v1alpha3"));
  }
}

TEST(MeshCrd, TakesMembersAndTheOrderOfSynchronisation) {
  EXPECT_THAT(problems("meshes.serin.io", R"(
spec: {members: [{cluster: work-1}, {cluster: work-2}], synchronise: [work-1, work-2]}
status: {members: [{cluster: work-1, conditions: [{type: Ready, status: "True"}]}]}
)"), IsEmpty());
  EXPECT_THAT(problems("meshes.serin.io", "spec: {members: [{cluster: a}, {cluster: a}]}"),
              ElementsAre("spec.members[1]: Duplicate value: map[string]interface {}{\"cluster\":\"a\"}"));
}

}  // namespace
}  // namespace serin::kube
