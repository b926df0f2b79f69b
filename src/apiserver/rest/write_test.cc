// Create, update, patch and delete through the in-process client.

#include "apiserver/testing/fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

using client::Patch;
using kube::kConfigMaps;
using kube::kDeployments;
using kube::kNamespaces;
using kube::kPods;

class WriteTest : public ServerTest {};

TEST_F(WriteTest, CreateCompletesMetadata) {
  kube::Object made = must(client_->create(kConfigMaps, config_map("a")));
  EXPECT_EQ(made.uid().size(), 36u);
  EXPECT_EQ(json::get_string(made.doc(), "metadata", "creationTimestamp"), "2026-01-01T00:00:00Z");
  EXPECT_GT(made.version().value, 0u);
  EXPECT_EQ(made.generation(), 0);
  EXPECT_EQ(must(client_->get(kConfigMaps, {"default", "a"})), made);
  EXPECT_TRUE(failed_with(client_->create(kConfigMaps, config_map("a")), Code::kAlreadyExists));
}

TEST_F(WriteTest, GenerateNameGivesAFreeName) {
  kube::Object wish(json::object{{"metadata", json::object{{"generateName", "x-"}, {"namespace", "default"}}}});
  std::string first(must(client_->create(kConfigMaps, wish)).name());
  std::string second(must(client_->create(kConfigMaps, wish)).name());
  EXPECT_TRUE(first.starts_with("x-"));
  EXPECT_EQ(first.size(), 7u);
  EXPECT_NE(first, second);
}

TEST_F(WriteTest, CreateNeedsALivingNamespace) {
  EXPECT_TRUE(failed_with(client_->create(kConfigMaps, config_map("a", "1", "nowhere")), Code::kNotFound));
  kube::Object ns(json::object{{"metadata", json::object{{"name", "short"}}}});
  kube::Object made = must(client_->create(kNamespaces, ns));
  EXPECT_EQ(made.label("kubernetes.io/metadata.name"), "short");
  EXPECT_EQ(json::get_string(made.doc(), "status", "phase"), "Active");
  ASSERT_TRUE(client_->remove(kNamespaces, {"", "short"}));
  auto refused = client_->create(kConfigMaps, config_map("a", "1", "short"));
  ASSERT_TRUE(failed_with(refused, Code::kForbidden));
  EXPECT_EQ(refused.error().causes[0].reason, "NamespaceTerminating");
  kube::Object terminating = must(client_->get(kNamespaces, {"", "short"}));
  EXPECT_EQ(json::get_string(terminating.doc(), "status", "phase"), "Terminating");
  kube::Object done = terminating.edit([](json::value& doc) { json::erase(doc, {"spec", "finalizers"}); });
  ASSERT_TRUE(client_->update(kNamespaces, done, {.subresource = "finalize"}));
  EXPECT_TRUE(failed_with(client_->get(kNamespaces, {"", "short"}), Code::kNotFound));
  EXPECT_TRUE(failed_with(client_->remove(kNamespaces, {"", "default"}), Code::kForbidden));
}

TEST_F(WriteTest, SomeKindsNeedAVersionInAnUpdate) {
  auto without_version = [](const kube::Object& object) {
    return object.edit([](json::value& doc) { json::erase(doc, {"metadata", "resourceVersion"}); });
  };
  kube::Object map = must(client_->create(kConfigMaps, config_map("a")));
  EXPECT_TRUE(client_->update(kConfigMaps, without_version(map)));
  must(client_->create(kube::kCustomResourceDefinitions, widget_crd()));
  kube::Object made = must(client_->create(kWidgets, widget("w")));
  auto refused = client_->update(kWidgets, without_version(made));
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_EQ(refused.error().message, "widgets.example.com \"w\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be "
                                     "specified for an update");
  EXPECT_TRUE(client_->update(kWidgets, made));
  kube::Object lease = must(client_->create(kube::kLeases, object_of(R"({"metadata":{"name":"l","namespace":"default"}})")));
  EXPECT_TRUE(failed_with(client_->update(kube::kLeases, without_version(lease)), Code::kInvalid));
  json::value scale = json::object{{"spec", json::object{{"replicas", 2}}}};
  EXPECT_TRUE(client_->patch(kWidgets, {"default", "w"}, {Patch::Type::kMerge, scale}));
}

