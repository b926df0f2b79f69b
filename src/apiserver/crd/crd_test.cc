// CustomResourceDefinitions and the objects they define.

#include "apiserver/testing/fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using client::Patch;
using kube::kCustomResourceDefinitions;

class CrdTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    crd_ = must(client_->create(kCustomResourceDefinitions, widget_crd()));
  }
  kube::Object crd_;
};

TEST_F(CrdTest, IsEstablishedAndServedWhenCreateAnswers) {
  EXPECT_TRUE(kube::condition_true(crd_, "NamesAccepted"));
  EXPECT_TRUE(kube::condition_true(crd_, "Established"));
  EXPECT_EQ(json::get_string(crd_.doc(), "status", "acceptedNames", "listKind"), "WidgetList");
  EXPECT_EQ(json::dump(*json::find(crd_.doc(), "status", "storedVersions")), "[\"v1\"]");
  EXPECT_EQ(client_->resource_for({"example.com", "v1", "Widget"}), kWidgets);
  EXPECT_TRUE(client_->list(kWidgets));
}

TEST_F(CrdTest, SchemaPrunesDefaultsAndValidates) {
  kube::Object wish = widget("w").edit([](json::value& doc) { json::set(doc, {"spec", "unknown"}, 1); });
  kube::Object made = must(client_->create(kWidgets, wish));
  EXPECT_EQ(json::find(made.doc(), "spec", "unknown"), nullptr);
  EXPECT_EQ(json::get_int(made.doc(), 0, "spec", "size"), 3);
  EXPECT_EQ(made.generation(), 1);
  auto refused = client_->create(kWidgets, widget("x", "blue"));
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().causes[0].field, "spec.color");
}

TEST_F(CrdTest, EveryServedVersionShowsTheSameObject) {
  must(client_->create(kWidgets, widget("w")));
  kube::Object beta = must(client_->get(kWidgetsBeta, {"default", "w"}));
  EXPECT_EQ(beta.api_version(), "example.com/v1beta1");
  must(client_->patch(kWidgetsBeta, {"default", "w"}, {Patch::Type::kMerge, *json::parse(R"({"spec":{"color":"green"}})")}));
  EXPECT_EQ(json::get_string(must(client_->get(kWidgets, {"default", "w"})).doc(), "spec", "color"), "green");
}

TEST_F(CrdTest, StatusAndScale) {
  must(client_->create(kWidgets, widget("w").edit([](json::value& doc) { json::set(doc, {"status", "x"}, 1); })));
  kube::Object status = must(client_->patch(kWidgets, {"default", "w"},
      {Patch::Type::kMerge, *json::parse(R"({"status":{"replicas":2,"selector":"a=b"}})")}, {.subresource = "status"}));
  EXPECT_EQ(json::find(status.doc(), "status", "x"), nullptr);
  kube::Object scale = must(client_->patch(kWidgets, {"default", "w"},
      {Patch::Type::kMerge, *json::parse(R"({"spec":{"replicas":4}})")}, {.subresource = "scale"}));
  EXPECT_EQ(json::dump(*json::find(scale.doc(), "status")), R"({"replicas":2,"selector":"a=b"})");
  EXPECT_EQ(must(client_->get(kWidgets, {"default", "w"})).generation(), 2);
}

TEST_F(CrdTest, SelectableFieldsAndUnsupportedPatch) {
  must(client_->create(kWidgets, widget("r", "red")));
  must(client_->create(kWidgets, widget("g", "green")));
  EXPECT_EQ(client_->list(kWidgets, {.field_selector = "spec.color=green"})->items.size(), 1u);
  EXPECT_TRUE(
      failed_with(client_->patch(kWidgets, {"default", "r"}, {Patch::Type::kStrategic, json::object()}), Code::kUnsupportedMediaType));
}

TEST_F(CrdTest, DeletionTakesTheObjectsAlong) {
  must(client_->create(kWidgets, widget("w")));
  ASSERT_TRUE(client_->remove(kCustomResourceDefinitions, {"", "widgets.example.com"}));
  EXPECT_TRUE(failed_with(client_->get(kCustomResourceDefinitions, {"", "widgets.example.com"}), Code::kNotFound));
  EXPECT_TRUE(failed_with(client_->get(kWidgets, {"default", "w"}), Code::kNotFound));
  EXPECT_FALSE(client_->resource_for({"example.com", "v1", "Widget"}));
  must(client_->create(kCustomResourceDefinitions, widget_crd()));
  EXPECT_EQ(client_->list(kWidgets)->items.size(), 0u);
}

