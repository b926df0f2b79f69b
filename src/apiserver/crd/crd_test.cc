// CustomResourceDefinitions and the objects they define.

#include "apiserver/testing/fixture.h"

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
  EXPECT_TRUE(failed_with(client_->patch(kWidgets, {"default", "r"}, {Patch::Type::kStrategic, json::object()}), Code::kUnsupportedMediaType));
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

}  // namespace
}  // namespace serin::apiserver