TEST_F(WriteTest, UpdateRefusesAStaleVersionAndIgnoresANoOp) {
  kube::Object first = must(client_->create(kConfigMaps, config_map("a")));
  kube::Object second = must(client_->update(kConfigMaps, first.edit([](json::value& doc) {
    json::set(doc, {"data", "key"}, "2");
  })));
  EXPECT_GT(second.version(), first.version());
  EXPECT_TRUE(failed_with(client_->update(kConfigMaps, first), Code::kConflict));
  EXPECT_EQ(must(client_->update(kConfigMaps, second)).version(), second.version());
  // Without a version the last writer wins.
  EXPECT_TRUE(client_->update(kConfigMaps, config_map("a", "3")));
  kube::Object stranger = second.edit([](json::value& doc) {
    json::erase(doc, {"metadata", "resourceVersion"});
    json::set(doc, {"metadata", "uid"}, "other");
  });
  EXPECT_TRUE(failed_with(client_->update(kConfigMaps, stranger), Code::kConflict));
  EXPECT_TRUE(failed_with(client_->update(kConfigMaps, config_map("none")), Code::kNotFound));
}

TEST_F(WriteTest, GenerationCountsSpecOnly) {
  kube::Object d = must(client_->create(kDeployments, deployment("web")));
  EXPECT_EQ(d.generation(), 1);
  auto patch = [&](const char* text, client::WriteOptions options = {}) {
    return must(client_->patch(kDeployments, {"default", "web"}, {Patch::Type::kMerge, *json::parse(text)}, options));
  };
  EXPECT_EQ(patch(R"({"metadata":{"labels":{"x":"y"}}})").generation(), 1);
  EXPECT_EQ(patch(R"({"spec":{"replicas":3}})").generation(), 2);
  kube::Object status = patch(R"({"status":{"replicas":3},"spec":{"replicas":9}})", {.subresource = "status"});
  EXPECT_EQ(status.generation(), 2);
  EXPECT_EQ(json::get_int(status.doc(), 0, "status", "replicas"), 3);
  EXPECT_EQ(json::get_int(status.doc(), 0, "spec", "replicas"), 3);
  kube::Object main = patch(R"({"status":{"replicas":7}})");
  EXPECT_EQ(json::get_int(main.doc(), 0, "status", "replicas"), 3);
  EXPECT_EQ(main.version(), status.version());
}

TEST_F(WriteTest, DryRunStoresNothing) {
  Revision before = server_->revision();
  kube::Object dry = must(client_->create(kConfigMaps, config_map("a"), {.dry_run = true}));
  EXPECT_FALSE(dry.uid().empty());
  EXPECT_EQ(server_->revision(), before);
  EXPECT_TRUE(failed_with(client_->get(kConfigMaps, {"default", "a"}), Code::kNotFound));
}

TEST_F(WriteTest, StrictRefusesUnknownFieldsAndOthersDropThem) {
  kube::Object typo = deployment("web").edit([](json::value& doc) { json::set(doc, {"spec", "replcias"}, 3); });
  auto strict = client_->create(kDeployments, typo, {.field_validation = "Strict"});
  ASSERT_TRUE(failed_with(strict, Code::kBadRequest));
  EXPECT_NE(strict.error().message.find("strict decoding error: unknown field \"spec.replcias\""), std::string::npos)
      << strict.error().message;
  kube::Object made = must(client_->create(kDeployments, typo));
  EXPECT_EQ(json::find(made.doc(), "spec", "replcias"), nullptr);
}

