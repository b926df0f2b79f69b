// The rules of writes over HTTP: field validation, PUT that creates, deletion, metadata, managedFields.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

using kube::kConfigMaps;
using kube::kCustomResourceDefinitions;
using kube::kDeployments;
using kube::kPods;

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

class WriteRulesTest : public HttpTest {
 protected:
  std::string warnings(const net::Response& response) {
    std::string all;
    for (const auto& [name, value] : response.headers.all())
      if (lower(name) == "warning") all += value + "\n";
    return all;
  }
  std::string message(const net::Response& response) { return std::string(json::get_string(body_of(response), "message")); }
  std::string version(const net::Response& response) { return std::string(json::get_string(body_of(response), "metadata", "resourceVersion")); }
};

TEST_F(WriteRulesTest, FieldValidationLooksIntoMetadataAndYaml) {
  net::Response odd = call("POST", kMaps, R"({"metadata":{"name":"a","nme":"x","labels":{}}})");
  EXPECT_EQ(warnings(odd), "299 - \"unknown field \\\"metadata.nme\\\"\"\n");
  net::Response twice = call("POST", kMaps, "metadata:\n  name: b\ndata:\n  k: \"1\"\n  k: \"2\"\n", "application/yaml");
  EXPECT_EQ(twice.status, 201) << twice.body;
  EXPECT_NE(warnings(twice).find("key \\\"k\\\" already set in map"), std::string::npos) << warnings(twice);
  net::Response strict = call("POST", concat(kMaps, "?fieldValidation=Strict"), "metadata:\n  name: c\ndata: {}\ndata: {}\n", "application/yaml");
  EXPECT_EQ(strict.status, 400);
  EXPECT_NE(message(strict).find("strict decoding error: yaml: unmarshal errors"), std::string::npos) << message(strict);
  ASSERT_TRUE(client_->create(kCustomResourceDefinitions, widget_crd()));
  net::Response custom = call("POST", "/apis/example.com/v1/namespaces/default/widgets?fieldValidation=Strict",
                              R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","nme":"x"},"spec":{"color":"red"}})");
  EXPECT_EQ(custom.status, 400) << custom.body;
}

TEST_F(WriteRulesTest, SomeKindsAreMadeByPut) {
  std::string endpoints = R"({"metadata":{"name":"e"},"subsets":[]})";
  EXPECT_EQ(call("PUT", "/api/v1/namespaces/default/endpoints/e", endpoints).status, 201);
  EXPECT_EQ(call("PUT", "/api/v1/namespaces/default/endpoints/e", endpoints).status, 200);
  EXPECT_EQ(call("PUT", "/api/v1/namespaces/default/endpoints/other", endpoints).status, 400);
  EXPECT_EQ(call("PUT", concat(kMaps, "/a"), R"({"metadata":{"name":"a"}})").status, 404);
}

TEST_F(WriteRulesTest, DeletionAnswersAndRefuses) {
  ASSERT_TRUE(client_->create(kConfigMaps, config_map("a")));
  net::Response both = call("DELETE", concat(kMaps, "/a"), R"({"orphanDependents":true,"propagationPolicy":"Foreground"})");
  EXPECT_EQ(both.status, 422);
  EXPECT_EQ(message(both), "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \"Foreground\": "
                           "orphanDependents and deletionPropagation cannot be both set");
  EXPECT_EQ(call("DELETE", concat(kMaps, "/a?propagationPolicy=Sometimes")).status, 422);
  net::Response gone = call("DELETE", concat(kMaps, "/a"));
  EXPECT_EQ(json::get_string(body_of(gone), "kind"), "Status");
  EXPECT_NE(json::get_string(body_of(gone), "details", "uid"), "");
  kube::Object pod(json::object{{"metadata", json::object{{"name", "p"}, {"namespace", "default"}}},
                                {"spec", json::object{{"containers", json::array{json::object{{"name", "c"}, {"image", "x"}}}}}}});
  ASSERT_TRUE(client_->create(kPods, pod));
  EXPECT_EQ(json::get_string(body_of(call("DELETE", "/api/v1/namespaces/default/pods/p")), "kind"), "Pod");
}

TEST_F(WriteRulesTest, ACollectionIsDeletedAsFarAsAsked) {
  for (auto name : {"a", "b", "c"}) ASSERT_TRUE(client_->create(kConfigMaps, config_map(name)));
  auto left = [&] { return client_->list(kConfigMaps, {.ns = "default"})->items.size(); };
  EXPECT_EQ(json::items(body_of(call("DELETE", concat(kMaps, "?dryRun=All"))), "items").size(), 3u);
  EXPECT_EQ(left(), 3u);
  EXPECT_EQ(call("DELETE", concat(kMaps, "?limit=1")).status, 200);
  EXPECT_EQ(left(), 2u);
  EXPECT_EQ(call("DELETE", concat(kMaps, "?fieldSelector=metadata.name%3Dc")).status, 200);
  EXPECT_EQ(left(), 1u);
}

