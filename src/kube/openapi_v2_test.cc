#include "kube/openapi_v2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/protobuf_wire.h"
#include "kube/schema.h"

namespace serin::kube {
namespace {

json::value builtin_document() {
  std::vector<const ResourceInfo*> all;
  for (const ResourceInfo& info : builtin_resources()) all.push_back(&info);
  OpenApiV2 v2;
  v2.add(openapi_v3({"", "v1"}, all));
  v2.add(openapi_v3({"apps", "v1"}, all));
  return v2.finish();
}

/// The definition of one schema, given as v3 JSON.
json::value definition(std::string_view schema) {
  OpenApiV2 v2;
  v2.add(json::object{{"components", json::object{{"schemas", json::object{{"T", json::parse(schema).value()}}}}}});
  return json::find(v2.finish(), "definitions")->at("T");
}

/// Every reference must lead to a definition.
void check_references(const json::value& v, const json::object& definitions) {
  if (const json::object* members = v.if_object()) {
    for (const auto& [name, member] : *members) {
      if (name == "$ref" && member.is_string()) {
        std::string_view target = json::as_string(&member);
        EXPECT_TRUE(target.starts_with("#/definitions/")) << target;
        EXPECT_TRUE(definitions.contains(target.substr(target.rfind('/') + 1))) << target;
      }
      check_references(member, definitions);
    }
  } else if (const json::array* list = v.if_array()) {
    for (const json::value& item : *list) check_references(item, definitions);
  }
}

TEST(OpenApiV2, BuiltInKindsWithTheirExtensions) {
  json::value doc = builtin_document();
  EXPECT_EQ(json::get_string(doc, "swagger"), "2.0");
  check_references(doc, *json::find_object(doc, "definitions"));
  const json::value& definitions = *json::find(doc, "definitions");
  const json::value* deployment = json::find(definitions, "io.k8s.api.apps.v1.Deployment");
  EXPECT_EQ(json::get_string(json::items(*deployment, "x-kubernetes-group-version-kind").at(0), "kind"), "Deployment");
  const json::value* containers = json::find(definitions, "io.k8s.api.core.v1.PodSpec", "properties", "containers");
  EXPECT_EQ(json::get_string(*containers, "x-kubernetes-patch-merge-key"), "name");
  EXPECT_EQ(json::get_string(*containers, "items", "$ref"), "#/definitions/io.k8s.api.core.v1.Container");
  EXPECT_EQ(json::dump(*json::find(definitions, "io.k8s.apimachinery.pkg.util.intstr.IntOrString")),
            R"({"type":"string","format":"int-or-string"})");
  const json::value* strategy = json::find(definitions, "io.k8s.api.apps.v1.DeploymentSpec", "properties", "strategy");
  EXPECT_EQ(json::get_string(*strategy, "$ref"), "#/definitions/io.k8s.api.apps.v1.DeploymentStrategy") << "a reference with a default";
  EXPECT_EQ(json::get_string(*strategy, "x-kubernetes-patch-strategy"), "retainKeys");
}

TEST(OpenApiV2, OperationsTakeBodyAndParameters) {
  json::value doc = builtin_document();
  const json::value* patch = json::find(doc, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch");
  ASSERT_NE(patch, nullptr);
  std::vector<std::string> names;
  for (const json::value& parameter : json::items(*patch, "parameters")) {
    names.emplace_back(json::get_string(parameter, "name"));
    EXPECT_EQ(json::find(parameter, "schema") != nullptr, names.back() == "body");
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"body", "dryRun", "fieldManager", "fieldValidation", "force"}));
  EXPECT_THAT(json::dump(*json::find(*patch, "consumes")), testing::HasSubstr("application/apply-patch+yaml"));
  EXPECT_EQ(json::get_string(*patch, "responses", "200", "schema", "$ref"), "#/definitions/io.k8s.api.apps.v1.Deployment");
}

TEST(OpenApiV2, WhatV2CannotSayIsLeftOut) {
  EXPECT_EQ(json::dump(definition(R"({"type":"object","required":["a","b"],"properties":{"a":{"type":"string","nullable":true},)"
                                  R"("b":{"type":"integer","minimum":1},"c":{"type":"object","nullable":true,"properties":{"d":{}}}},)"
                                  R"("anyOf":[{"required":["b"]}],"not":{},"x-kubernetes-validations":[]})")),
            R"({"type":"object","required":["b"],"properties":{"a":{},"b":{"type":"integer","minimum":1},"c":{}},)"
            R"("x-kubernetes-validations":[]})");
  EXPECT_EQ(json::dump(definition(R"({"type":"object","properties":{"a":{"type":"object","x-kubernetes-preserve-unknown-fields":true,)"
                                  R"("properties":{"b":{}}},"l":{"type":"array"},"m":{"type":"object","additionalProperties":true}}})")),
            R"({"type":"object","properties":{"a":{"x-kubernetes-preserve-unknown-fields":true},"l":{},)"
            R"("m":{"type":"object","additionalProperties":true}}})");
  EXPECT_EQ(json::dump(definition(R"({"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{}},)"
                                  R"("x-kubernetes-group-version-kind":[{"kind":"K"}]})")),
            R"({"type":"object","x-kubernetes-group-version-kind":[{"kind":"K"}]})");
  EXPECT_EQ(json::dump(definition(R"({"type":"object","properties":{"a":{"x-kubernetes-int-or-string":true,"oneOf":[{},{}]}}})")),
            R"({"type":"object","properties":{"a":{"x-kubernetes-int-or-string":true}}})");
}

TEST(GnosticV2, NamesAndValuesByNumber) {
  json::value doc = json::parse(R"({"swagger":"2.0","definitions":{"T":{"type":"object","maxLength":7,"x-a":{"b":1}}}})").value();
  std::string bytes = gnostic_v2(doc);
  auto inside = [](std::string_view message, int number) { return wire::last_field(message, number).value(); };
  EXPECT_EQ(inside(bytes, 1).bytes, "2.0");
  std::string_view named = inside(inside(bytes, 9).bytes, 1).bytes;
  EXPECT_EQ(inside(named, 1).bytes, "T");
  std::string_view schema = inside(named, 2).bytes;
  EXPECT_EQ(inside(inside(schema, 22).bytes, 1).bytes, "object");
  EXPECT_EQ(inside(schema, 11).value, 7u);
  std::string_view extension = inside(schema, 31).bytes;
  EXPECT_EQ(inside(extension, 1).bytes, "x-a");
  EXPECT_EQ(inside(inside(extension, 2).bytes, 2).bytes, R"({"b":1})");
}

}  // namespace
}  // namespace serin::kube
