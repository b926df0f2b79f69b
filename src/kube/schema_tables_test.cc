#include "kube/schema_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace serin::kube {
namespace {

using testing::ElementsAre;

const ResourceInfo& resource(std::string_view group, std::string_view plural) {
  for (const ResourceInfo& info : builtin_resources())
    if (info.resource.group == group && info.resource.plural == plural) return info;
  static const ResourceInfo kNone;
  ADD_FAILURE() << "no resource " << plural;
  return kNone;
}

TEST(BuiltinTables, EveryResourceHasItsSchemaWithMetadata) {
  EXPECT_GE(builtin_resources().size(), 48u);
  for (const ResourceInfo& info : builtin_resources()) {
    ASSERT_NE(info.schema, nullptr) << info.resource.plural;
    EXPECT_NE(info.schema->field("metadata"), nullptr) << info.resource.plural;
    EXPECT_NE(info.schema->field("apiVersion"), nullptr) << info.resource.plural;
    EXPECT_FALSE(info.verbs.empty());
  }
}

TEST(BuiltinTables, ResourceFacts) {
  const ResourceInfo& deployments = resource("apps", "deployments");
  EXPECT_EQ(deployments.resource.api_version(), "apps/v1");
  EXPECT_TRUE(deployments.resource.namespaced);
  EXPECT_TRUE(deployments.status_subresource);
  EXPECT_TRUE(deployments.has_generation);
  EXPECT_THAT(deployments.short_names, ElementsAre("deploy"));
  EXPECT_EQ(deployments.scale->spec_replicas, ".spec.replicas");
  EXPECT_EQ(deployments.list_kind, "DeploymentList");
  EXPECT_EQ(deployments.singular, "deployment");
  const ResourceInfo& events = resource("", "events");
  EXPECT_EQ(events.columns.at(0).name, "Last Seen");
  EXPECT_EQ(events.columns.at(0).json_path, ".lastTimestamp");
  EXPECT_FALSE(resource("", "nodes").resource.namespaced);
  EXPECT_THAT(resource("authentication.k8s.io", "tokenreviews").verbs, ElementsAre("create"));
  EXPECT_EQ(resource("", "pods").columns.at(1).priority, 1);
}

TEST(BuiltinTables, MergeKeysAndListTypes) {
  SchemaPtr pod = builtin_type("core/v1.PodSpec");
  const Schema& containers = *pod->field("containers")->schema;
  EXPECT_EQ(containers.merge_key, "name");
  EXPECT_EQ(containers.list_type, ListType::kMap);
  EXPECT_THAT(pod->required, ElementsAre("containers"));
  const Schema& ports = *containers.items->field("ports")->schema;
  EXPECT_EQ(ports.merge_key, "containerPort");
  EXPECT_THAT(ports.list_keys, ElementsAre("containerPort", "protocol"));
  EXPECT_TRUE(pod->field("volumes")->schema->retain_keys);
  EXPECT_EQ(pod->field("tolerations")->schema->list_type, ListType::kAtomic);
  EXPECT_FALSE(pod->field("tolerations")->schema->merge);
  const Schema& finalizers = *builtin_type("meta/v1.ObjectMeta")->field("finalizers")->schema;
  EXPECT_TRUE(finalizers.merge);
  EXPECT_EQ(finalizers.list_type, ListType::kSet);
  EXPECT_TRUE(builtin_type("core/v1.ServiceSpec")->field("selector")->schema->atomic);
  EXPECT_TRUE(builtin_type("apps/v1.DeploymentSpec")->field("strategy")->schema->retain_keys);
}

TEST(BuiltinTables, FieldsKnowWhetherGoHoldsThemByPointer) {
  SchemaPtr spec = builtin_type("apps/v1.DeploymentSpec");
  EXPECT_TRUE(spec->field("replicas")->pointer);
  EXPECT_FALSE(spec->field("minReadySeconds")->pointer);
  EXPECT_TRUE(spec->field("selector")->pointer);
  EXPECT_FALSE(spec->field("template")->pointer);
}

TEST(BuiltinTables, InlinedFieldsKnowTheirParentOnTheWire) {
  SchemaPtr volume = builtin_type("core/v1.Volume");
  const Field* config_map = volume->field("configMap");
  ASSERT_NE(config_map, nullptr);
  EXPECT_EQ(config_map->proto_number, 19);
  EXPECT_EQ(config_map->proto_parent, 2);
  EXPECT_EQ(volume->field("name")->proto_parent, 0);
}

TEST(BuiltinTables, TypesReferToThemselvesAndToOthers) {
  SchemaPtr props = builtin_type("apiextensions/v1.JSONSchemaProps");
  EXPECT_EQ(props->field("properties")->schema->values, props);
  SchemaPtr deployment = builtin_type("apps/v1.DeploymentSpec");
  EXPECT_EQ(deployment->field("template")->schema->name, "core/v1.PodTemplateSpec");
  EXPECT_EQ(deployment->field("template")->schema->fields.at(1).schema->name, "core/v1.PodSpec");
}

TEST(BuiltinTables, Defaults) {
  EXPECT_EQ(builtin_type("apps/v1.RollingUpdateDeployment")->field("maxSurge")->schema->default_value,
            json::value("25%"));
  EXPECT_EQ(builtin_type("core/v1.Probe")->field("periodSeconds")->schema->default_value,
            json::value(10));
  EXPECT_EQ(builtin_type("core/v1.ContainerPort")->field("protocol")->schema->default_value,
            json::value("TCP"));
}

TEST(Tables, ErrorsNameFileAndLine) {
  auto message = [](std::string_view text) {
    auto parsed = parse_tables({{"x.txt", text}});
    return parsed ? "fine" : parsed.error().message;
  };
  EXPECT_EQ(message("package a/v1\ntype A\n  x 1 Missing\n"), "x.txt:3: unknown type Missing");
  EXPECT_EQ(message("package a/v1\ntype A\n  x 1 string odd\n"), "x.txt:3: unknown flag \"odd\"");
  EXPECT_EQ(message("package a/v1\ntype A\n  x y string\n"), "x.txt:3: expected a protobuf number");
  EXPECT_EQ(message("package a/v1\nresource as A\n"),
            "x.txt:2: expected: resource PLURAL KIND namespaced|cluster ...");
  EXPECT_EQ(message("package a/v1\nresource as A cluster\n"), "resource as: no type a/v1.A");
}

}  // namespace
}  // namespace serin::kube
