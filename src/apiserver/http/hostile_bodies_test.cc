// Bodies and URLs that would leave something in the store that cannot be read again, or that cost far more to read than
// to send.

#include <filesystem>

#include "apiserver/testing/http_fixture.h"
#include "base/strings.h"

namespace serin::apiserver {
namespace {

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
constexpr const char* kRevisions = "/apis/apps/v1/namespaces/default/controllerrevisions";

/// A member "a" in a member "a" ..., `levels` of them.
std::string nested(size_t levels) {
  std::string text;
  for (size_t i = 0; i < levels; ++i) text += "{\"a\":";
  return text + "1" + std::string(levels, '}');
}

std::string revision(const std::string& name, size_t levels) {
  return concat(R"({"metadata":{"name":")", name, R"("},"revision":1,"data":)", nested(levels), '}');
}

class HostileBodies : public HttpTest {
 protected:
  HostileBodies() {
    char text[] = "/tmp/serin-hostile-XXXXXX";
    directory_ = mkdtemp(text);
  }
  ~HostileBodies() override { std::filesystem::remove_all(directory_); }
  void configure(ServerOptions& options) override { options.state_directory = directory_; }
  void TearDown() override {
    EXPECT_EQ(call(request("GET", "/readyz")).status, 200);
    HttpTest::TearDown();
    auto store = open_sqlite_store(directory_, clock_);
    EXPECT_TRUE(store) << store.error().message;
  }
  int patched(const std::string& path, const std::string& body, const std::string& type) {
    return call("PATCH", path, body, concat("application/", type)).status;
  }

  std::string directory_;
};

TEST_F(HostileBodies, WhatNestsTooDeeplyIsNotStored) {
  EXPECT_EQ(call("POST", kRevisions, revision("shallow", 100)).status, 201);
  EXPECT_EQ(call("POST", kRevisions, revision("deep", 300)).status, 400);
  // Read as JSON, but with the object around it, or in its managed fields, beyond what can be read again.
  for (size_t levels = 230; levels <= 256; ++levels) {
    int status = call("POST", kRevisions, revision(concat("r", levels), levels)).status;
    EXPECT_TRUE(status == 201 || status == 400) << levels << ' ' << status;
    if (levels > 248) {
      EXPECT_EQ(status, 400) << levels;
    }
  }
  for (auto accept : {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
                      "application/json;as=Table;v=v1;g=meta.k8s.io"}) {
    net::Request list = request("GET", concat("/clusters/work-1", kRevisions));
    list.headers.set("Accept", accept);
    net::Response response = call(list);
    EXPECT_EQ(response.status, 200) << accept;
    if (std::string_view(accept).starts_with("application/json")) {
      EXPECT_TRUE(json::parse(response.body)) << accept;
    }
  }
}

TEST_F(HostileBodies, PatchesDoNotNestDeeperStepByStep) {
  ASSERT_TRUE(client_->create(kube::kCustomResourceDefinitions, widget_crd()));
  ASSERT_TRUE(client_->create(kWidgets, widget("w")));
  std::string at = "/apis/example.com/v1/namespaces/default/widgets/w/status", path = "/status";
  for (int i = 0; i < 150; ++i) path += "/a";
  EXPECT_EQ(patched(at, concat("{\"status\":", nested(150), "}"), "merge-patch+json"), 200);
  EXPECT_EQ(patched(at, concat(R"([{"op":"add","path":")", path, R"(","value":)", nested(150), "}]"), "json-patch+json"), 400);
  EXPECT_EQ(patched(at, R"([{"op":"copy","from":"/status","path":"/status/a/a/b"},{"op":"copy","from":"/status","path":"/status/a/a/b/a/a/b"}])",
                    "json-patch+json"), 200);
  EXPECT_EQ(patched(at, concat("{\"status\":", nested(252), "}"), "merge-patch+json"), 400);
  EXPECT_EQ(patched(concat(at, "?fieldManager=f&force=true"),
                    concat(R"({"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"status":)", nested(250), "}"),
                    "apply-patch+yaml"), 400);
}

TEST_F(HostileBodies, CopiesDoNotDoubleADocumentWithoutEnd) {
  ASSERT_EQ(call("POST", kRevisions, revision("r", 2)).status, 201);
  std::string operations;
  for (int i = 0; i < 60; ++i) operations += concat(i ? "," : "", R"({"op":"copy","from":"/data","path":"/data/c)", i, "\"}");
  EXPECT_EQ(patched(concat(kRevisions, "/r"), concat('[', operations, ']'), "json-patch+json"), 413);
}

TEST_F(HostileBodies, TextThatIsNotUtf8IsNotStored) {
  std::string body = R"({"metadata":{"name":"m"},"data":{"a":"b"}})";
  EXPECT_EQ(call("POST", concat(kMaps, "?fieldManager=%ff"), body).status, 400);
  EXPECT_EQ(call("POST", concat(kMaps, "?fieldManager=a%0ab"), body).status, 422);
  EXPECT_EQ(call("POST", concat(kMaps, "?fieldManager=", std::string(129, 'm')), body).status, 422);
  EXPECT_EQ(call("POST", kMaps, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"\xff\"}}").status, 400);
  EXPECT_EQ(call("POST", kMaps, "metadata: {name: m}\ndata: {a: \"\xff\"}\n", "application/yaml").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/namespaces/%ff/configmaps").status, 400);
  net::Request odd = request("POST", concat("/clusters/work-1", kMaps), body);
  odd.headers.set("User-Agent", "od\xff\xe9\x64/1.0");
  net::Response created = call(odd);
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(json::get_string(json::items(body_of(created), "metadata", "managedFields").at(0), "manager"), "odd");
}

// Each of these took minutes while every member was compared with every other, or was given its path.
TEST_F(HostileBodies, ManyMembersAreReadInLinearTime) {
  std::string many, name(1 << 20, 'n');
  for (int i = 0; i < 200'000; ++i) many += concat(i ? "," : "", "\"k", i, "\":1");
  EXPECT_EQ(call("POST", kRevisions, concat(R"({"metadata":{"name":"many"},"revision":1,"data":{)", many, "}}")).status, 413);
  many.clear();
  for (int i = 0; i < 60'000; ++i) many += concat(i ? "," : "", "\"k", i, "\":1");
  EXPECT_EQ(call("POST", kRevisions, concat(R"({"metadata":{"name":"long"},"revision":1,"data":{")", name, "\":{", many, "}}}")).status, 413);
}

}  // namespace
}  // namespace serin::apiserver
