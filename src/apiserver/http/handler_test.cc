// The API over HTTP and TLS: routing, authentication, representations, errors, discovery.

#include "apiserver/testing/http_fixture.h"

namespace serin::apiserver {
namespace {

using kube::kConfigMaps;
using kube::kCustomResourceDefinitions;
using kube::kDeployments;

/// A pod's log is three lines.
class ThreeLines final : public LogSource {
 public:
  Result<void> open(const std::string&, const kube::NamespacedName& pod, const LogOptions& options,
                    std::shared_ptr<LogSink> sink) override {
    if (options.previous) return fail(Code::kBadRequest, "previous terminated container not found");
    for (int i = 0; i < 3; ++i) sink->write(concat(pod.name, '/', options.container, ' ', i, '\n'));
    sink->finish();
    return {};
  }
};

class HandlerTest : public HttpTest {
 protected:
  void configure(ServerOptions& options) override {
    options.logs = &logs_;
  }
  net::Response get_as(const std::string& accept, const std::string& path) {
    net::Request r = request("GET", "/clusters/work-1" + path);
    r.headers.set("Accept", accept);
    return call(r);
  }
  void make(const kube::Object& object, const kube::Resource& resource) {
    auto made = client_->create(resource, object);
    ASSERT_TRUE(made) << made.error().message;
  }
  ThreeLines logs_;
};

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

TEST_F(HandlerTest, HealthNeedsNoCredentialsAndEverythingElseDoes) {
  auto stranger = connect(false);
  for (auto path : {"/healthz", "/livez", "/readyz", "/clusters/work-1/readyz"}) {
    auto response = stranger->send(request("GET", path), std::chrono::seconds(10));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "ok");
  }
  auto version = stranger->send(request("GET", "/clusters/work-1/version"), std::chrono::seconds(10));
  EXPECT_EQ(json::get_string(body_of(*version), "gitVersion"), "v1.33.0+serin.1");
  auto refused = stranger->send(request("GET", "/clusters/work-1/api"), std::chrono::seconds(10));
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(json::get_string(body_of(*refused), "reason"), "Unauthorized");
}

TEST_F(HandlerTest, TokensAndRoles) {
  const kube::Resource roles{"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false};
  const kube::Resource bindings{"rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false};
  make(object_of(R"({"metadata":{"name":"readers"},"rules":[{"verbs":["get","list"],"apiGroups":[""],"resources":["*"]}]})"), roles);
  make(object_of(R"({"metadata":{"name":"readers"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"readers"},
                     "subjects":[{"kind":"Group","name":"readers"}]})"), bindings);
  auto reader = connect(false);
  auto send = [&](const std::string& method, const std::string& path, std::string body = {}) {
    net::Request r = request(method, "/clusters/work-1" + path, std::move(body));
    r.headers.set("Authorization", "Bearer reader-token");
    return *reader->send(r, std::chrono::seconds(10));
  };
  EXPECT_EQ(send("GET", kMaps).status, 200);
  net::Response refused = send("POST", kMaps, json::dump(config_map("a").doc()));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(json::get_string(body_of(refused), "message"),
            "configmaps is forbidden: User \"reader\" cannot create resource \"configmaps\" in API group \"\" in the namespace \"default\"");
  std::string review = R"({"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"verb":"VERB","resource":"pods"}}})";
  for (auto [verb, may] : {std::pair{"list", true}, {"delete", false}}) {
    std::string body = review;
    body.replace(body.find("VERB"), 4, verb);
    net::Response answer = send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body);
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(json::get_bool(body_of(answer), !may, "status", "allowed"), may);
  }
}

