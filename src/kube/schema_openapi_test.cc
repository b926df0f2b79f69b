#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/schema.h"

namespace serin::kube {
namespace {

json::value document(const GroupVersion& gv) {
  std::vector<const ResourceInfo*> all;
  for (const ResourceInfo& info : builtin_resources()) all.push_back(&info);
  return openapi_v3(gv, all);
}

const json::value* schema(const json::value& doc, std::string_view name) {
  return json::find(doc, "components", "schemas", name);
}

/// Every "#/components/schemas/X" must lead somewhere.
void check_references(const json::value& v, const json::object& schemas) {
  if (const json::object* members = v.if_object()) {
    for (const auto& [name, member] : *members) {
      if (name == "$ref" && member.is_string()) {
        std::string_view target = json::as_string(&member);
        EXPECT_TRUE(schemas.contains(target.substr(target.rfind('/') + 1))) << target;
      }
      check_references(member, schemas);
    }
  } else if (const json::array* list = v.if_array()) {
    for (const json::value& item : *list) check_references(item, schemas);
  }
}

TEST(OpenApi, EveryGroupIsClosedUnderReference) {
  for (const ResourceInfo& info : builtin_resources()) {
    json::value doc = document({info.resource.group, info.resource.version});
    check_references(doc, *json::find_object(doc, "components", "schemas"));
  }
}

TEST(OpenApi, KindsCarryWhatKubectlLooksFor) {
  json::value doc = document({"apps", "v1"});
  const json::value* deployment = schema(doc, "io.k8s.api.apps.v1.Deployment");
  ASSERT_NE(deployment, nullptr);
  const json::value& gvk = json::items(*deployment, "x-kubernetes-group-version-kind").at(0);
  EXPECT_EQ(json::get_string(gvk, "kind"), "Deployment");
  EXPECT_EQ(json::get_string(gvk, "group"), "apps");
  const json::value* containers = json::find(*schema(doc, "io.k8s.api.core.v1.PodSpec"), "properties", "containers");
  EXPECT_EQ(json::get_string(*containers, "x-kubernetes-patch-merge-key"), "name");
  EXPECT_EQ(json::get_string(*containers, "x-kubernetes-patch-strategy"), "merge");
  EXPECT_EQ(json::get_string(*containers, "x-kubernetes-list-type"), "map");
  EXPECT_EQ(json::get_string(*containers, "items", "$ref"), "#/components/schemas/io.k8s.api.core.v1.Container");
  EXPECT_NE(schema(doc, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"), nullptr);
}

TEST(OpenApi, PatchTakesFieldValidationAndDryRun) {
  json::value doc = document({"apps", "v1"});
  const json::value* patch =
      json::find(doc, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch");
  ASSERT_NE(patch, nullptr);
  EXPECT_EQ(json::get_string(*patch, "x-kubernetes-group-version-kind", "kind"), "Deployment");
  std::vector<std::string> names;
  for (const json::value& parameter : json::items(*patch, "parameters"))
    names.emplace_back(json::get_string(parameter, "name"));
  EXPECT_THAT(names, testing::IsSupersetOf({"fieldValidation", "dryRun"}));
  EXPECT_NE(json::find(document({"", "v1"}), "paths", "/api/v1/nodes/{name}/status", "patch"), nullptr);
}

TEST(OpenApi, CustomKinds) {
  ResourceInfo info;
  info.resource = {"networking.istio.io", "v1", "virtualservices", "VirtualService", true};
  info.list_kind = "VirtualServiceList";
  info.verbs = {"get", "list", "patch", "create"};
  info.custom = true;
  auto parsed = json::parse(R"({"type":"object","description":"d","properties":{"spec":{"type":"object",
    "properties":{"weight":{"type":"integer","maximum":100}},"x-kubernetes-preserve-unknown-fields":true}}})");
  info.schema = *schema_from_openapi(*parsed);
  json::value doc = openapi_v3({"networking.istio.io", "v1"}, {&info});
  const json::value* kind = schema(doc, "io.istio.networking.v1.VirtualService");
  ASSERT_NE(kind, nullptr);
  EXPECT_EQ(json::get_string(*kind, "description"), "d");
  EXPECT_EQ(json::get_int(*kind, 0, "properties", "spec", "properties", "weight", "maximum"), 100);
  EXPECT_TRUE(json::get_bool(*kind, false, "properties", "spec", "x-kubernetes-preserve-unknown-fields"));
  EXPECT_EQ(json::find(doc, "paths", "/apis/networking.istio.io/v1/namespaces/{namespace}/virtualservices/{name}",
                       "patch", "requestBody", "content", "application/strategic-merge-patch+json"),
            nullptr);
  check_references(doc, *json::find_object(doc, "components", "schemas"));
}

}  // namespace
}  // namespace serin::kube