TEST_F(CrdTest, DeletionWaitsForFinalizersOfObjects) {
  must(client_->create(kWidgets, widget("w").edit([](json::value& doc) {
    json::set(doc, {"metadata", "finalizers"}, json::array{"example.com/hold"});
  })));
  ASSERT_TRUE(client_->remove(kCustomResourceDefinitions, {"", "widgets.example.com"}));
  EXPECT_TRUE(kube::condition_true(must(client_->get(kCustomResourceDefinitions, {"", "widgets.example.com"})), "Terminating"));
  EXPECT_TRUE(failed_with(client_->create(kWidgets, widget("more")), Code::kMethodNotAllowed));
  must(client_->patch(kWidgets, {"default", "w"}, {Patch::Type::kMerge, *json::parse(R"({"metadata":{"finalizers":null}})")}));
  EXPECT_TRUE(failed_with(client_->get(kCustomResourceDefinitions, {"", "widgets.example.com"}), Code::kNotFound));
}

TEST_F(CrdTest, OtherClustersDoNotKnowIt) {
  ASSERT_TRUE(server_->add_cluster("work-2"));
  EXPECT_TRUE(failed_with(server_->client("work-2", "test")->list(kWidgets), Code::kNotFound));
}

TEST_F(CrdTest, BadDefinitionsAreRefused) {
  ASSERT_TRUE(server_->add_cluster("empty"));
  auto empty = server_->client("empty", "test");
  auto with = [](json::Path path, json::value to) {
    return widget_crd().edit([&](json::value& doc) { json::set(doc, path, to); });
  };
  EXPECT_TRUE(failed_with(empty->create(kCustomResourceDefinitions, with({"metadata", "name"}, "wrong.example.com")), Code::kInvalid));
  EXPECT_TRUE(failed_with(empty->create(kCustomResourceDefinitions, with({"spec", "scope"}, "Galaxy")), Code::kInvalid));
  kube::Object clash = with({"metadata", "name"}, "gadgets.example.com").edit([](json::value& doc) {
    json::set(doc, {"spec", "names", "plural"}, "gadgets");
  });
  kube::Object made = must(client_->create(kCustomResourceDefinitions, clash));
  EXPECT_FALSE(kube::condition_true(made, "NamesAccepted"));
}

class CrdNames : public CrdTest {
 protected:
  /// A CRD of the same group that wants the short name of another.
  static kube::Object gadgets(std::string_view short_name) {
    return widget_crd().edit([&](json::value& doc) {
      json::set(doc, {"metadata", "name"}, "gadgets.example.com");
      json::set(doc, {"spec", "names"},
                json::object{{"plural", "gadgets"}, {"kind", "Gadget"}, {"shortNames", json::array{json::value(short_name)}}});
    });
  }
  kube::Object crd(const std::string& name) { return must(client_->get(kCustomResourceDefinitions, {"", name})); }
};

TEST_F(CrdNames, ThatAreTakenAreFreedWithTheirOwner) {
  kube::Object made = must(client_->create(kCustomResourceDefinitions, gadgets("wd")));
  const json::value& condition = json::items(made.doc(), "status", "conditions")[0];
  EXPECT_EQ(json::get_string(condition, "type"), "NamesAccepted");
  EXPECT_EQ(json::get_string(condition, "status"), "False");
  EXPECT_EQ(json::get_string(condition, "reason"), "ShortNamesConflict");
  EXPECT_EQ(json::get_string(condition, "message"), "\"wd\" is already in use");
  EXPECT_FALSE(kube::condition_true(made, "Established"));
  EXPECT_EQ(json::get_string(made.doc(), "status", "acceptedNames", "kind"), "Gadget");
  EXPECT_FALSE(client_->resource_for({"example.com", "v1", "Gadget"}));
  ASSERT_TRUE(client_->remove(kCustomResourceDefinitions, {"", "widgets.example.com"}));
  EXPECT_TRUE(kube::condition_true(crd("gadgets.example.com"), "NamesAccepted"));
  EXPECT_TRUE(client_->resource_for({"example.com", "v1", "Gadget"}));
}

TEST_F(CrdNames, ThatWereAcceptedStayServed) {
  must(client_->create(kCustomResourceDefinitions, gadgets("gd")));
  kube::Object changed = must(client_->patch(kCustomResourceDefinitions, {"", "gadgets.example.com"},
                                             {Patch::Type::kMerge, *json::parse(R"({"spec":{"names":{"shortNames":["wd"]}}})")}));
  EXPECT_FALSE(kube::condition_true(changed, "NamesAccepted"));
  EXPECT_TRUE(kube::condition_true(changed, "Established"));
  EXPECT_EQ(json::dump(*json::find(changed.doc(), "status", "acceptedNames", "shortNames")), "[\"gd\"]");
  EXPECT_TRUE(client_->resource_for({"example.com", "v1", "Gadget"}));
}

