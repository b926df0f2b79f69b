// Rows of docs/spec/api-server-coverage.md that no other test shows: preconditions, selectors, representations and doors
// of built-in kinds, over HTTP.

#include "apiserver/testing/http_fixture.h"
#include "base/time.h"

namespace serin::apiserver {
namespace {

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
constexpr const char* kPodsPath = "/api/v1/namespaces/default/pods";
constexpr const char* kMetadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
constexpr const char* kMetadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
constexpr Duration kPatience = std::chrono::seconds(20);

class ProtocolRows : public HttpTest {
 protected:
  void configure(ServerOptions& options) override { options.bookmark_interval = std::chrono::hours(1); }
  std::string reason(const net::Response& response) { return std::string(json::get_string(body_of(response), "reason")); }
  net::Response accepting(const std::string& accept, const std::string& method, const std::string& path) {
    net::Request r = request(method, "/clusters/work-1" + path);
    r.headers.set("Accept", accept);
    return call(r);
  }
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> out;
    json::value list = body_of(call("GET", path));
    for (const json::value& item : json::items(list, "items"))
      out.emplace_back(json::get_string(item, "metadata", "name"));
    return out;
  }
};

TEST_F(ProtocolRows, ADeletionChecksItsPreconditions) {
  json::value made = body_of(call("POST", kMaps, R"({"metadata":{"name":"a"}})"));
  std::string uid(json::get_string(made, "metadata", "uid")), version(json::get_string(made, "metadata", "resourceVersion"));
  std::string path = std::string(kMaps) + "/a";
  for (json::object wrong : {json::object{{"uid", "another"}}, json::object{{"uid", uid}, {"resourceVersion", "1"}}}) {
    net::Response refused = call("DELETE", path, json::dump(json::object{{"preconditions", wrong}}));
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(reason(refused), "Conflict");
  }
  json::object right{{"uid", uid}, {"resourceVersion", version}};
  EXPECT_EQ(call("DELETE", path, json::dump(json::object{{"preconditions", right}})).status, 200);
}

TEST_F(ProtocolRows, AWriteOfAnotherObjectOfTheNameIsAConflict) {
  call("POST", kMaps, R"({"metadata":{"name":"a"}})");
  net::Response refused = call("PUT", std::string(kMaps) + "/a", R"({"metadata":{"name":"a","uid":"another"}})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(reason(refused), "Conflict");
}

TEST_F(ProtocolRows, ATestOfAJsonPatchThatFailsIs422AndChangesNothing) {
  call("POST", kMaps, R"({"metadata":{"name":"a"},"data":{"k":"1"}})");
  net::Response refused = call("PATCH", std::string(kMaps) + "/a",
                               R"([{"op":"replace","path":"/data/k","value":"2"},{"op":"test","path":"/data/k","value":"3"}])",
                               "application/json-patch+json");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(reason(refused), "Invalid");
  EXPECT_EQ(json::get_string(body_of(call("GET", std::string(kMaps) + "/a")), "data", "k"), "1");
}

TEST_F(ProtocolRows, CustomResourcesTakeNoProtobuf) {
  ASSERT_TRUE(client_->create(kube::kCustomResourceDefinitions, widget_crd()));
  net::Response refused = call("POST", "/apis/example.com/v1/namespaces/default/widgets", std::string("k8s\0\n\0", 6),
                               "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(refused.status, 415);
  EXPECT_EQ(reason(refused), "UnsupportedMediaType");
}

TEST_F(ProtocolRows, FieldsOfBuiltInKindsSelect) {
  using Names = std::vector<std::string>;
  for (auto [name, node, restart] : {std::tuple{"a", "n1", "Always"}, {"b", "n2", "Never"}})
    ASSERT_EQ(call("POST", kPodsPath, concat(R"({"metadata":{"name":")", name, R"("},"spec":{"nodeName":")", node,
                                             R"(","restartPolicy":")", restart, R"(","containers":[{"name":"c","image":"i"}]}})")).status, 201);
  ASSERT_EQ(call("PATCH", std::string(kPodsPath) + "/b/status", R"({"status":{"phase":"Running","podIP":"127.1.2.3","podIPs":[{"ip":"127.1.2.3"}]}})",
                 "application/merge-patch+json").status, 200);
  auto pods = [&](const std::string& selector) { return names(std::string(kPodsPath) + "?fieldSelector=" + selector); };
  EXPECT_EQ(pods("spec.nodeName%3Dn1"), Names{"a"});
  EXPECT_EQ(pods("spec.nodeName!%3Dn1"), Names{"b"});
  EXPECT_EQ(pods("status.phase%3DRunning"), Names{"b"});
  EXPECT_EQ(pods("status.podIP%3D127.1.2.3"), Names{"b"});
  EXPECT_EQ(pods("spec.restartPolicy%3DAlways,metadata.namespace%3Ddefault"), Names{"a"});
  EXPECT_EQ(call("GET", std::string(kPodsPath) + "?fieldSelector=spec.priority%3D1").status, 400);
  std::string secrets = "/api/v1/namespaces/default/secrets";
  call("POST", secrets, R"({"metadata":{"name":"plain"}})");
  call("POST", secrets, R"({"metadata":{"name":"basic"},"type":"kubernetes.io/basic-auth","stringData":{"username":"u","password":"p"}})");
  EXPECT_EQ(names(secrets + "?fieldSelector=type%3DOpaque"), Names{"plain"});
}

TEST_F(ProtocolRows, MetadataAloneOnEveryVerb) {
  call("POST", kMaps, R"({"metadata":{"name":"a","labels":{"l":"1"}},"data":{"k":"v"}})");
  auto bare = [](const json::value& object) {
    return json::get_string(object, "kind") == "PartialObjectMetadata" && json::get_string(object, "metadata", "name") == "a" &&
           json::get_string(object, "metadata", "labels", "l") == "1" && json::find(object, "data") == nullptr;
  };
  EXPECT_TRUE(bare(body_of(accepting(kMetadataOnly, "GET", std::string(kMaps) + "/a"))));
  json::value list = body_of(accepting(kMetadataList, "GET", kMaps));
  EXPECT_EQ(json::get_string(list, "kind"), "PartialObjectMetadataList");
  EXPECT_TRUE(bare(json::items(list, "items").at(0)));
  net::Response watched = accepting(kMetadataOnly, "GET", std::string(kMaps) + "?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Da");
  auto event = json::parse(watched.body.substr(0, watched.body.find('\n')));
  ASSERT_TRUE(event);
  EXPECT_TRUE(bare(*json::find(*event, "object")));
  // A finalizer, so that the deletion answers with the object.
  call("PATCH", std::string(kMaps) + "/a", R"({"metadata":{"finalizers":["example.com/hold"]}})", "application/merge-patch+json");
  EXPECT_TRUE(bare(body_of(accepting(kMetadataOnly, "DELETE", std::string(kMaps) + "/a"))));
}

TEST_F(ProtocolRows, AWatchEndsWithABookmarkWhereAskedForBookmarks) {
  call("POST", kMaps, R"({"metadata":{"name":"a"}})");
  net::Response watched = call("GET", std::string(kMaps) + "?watch=true&timeoutSeconds=1&allowWatchBookmarks=true");
  std::vector<std::string> lines;
  for (std::string_view line : split(std::string_view(watched.body), '\n'))
    if (!line.empty()) lines.emplace_back(line);
  ASSERT_GE(lines.size(), 2u);
  json::value last = *json::parse(lines.back());
  EXPECT_EQ(json::get_string(last, "type"), "BOOKMARK");
  EXPECT_EQ(json::get_string(last, "object", "kind"), "ConfigMap");
  EXPECT_EQ(json::get_string(last, "object", "metadata", "resourceVersion"), std::to_string(server_->revision()));
}

TEST_F(ProtocolRows, EveryErrorIsAStatus) {
  call("POST", kMaps, R"({"metadata":{"name":"a"}})");
  struct Row {
    const char *method, *path, *body, *type;
    int status;
    const char* reason;
  };
  for (const Row& row : {Row{"GET", "/api/v1/namespaces/default/configmaps/none", "", "", 404, "NotFound"},
                         Row{"GET", "/nowhere", "", "", 404, "NotFound"},
                         Row{"PUT", "/api/v1/namespaces/default/configmaps", "{}", "application/json", 405, "MethodNotAllowed"},
                         Row{"POST", "/api/v1/namespaces/default/configmaps", R"({"metadata":{"name":"a"}})", "application/json", 409, "AlreadyExists"},
                         Row{"POST", "/api/v1/namespaces/default/configmaps", "{}", "application/xml", 415, "UnsupportedMediaType"},
                         Row{"POST", "/api/v1/namespaces/default/configmaps", R"({"metadata":{"name":"A_"}})", "application/json", 422, "Invalid"},
                         Row{"POST", "/api/v1/namespaces/default/configmaps", "{", "application/json", 400, "BadRequest"}}) {
    net::Response response = call(row.method, row.path, row.body, row.type);
    json::value status = body_of(response);
    EXPECT_EQ(response.status, row.status) << row.method << ' ' << row.path;
    EXPECT_EQ(json::get_string(status, "kind"), "Status");
    EXPECT_EQ(json::get_string(status, "reason"), row.reason) << row.method << ' ' << row.path;
    EXPECT_EQ(json::get_int(status, 0, "code"), row.status);
  }
}

class TakenNames : public ServerTest {
 protected:
  void configure(ServerOptions& options) override { options.random = &own_; }
  Random own_{11};
};

TEST_F(TakenNames, AGeneratedNameThatIsTakenIsTriedAgain) {
  kube::Object wish(json::object{{"metadata", json::object{{"generateName", "x-"}, {"namespace", "default"}}}});
  // What the server draws next follows from what it has drawn: one more server with the same seed and history shows it.
  ServerOptions options;
  Random twin_random(11);
  options.clock = &clock_;
  options.random = &twin_random;
  auto twin = *Server::open(std::move(options));
  ASSERT_TRUE(twin->add_cluster("work-1"));
  auto twin_client = twin->client("work-1", "test");
  kube::Object first = must(twin_client->create(kube::kConfigMaps, config_map("before")));
  std::string next(must(twin_client->create(kube::kConfigMaps, wish)).name());
  must(client_->create(kube::kConfigMaps, config_map(next)));
  std::string given(must(client_->create(kube::kConfigMaps, wish)).name());
  EXPECT_TRUE(given.starts_with("x-"));
  EXPECT_NE(given, next);
  EXPECT_TRUE(client_->get(kube::kConfigMaps, {"default", next}));
}

}  // namespace
}  // namespace serin::apiserver
