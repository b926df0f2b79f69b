#include "gitops/diff/diff.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "data/yaml.h"

namespace serin::gitops::diff {
namespace {

kube::Object object(std::string_view text) { return kube::Object(yaml::parse(text).value()); }

std::string changes(std::string_view head, std::string_view want, std::string_view have) {
  std::string text;
  for (const Change& c : compare(object(concat(head, want)), object(concat(head, have))))
    text += concat(text.empty() ? "" : "; ", c.path, ": ", json::dump(c.live), " -> ", json::dump(c.desired));
  return text;
}

struct Case {
  const char *name, *want, *have, *changes;
};

void expect(std::string_view head, std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(changes(head, c.want, c.have), c.changes) << c.name;
}

TEST(Diff, BuiltInKinds) {
  expect("apiVersion: apps/v1\nkind: Deployment\n", {
      {"defaults and what others add are no differences",
       "metadata: {name: a}\nspec: {template: {spec: {containers: [{name: x, image: i}]}}}",
       "metadata: {name: a, uid: u, annotations: {a: b}}\nspec: {replicas: 1, template: {spec: {restartPolicy: Always, containers: [{name: sidecar}, {name: x, image: i, ports: []}]}}}\nstatus: {replicas: 1}",
       ""},
      {"a value", "spec: {replicas: 2}", "spec: {replicas: 1}", "spec.replicas: 1 -> 2"},
      {"in a named element", "spec: {template: {spec: {containers: [{name: x, image: j}]}}}",
       "spec: {template: {spec: {containers: [{name: w, image: k}, {name: x, image: i}]}}}",
       R"(spec.template.spec.containers[x].image: "i" -> "j")"},
      {"a missing element", "spec: {template: {spec: {containers: [{name: x}]}}}", "spec: {template: {spec: {containers: [{name: w}]}}}",
       R"(spec.template.spec.containers[x]: null -> {"name":"x"})"},
      {"quantities by value", "spec: {resources: {limits: {cpu: 0.1, memory: 1024Mi}}}", "spec: {resources: {limits: {cpu: 100m, memory: 1Gi}}}", ""},
      {"texts that look like quantities elsewhere", "spec: {x: '1000m'}", "spec: {x: '1'}", R"(spec.x: "1" -> "1000m")"},
      {"zero values that the server leaves out", "spec: {paused: false, minReadySeconds: 0, x: '', y: {}, z: [], n: null}", "spec: {}", ""},
      {"labels", "metadata: {labels: {a: b}}", "metadata: {labels: {a: c, d: e}}", R"(metadata.labels.a: "c" -> "b")"},
      {"atomic selectors", "spec: {selector: {a: b}}", "spec: {selector: {a: b, c: d}}", R"(spec.selector.c: "d" -> null)"},
      {"lists without keys", "spec: {args: [a, b]}", "spec: {args: [a]}", R"(spec.args: ["a"] -> ["a","b"])"},
      {"status is not compared", "status: {a: 1}", "status: {a: 2}", ""},
  });
}

TEST(Diff, SecretsByMeaning) {
  expect("apiVersion: v1\nkind: Secret\n", {
      {"", "stringData: {a: hello}", "data: {a: aGVsbG8=}", ""},
      {"", "stringData: {a: other}", "data: {a: aGVsbG8=}", R"(data.a: "aGVsbG8=" -> "b3RoZXI=")"}});
}

TEST(Diff, CustomKinds) {
  expect("apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\n", {
      {"equal", "spec: {http: [{name: a, route: [{weight: 1}]}]}", "spec: {http: [{name: a, route: [{weight: 1}]}]}", ""},
      {"an element that somebody added", "spec: {http: [{name: a}]}", "spec: {http: [{name: a}, {name: b}]}",
       R"(spec.http: [{"name":"a"},{"name":"b"}] -> [{"name":"a"}])"},
      {"a field that somebody added inside a list", "spec: {http: [{name: a}]}", "spec: {http: [{name: a, timeout: 1s}]}",
       R"(spec.http[a].timeout: "1s" -> null)"},
      {"order matters", "spec: {hosts: [a, b]}", "spec: {hosts: [b, a]}", R"(spec.hosts[0]: "b" -> "a"; spec.hosts[1]: "a" -> "b")"},
      {"zero is a value", "spec: {http: [{weight: 0}]}", "spec: {http: [{}]}", "spec.http[0].weight: null -> 0"},
  });
}

constexpr std::string_view kManaged =
    "metadata: {labels: {old: x, theirs: z}, managedFields: [{manager: argocd-controller, operation: Apply, fieldsType: FieldsV1, fieldsV1: "
    "{'f:metadata': {'f:labels': {'f:old': {}, 'f:gone': {}}}, 'f:spec': {'f:ports': {'k:{\"port\":80,\"protocol\":\"TCP\"}': {'.': {}, 'f:port': {}}, "
    "'k:{\"port\":81,\"protocol\":\"TCP\"}': {'.': {}, 'f:port': {}, 'f:name': {}}}, 'f:set': {'v:\"a\"': {}, 'v:\"b\"': {}}}}}]}\n";

TEST(Diff, WhatGitNoLongerSets) {
  expect("apiVersion: v1\nkind: Service\n", {
      {"fields, elements and members of sets that we own",
       "spec: {ports: [{port: 80}], set: [a]}",
       "metadata: {}\nspec: {}", "spec.ports: null -> [{\"port\":80}]; spec.set: null -> [\"a\"]"}});
  std::string have = concat(kManaged, "spec: {ports: [{port: 80, protocol: TCP, targetPort: 80}, {port: 81, protocol: TCP, name: x}], set: [a, b, c]}");
  EXPECT_EQ(changes("apiVersion: v1\nkind: Service\n", "spec: {ports: [{port: 80}], set: [a]}", have),
            R"(metadata.labels.old: "x" -> null; spec.ports[81,TCP]: {"port":81,"protocol":"TCP","name":"x"} -> null; spec.set["b"]: "b" -> null)");
  EXPECT_EQ(changes("apiVersion: v1\nkind: Service\n", "metadata: {labels: {old: x}}\nspec: {ports: [{port: 80}, {port: 81}], set: [b, a]}", have),
            R"(spec.ports[81,TCP].name: "x" -> null)");
}

}  // namespace
}  // namespace serin::gitops::diff