TEST_F(CrdNames, OfKubernetesAskForApproval) {
  auto with = [](std::string_view approval) {
    return gadgets("gd").edit([&](json::value& doc) {
      json::set(doc, {"metadata", "name"}, "gadgets.test.k8s.io");
      json::set(doc, {"spec", "group"}, "test.k8s.io");
      if (!approval.empty()) json::set(doc, {"metadata", "annotations"}, json::object{{"api-approved.kubernetes.io", approval}});
    });
  };
  auto refused = client_->create(kCustomResourceDefinitions, with(""));
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().causes[0].field, "metadata.annotations[api-approved.kubernetes.io]");
  EXPECT_TRUE(failed_with(client_->create(kCustomResourceDefinitions, with("yes")), Code::kInvalid));
  kube::Object made = must(client_->create(kCustomResourceDefinitions, with("https://github.com/kubernetes/enhancements/pull/1111")));
  EXPECT_TRUE(kube::condition_true(made, "KubernetesAPIApprovalPolicyConformant"));
  ASSERT_TRUE(client_->remove(kCustomResourceDefinitions, {"", "gadgets.test.k8s.io"}));
  made = must(client_->create(kCustomResourceDefinitions, with("unapproved, a test")));
  EXPECT_FALSE(kube::condition_true(made, "KubernetesAPIApprovalPolicyConformant"));
  EXPECT_TRUE(kube::condition_true(made, "Established"));
}

class CrdRules : public CrdTest {
 protected:
  /// A change of the definition of widgets.
  Result<kube::Object> change(const std::string& patch) {
    return client_->patch(kCustomResourceDefinitions, {"", "widgets.example.com"}, {Patch::Type::kJson, *json::parse(patch)});
  }
  static std::string rule(std::string_view text) {
    return concat(R"([{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations","value":[)",
                  text, "]}]");
  }
};

TEST_F(CrdRules, RefuseObjectsAndTheirStatusAndScale) {
  must(client_->create(kWidgets, widget("old")));
  must(change(rule(R"({"rule":"!has(self.replicas) || self.replicas < 5","message":"too many","fieldPath":".replicas"})")));
  auto refused = client_->patch(kWidgets, {"default", "old"}, {Patch::Type::kMerge, *json::parse(R"({"spec":{"replicas":4}})")},
                                {.subresource = "scale"});
  EXPECT_TRUE(refused);
  refused = client_->patch(kWidgets, {"default", "old"}, {Patch::Type::kMerge, *json::parse(R"({"spec":{"replicas":5}})")},
                           {.subresource = "scale"});
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().causes[0].field, "spec.replicas");
  EXPECT_EQ(refused.error().causes[0].message, "Invalid value: \"object\": too many");
}

TEST_F(CrdRules, ThatAreNewLeaveOldObjectsAlone) {
  must(client_->create(kWidgets, widget("old", "green")));
  must(change(rule(R"({"rule":"self.color == 'red'","message":"red only"})")));
  EXPECT_TRUE(failed_with(client_->create(kWidgets, widget("new", "green")), Code::kInvalid));
  must(client_->patch(kWidgets, {"default", "old"}, {Patch::Type::kMerge, *json::parse(R"({"metadata":{"labels":{"a":"b"}}})")}));
  auto refused = client_->patch(kWidgets, {"default", "old"}, {Patch::Type::kMerge, *json::parse(R"({"spec":{"size":4}})")});
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().causes[0].field, "spec");
}

TEST_F(CrdRules, AreNamedByTheirPlaceInTheDefinition) {
  auto refused = change(rule(R"({"rule":"self.colour == 'red'"})"));
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().causes[0].field, "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule");
  // A schema that all versions share is one of the whole definition.
  kube::Object one = widget_crd().edit([](json::value& doc) {
    json::value version = json::items(doc, "spec", "versions")[0];
    json::set(version, {"schema", "openAPIV3Schema", "x-kubernetes-validations"}, *json::parse(R"([{"rule":"1"}])"));
    json::set(doc, {"spec", "versions"}, json::array{version});
  });
  ASSERT_TRUE(server_->add_cluster("other"));
  refused = server_->client("other", "test")->create(kCustomResourceDefinitions, one);
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().causes[0].field, "spec.validation.openAPIV3Schema.x-kubernetes-validations[0].rule");
}

TEST_F(CrdRules, ChangedSchemasFitWhatIsStored) {
  must(client_->create(kWidgets, widget("w")));
  must(change(
      R"([{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/depth","value":{"type":"integer","default":2}},
                  {"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size"}])"));
  kube::Object now = must(client_->get(kWidgets, {"default", "w"}));
  EXPECT_EQ(json::get_int(now.doc(), 0, "spec", "depth"), 2);
  EXPECT_EQ(json::find(now.doc(), "spec", "size"), nullptr);
}

TEST_F(CrdRules, StoredVersionsAreKept) {
  auto refused = change(R"([{"op":"replace","path":"/spec/versions/1/storage","value":true},{"op":"remove","path":"/spec/versions/0"}])");
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().causes[0].field, "status.storedVersions[0]");
}

}  // namespace
}  // namespace serin::apiserver