TEST_F(WriteRulesTest, MetadataThatOnlyTheServerWrites) {
  ASSERT_TRUE(client_->create(kConfigMaps, config_map("a")));
  net::Response older = call("PUT", concat(kMaps, "/a"), R"({"metadata":{"name":"a","creationTimestamp":"2001-01-01T00:00:00Z"}})");
  EXPECT_EQ(older.status, 422);
  EXPECT_EQ(message(older), "ConfigMap \"a\" is invalid: metadata.creationTimestamp: Invalid value: \"2001-01-01T00:00:00Z\": field is immutable");
  net::Response going = call("PATCH", concat(kMaps, "/a"), R"({"metadata":{"deletionTimestamp":"2001-01-01T00:00:00Z"}})", "application/merge-patch+json");
  EXPECT_EQ(going.status, 422);
  EXPECT_EQ(call("PATCH", concat(kMaps, "/a"), R"({"metadata":{"uid":"other"}})", "application/merge-patch+json").status, 409);
  EXPECT_EQ(call("PATCH", concat(kMaps, "/a"), R"({"metadata":{"resourceVersion":"1"}})", "application/merge-patch+json").status, 409);
}

TEST_F(WriteRulesTest, ApplyingTheSameInOtherWordsChangesNothing) {
  json::value wish = deployment("web").doc();
  json::items(wish, "spec", "template", "spec", "containers");
  json::find(wish, "spec", "template", "spec", "containers")->get_array()[0].get_object()["resources"] =
      json::object{{"limits", json::object{{"cpu", "1000m"}}}};
  const char* path = "/apis/apps/v1/namespaces/default/deployments/web?fieldManager=m";
  net::Response first = call("PATCH", path, json::dump(wish), "application/apply-patch+yaml");
  ASSERT_EQ(first.status, 201) << first.body;
  net::Response second = call("PATCH", path, json::dump(wish), "application/apply-patch+yaml");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(version(second), version(first));
}

TEST_F(WriteRulesTest, ManagedFieldsCanBeClearedAndRewritten) {
  ASSERT_EQ(call("POST", concat(kMaps, "?fieldManager=kubectl-client-side-apply"), R"({"metadata":{"name":"a"},"data":{"k":"1"}})").status, 201);
  net::Response cleared = call("PATCH", concat(kMaps, "/a"), R"({"metadata":{"managedFields":[{}]}})", "application/merge-patch+json");
  ASSERT_EQ(cleared.status, 200) << cleared.body;
  EXPECT_EQ(json::find(body_of(cleared), "metadata", "managedFields"), nullptr);
  net::Response edited = call("PATCH", concat(kMaps, "/a?fieldManager=editor"), R"({"data":{"k":"2"}})", "application/merge-patch+json");
  EXPECT_EQ(json::find(body_of(edited), "metadata", "managedFields"), nullptr) << "until the first apply";
  net::Response refused = call("PATCH", concat(kMaps, "/a?fieldManager=m"), R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"3"}})",
                               "application/apply-patch+yaml");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(message(refused), "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.k");
  net::Response applied = call("PATCH", concat(kMaps, "/a?fieldManager=m&force=true"),
                               R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"3"}})", "application/apply-patch+yaml");
  ASSERT_EQ(applied.status, 200);
  // As kubectl moves ownership: a JSON patch of the whole list, guarded by the version.
  json::array patch{json::object{{"op", "replace"}, {"path", "/metadata/managedFields"},
                                 {"value", json::array{json::object{{"manager", "kubectl"}, {"operation", "Apply"}, {"apiVersion", "v1"},
                                                                    {"time", "2026-01-01T00:00:00Z"}, {"fieldsType", "FieldsV1"},
                                                                    {"fieldsV1", json::object{{"f:data", json::object{{"f:k", json::object()}}}}}}}}},
                    json::object{{"op", "replace"}, {"path", "/metadata/resourceVersion"}, {"value", version(applied)}}};
  net::Response moved = call("PATCH", concat(kMaps, "/a"), json::dump(patch), "application/json-patch+json");
  ASSERT_EQ(moved.status, 200) << moved.body;
  const json::value now = body_of(moved);
  ASSERT_EQ(json::items(now, "metadata", "managedFields").size(), 1u);
  EXPECT_EQ(json::get_string(json::items(now, "metadata", "managedFields")[0], "manager"), "kubectl");
  EXPECT_EQ(call("PATCH", concat(kMaps, "/a"), json::dump(patch), "application/json-patch+json").status, 409) << "the version has moved on";
}

TEST_F(WriteRulesTest, WarningsAreSentOnceAndCutShort) {
  std::string odd = R"({"metadata":{"name":"a"})";
  for (int i = 0; i < 40; ++i) odd += concat(",\"", std::string(300, 'x'), i, "\":1");
  net::Response response = call("POST", kMaps, odd + "}");
  ASSERT_EQ(response.status, 201) << response.body;
  size_t total = 0;
  for (const auto& [name, value] : response.headers.all())
    if (lower(name) == "warning") total += value.size();
  EXPECT_GT(total, 1000u);
  EXPECT_LT(total, 6000u);
}

}  // namespace
}  // namespace serin::apiserver