TEST_F(WriteTest, InvalidObjectsNameTheField) {
  kube::Object bad = deployment("web").edit([](json::value& doc) { json::set(doc, {"spec", "replicas"}, -1); });
  auto refused = client_->create(kDeployments, bad);
  ASSERT_TRUE(failed_with(refused, Code::kInvalid));
  EXPECT_TRUE(refused.error().message.starts_with("Deployment.apps \"web\" is invalid: spec.replicas:")) << refused.error().message;
  EXPECT_TRUE(failed_with(client_->create(kConfigMaps, config_map("Not_A_Name")), Code::kInvalid));
}

TEST_F(WriteTest, JsonAndStrategicPatches) {
  must(client_->create(kDeployments, deployment("web")));
  auto json_patch = [&](const char* text) {
    return client_->patch(kDeployments, {"default", "web"}, {Patch::Type::kJson, *json::parse(text)});
  };
  EXPECT_EQ(json::get_int(must(json_patch(R"([{"op":"replace","path":"/spec/replicas","value":4}])")).doc(), 0, "spec", "replicas"), 4);
  EXPECT_TRUE(failed_with(json_patch(R"([{"op":"test","path":"/spec/replicas","value":5}])"), Code::kInvalid));
  kube::Object patched = must(client_->patch(
      kDeployments, {"default", "web"},
      {Patch::Type::kStrategic, *json::parse(R"({"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s:1"}]}}}})")}));
  EXPECT_EQ(json::items(patched.doc(), "spec", "template", "spec", "containers").size(), 2u);
}

TEST_F(WriteTest, MergePatchWithAStaleVersionIsAConflict) {
  kube::Object first = must(client_->create(kConfigMaps, config_map("a")));
  must(client_->update(kConfigMaps, config_map("a", "2")));
  json::value patch = json::object{{"metadata", json::object{{"resourceVersion", first.version().str()}}},
                                   {"data", json::object{{"key", "3"}}}};
  EXPECT_TRUE(failed_with(client_->patch(kConfigMaps, {"default", "a"}, {Patch::Type::kMerge, patch}), Code::kConflict));
}

TEST_F(WriteTest, ApplyCreatesThenOwnsItsFields) {
  auto apply = [&](const char* data, const char* manager, bool force = false) {
    json::value body = *json::parse(concat(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default"},"data":)", data, "}"));
    return client_->patch(kConfigMaps, {"default", "a"}, {Patch::Type::kApply, body}, {.field_manager = manager, .force = force});
  };
  kube::Object made = must(apply(R"({"x":"1","y":"1"})", "one"));
  EXPECT_FALSE(made.uid().empty());
  EXPECT_EQ(must(apply(R"({"x":"1","y":"1"})", "one")).version(), made.version());
  EXPECT_TRUE(failed_with(apply(R"({"x":"2"})", "two"), Code::kConflict));
  EXPECT_EQ(json::get_string(must(apply(R"({"x":"2"})", "two", true)).doc(), "data", "x"), "2");
  kube::Object dropped = must(apply(R"({})", "one"));
  EXPECT_EQ(json::find(dropped.doc(), "data", "y"), nullptr);
  EXPECT_EQ(json::get_string(dropped.doc(), "data", "x"), "2");
}

TEST_F(WriteTest, ScaleReadsAndWritesReplicas) {
  must(client_->create(kDeployments, deployment("web", 2)));
  kube::Object scale = must(client_->patch(kDeployments, {"default", "web"},
                                           {Patch::Type::kMerge, *json::parse(R"({"spec":{"replicas":5}})")}, {.subresource = "scale"}));
  EXPECT_EQ(scale.kind(), "Scale");
  EXPECT_EQ(json::get_string(scale.doc(), "status", "selector"), "app=web");
  EXPECT_EQ(json::get_int(must(client_->get(kDeployments, {"default", "web"})).doc(), 0, "spec", "replicas"), 5);
  EXPECT_TRUE(failed_with(client_->patch(kDeployments, {"default", "web"},
                                         {Patch::Type::kMerge, *json::parse(R"({"spec":{"replicas":-5}})")}, {.subresource = "scale"}),
                          Code::kInvalid));
}