TEST_F(HandlerTest, UnknownClustersAndPathsAreNotFound) {
  EXPECT_EQ(call(request("GET", "/clusters/nowhere/api")).status, 404);
  EXPECT_EQ(call("GET", "/api/v1/nothings").status, 404);
  EXPECT_EQ(call("GET", "/apis/none/v1").status, 404);
  EXPECT_EQ(call("DELETE", "/api").status, 405);
  net::Response missing = call("GET", std::string(kMaps) + "/none");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(json::dump(body_of(missing)),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"configmaps \"none\" not found","reason":"NotFound","details":{"name":"none","kind":"configmaps"},"code":404})");
}

TEST_F(HandlerTest, CreateReadUpdateDelete) {
  net::Response created = call("POST", kMaps, json::dump(config_map("a").doc()));
  EXPECT_EQ(created.status, 201);
  json::value doc = body_of(created);
  EXPECT_FALSE(json::get_string(doc, "metadata", "resourceVersion").empty());
  EXPECT_EQ(body_of(call("GET", std::string(kMaps) + "/a")), doc);
  json::set(doc, {"data", "key"}, "2");
  EXPECT_EQ(call("PUT", std::string(kMaps) + "/a", json::dump(doc)).status, 200);
  EXPECT_EQ(call("PUT", std::string(kMaps) + "/a", json::dump(doc)).status, 409);
  net::Response patched = call("PATCH", std::string(kMaps) + "/a", R"({"data":{"key":"3"}})", "application/merge-patch+json");
  EXPECT_EQ(json::get_string(body_of(patched), "data", "key"), "3");
  net::Response gone = call("DELETE", std::string(kMaps) + "/a");
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(json::get_string(body_of(gone), "status"), "Success");
  EXPECT_EQ(call("POST", std::string(kMaps), "a: 1", "application/x-protobuf").status, 415);
  // What `kubectl create configmap p` sends, in short.
  const std::string bytes("k8s\0\x0a\x0f\x0a\x02v1\x12\x09" "ConfigMap\x12\x05\x0a\x03\x0a\x01p", 28);
  net::Response from_protobuf = call("POST", kMaps, bytes, "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(from_protobuf.status, 201) << from_protobuf.body;
  EXPECT_EQ(json::get_string(body_of(from_protobuf), "metadata", "name"), "p");
  EXPECT_EQ(call("POST", kMaps, "k8s", "application/vnd.kubernetes.protobuf").status, 400);
  EXPECT_EQ(call("PATCH", std::string(kMaps) + "/a", "{}", "application/json").status, 415);
}

TEST_F(HandlerTest, YamlInAndOut) {
  net::Response created = call("POST", kMaps, "metadata:\n  name: yam\ndata:\n  a: '1'\n", "application/yaml");
  EXPECT_EQ(created.status, 201);
  net::Response read = get_as("application/yaml", std::string(kMaps) + "/yam");
  EXPECT_EQ(read.headers.get("Content-Type"), "application/yaml");
  EXPECT_NE(read.body.find("a: \"1\""), std::string::npos) << read.body;
  net::Response applied = call("PATCH", std::string(kMaps) + "/z?fieldManager=m", "metadata:\n  name: z\n", "application/apply-patch+yaml");
  EXPECT_EQ(applied.status, 201) << applied.body;
  EXPECT_EQ(call("PATCH", std::string(kMaps) + "/z", "metadata: {}\n", "application/apply-patch+yaml").status, 422);
}

TEST_F(HandlerTest, FieldValidationWarnsOrRefuses) {
  std::string doubled = R"({"metadata":{"name":"d"},"data":{"a":"1","a":"2"},"dta":{}})";
  net::Response warned = call("POST", kMaps, doubled);
  EXPECT_EQ(warned.status, 201);
  std::string warnings;
  for (const auto& [name, value] : warned.headers.all())
    if (lower(name) == "warning") warnings += value + "\n";
  EXPECT_EQ(warnings, "299 - \"duplicate field \\\"data.a\\\"\"\n299 - \"unknown field \\\"dta\\\"\"\n");
  EXPECT_EQ(call("POST", std::string(kMaps) + "?fieldValidation=Strict", doubled).status, 400);
}

TEST_F(HandlerTest, TablesAndMetadataOnly) {
  make(deployment("web", 3), kDeployments);
  json::value table = body_of(get_as("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "/apis/apps/v1/namespaces/default/deployments"));
  EXPECT_EQ(json::get_string(table, "kind"), "Table");
  std::string names;
  for (const json::value& column : json::items(table, "columnDefinitions")) names += concat(json::get_string(column, "name"), ',');
  EXPECT_EQ(names, "Name,Ready,Up-to-date,Available,Age,Containers,Images,Selector,");
  const json::value& row = json::items(table, "rows").front();
  EXPECT_EQ(json::items(row, "cells")[1], json::value("0/3"));
  EXPECT_EQ(json::get_string(row, "object", "kind"), "PartialObjectMetadata");
  json::value partial = body_of(get_as("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "/apis/apps/v1/deployments"));
  EXPECT_EQ(json::get_string(partial, "kind"), "PartialObjectMetadataList");
  EXPECT_EQ(json::find(json::items(partial, "items").front(), "spec"), nullptr);
  EXPECT_EQ(get_as("application/xml", kMaps).status, 406);
}

TEST_F(HandlerTest, CustomColumns) {
  make(widget_crd(), kCustomResourceDefinitions);
  make(widget("w", "green"), kWidgets);
  json::value table = body_of(get_as("application/json;as=Table;v=v1;g=meta.k8s.io", "/apis/example.com/v1/widgets"));
  EXPECT_EQ(json::items(table, "columnDefinitions").size(), 3u);
  EXPECT_EQ(json::items(json::items(table, "rows").front(), "cells")[1], json::value("green"));
}

TEST_F(HandlerTest, DiscoveryFollowsDefinitions) {
  constexpr const char* kV2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  EXPECT_EQ(call("GET", "/apis/example.com").status, 404);
  net::Response before = get_as(kV2, "/apis");
  EXPECT_EQ(before.headers.get("Content-Type"), "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  make(widget_crd(), kCustomResourceDefinitions);
  net::Response after = get_as(kV2, "/apis");
  EXPECT_NE(before.headers.get("ETag"), after.headers.get("ETag"));
  EXPECT_NE(after.body.find("\"widgets\""), std::string::npos);
  net::Request again = request("GET", "/clusters/work-1/apis");
  again.headers.set("Accept", kV2);
  again.headers.set("If-None-Match", std::string(after.headers.get("ETag")));
  EXPECT_EQ(call(again).status, 304);
  json::value group = body_of(call("GET", "/apis/example.com"));
  EXPECT_EQ(json::get_string(group, "preferredVersion", "version"), "v1");
  std::string names;
  json::value list = body_of(call("GET", "/apis/example.com/v1"));
  for (const json::value& r : json::items(list, "resources")) names += concat(json::get_string(r, "name"), ' ');
  EXPECT_EQ(names, "widgets widgets/scale widgets/status ");
}

TEST_F(HandlerTest, OpenApiHashesFollowTheSchema) {
  make(widget_crd(), kCustomResourceDefinitions);
  auto url = [&] {
    json::value index = body_of(call("GET", "/openapi/v3"));
    return std::string(json::get_string(index, "paths", "apis/example.com/v1", "serverRelativeURL"));
  };
  std::string first = url();
  size_t query = first.find('?');
  ASSERT_NE(query, std::string::npos);
  net::Response document = call(request("GET", first));
  EXPECT_EQ(document.status, 200);
  EXPECT_NE(document.body.find("x-kubernetes-group-version-kind"), std::string::npos);
  auto changed = client_->patch(kCustomResourceDefinitions, {"", "widgets.example.com"},
      {client::Patch::Type::kJson, *json::parse(R"([{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/extra","value":{"type":"string"}}])")});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_NE(url(), first);
}

TEST_F(HandlerTest, OpenApiV2HasEverythingAndChangesWithTheSchemas) {
  make(widget_crd(), kCustomResourceDefinitions);
  constexpr const char* kPath = "/openapi/v2";
  net::Response first = call("GET", kPath);
  EXPECT_EQ(first.headers.get("Content-Type"), "application/json");
  json::value document = body_of(first);
  EXPECT_EQ(json::get_string(document, "definitions", "com.example.v1.Widget", "properties", "spec", "properties", "color", "type"), "string");
  EXPECT_NE(json::find(document, "definitions", "io.k8s.api.apps.v1.Deployment"), nullptr);
  net::Response wire = get_as("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", kPath);
  EXPECT_EQ(wire.status, 200);
  EXPECT_EQ(wire.headers.get("Content-Type"), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  EXPECT_EQ(wire.body.substr(0, 5), "\x0a\x03" "2.0") << "field 1 is the version of Swagger";
  EXPECT_EQ(get_as("application/xml", kPath).status, 406);

  net::Request again = request("GET", std::string("/clusters/work-1") + kPath);
  again.headers.set("If-None-Match", std::string(first.headers.get("ETag")));
  net::Response unchanged = call(again);
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.body, "");
  auto changed = client_->patch(kCustomResourceDefinitions, {"", "widgets.example.com"},
      {client::Patch::Type::kJson, *json::parse(R"([{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/extra","value":{"type":"string"}}])")});
  ASSERT_TRUE(changed) << changed.error().message;
  net::Response renewed = call(again);
  EXPECT_EQ(renewed.status, 200);
  EXPECT_NE(json::find(body_of(renewed), "definitions", "com.example.v1.Widget", "properties", "spec", "properties", "extra"), nullptr);
}

TEST_F(HandlerTest, PagesAndSelectors) {
  for (auto name : {"a", "b", "c"}) make(config_map(name), kConfigMaps);
  json::value page = body_of(call("GET", std::string(kMaps) + "?limit=2"));
  EXPECT_EQ(json::items(page, "items").size(), 2u);
  EXPECT_EQ(json::get_int(page, 0, "metadata", "remainingItemCount"), 1);
  std::string token(json::get_string(page, "metadata", "continue"));
  json::value rest = body_of(call("GET", concat(kMaps, "?limit=2&continue=", url_encode(token))));
  EXPECT_EQ(json::items(rest, "items").size(), 1u);
  EXPECT_EQ(json::get_string(rest, "metadata", "resourceVersion"), json::get_string(page, "metadata", "resourceVersion"));
  EXPECT_EQ(call("GET", concat(kMaps, "?continue=nonsense")).status, 400);
  EXPECT_EQ(call("GET", concat(kMaps, "?fieldSelector=data.x%3D1")).status, 400);
  net::Response ahead = call("GET", concat(kMaps, "?resourceVersion=999999"));
  EXPECT_EQ(ahead.status, 504);
  EXPECT_EQ(json::get_string(json::items(body_of(ahead), "details", "causes").front(), "reason"), "ResourceVersionTooLarge");
  json::value removed = body_of(call("DELETE", concat(kMaps, "?fieldSelector=metadata.name%3Db")));
  EXPECT_EQ(json::items(removed, "items").size(), 1u);
  EXPECT_EQ(client_->list(kConfigMaps)->items.size(), 2u);
}

TEST_F(HandlerTest, Logs) {
  kube::Object pod(json::object{{"metadata", json::object{{"name", "p"}, {"namespace", "default"}}},
                                {"spec", json::object{{"containers", json::array{json::object{{"name", "c"}, {"image", "i"}}}}}}});
  make(pod, kube::kPods);
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/pods/p/log").body, "p/c 0\np/c 1\np/c 2\n");
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/pods/p/log?container=x").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/pods/p/log?previous=true").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/namespaces/default/pods/none/log").status, 404);
}

}  // namespace
}  // namespace serin::apiserver