TEST_F(WriteTest, FinalizersHoldADeletion) {
  kube::Object held = config_map("a").edit([](json::value& doc) {
    json::set(doc, {"metadata", "finalizers"}, json::array{"example.com/hold"});
  });
  kube::Object made = must(client_->create(kConfigMaps, held));
  EXPECT_TRUE(failed_with(client_->remove(kConfigMaps, {"default", "a"}, {.uid = "other"}), Code::kConflict));
  ASSERT_TRUE(client_->remove(kConfigMaps, {"default", "a"}));
  kube::Object deleting = must(client_->get(kConfigMaps, {"default", "a"}));
  EXPECT_TRUE(deleting.deleting());
  auto more = deleting.edit([](json::value& doc) {
    json::set(doc, {"metadata", "finalizers"}, json::array{"example.com/hold", "example.com/more"});
  });
  EXPECT_TRUE(failed_with(client_->update(kConfigMaps, more), Code::kInvalid));
  ASSERT_TRUE(client_->update(kConfigMaps, deleting.edit([](json::value& doc) { json::erase(doc, {"metadata", "finalizers"}); })));
  EXPECT_TRUE(failed_with(client_->get(kConfigMaps, {"default", "a"}), Code::kNotFound));
}

TEST_F(WriteTest, PropagationBecomesAFinalizer) {
  for (auto [policy, finalizer] : {std::pair{"Foreground", "foregroundDeletion"}, {"Orphan", "orphan"}}) {
    must(client_->create(kConfigMaps, config_map(lower(policy))));
    ASSERT_TRUE(client_->remove(kConfigMaps, {"default", lower(policy)}, {.propagation = policy}));
    EXPECT_TRUE(must(client_->get(kConfigMaps, {"default", lower(policy)})).has_finalizer(finalizer));
  }
}

TEST_F(WriteTest, PodsGoGracefully) {
  auto pod = [&](const char* name, const char* node) {
    json::object spec{{"containers", json::array{json::object{{"name", "c"}, {"image", "i"}}}}};
    if (*node) spec["nodeName"] = node;
    return must(client_->create(kPods, kube::Object(json::object{{"metadata", json::object{{"name", name}, {"namespace", "default"}}}, {"spec", spec}})));
  };
  EXPECT_EQ(json::get_string(pod("loose", "").doc(), "status", "phase"), "Pending");
  ASSERT_TRUE(client_->remove(kPods, {"default", "loose"}));
  EXPECT_TRUE(failed_with(client_->get(kPods, {"default", "loose"}), Code::kNotFound));
  pod("bound", "node-1");
  ASSERT_TRUE(client_->remove(kPods, {"default", "bound"}));
  kube::Object going = must(client_->get(kPods, {"default", "bound"}));
  EXPECT_EQ(json::get_int(going.doc(), 0, "metadata", "deletionGracePeriodSeconds"), 30);
  EXPECT_EQ(json::get_string(going.doc(), "metadata", "deletionTimestamp"), "2026-01-01T00:00:30Z");
  ASSERT_TRUE(client_->remove(kPods, {"default", "bound"}, {.grace_seconds = 60}));
  EXPECT_EQ(json::get_int(must(client_->get(kPods, {"default", "bound"})).doc(), 0, "metadata", "deletionGracePeriodSeconds"), 30);
  ASSERT_TRUE(client_->remove(kPods, {"default", "bound"}, {.grace_seconds = 0}));
  EXPECT_TRUE(failed_with(client_->get(kPods, {"default", "bound"}), Code::kNotFound));
}

}  // namespace
}  // namespace serin::apiserver
