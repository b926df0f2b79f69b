// Answers in protobuf: which representation is chosen, and that what is sent reads back as what JSON says.

#include "apiserver/http/representation.h"
#include "apiserver/testing/http_fixture.h"
#include "kube/protobuf.h"

namespace serin::apiserver {
namespace {

using kube::kConfigMaps;
using Form = Representation::Form;
using Encoding = Representation::Encoding;

constexpr const char* kWire = "application/vnd.kubernetes.protobuf";
constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

/// The choice as "encoding/form", or the error's code.
std::string chosen(std::string_view accept, bool protobuf) {
  auto as = negotiate(accept, "", protobuf);
  if (!as) return std::to_string(http_status(as.error().code));
  std::string encoding = as->encoding == Encoding::kProtobuf ? "protobuf" : as->encoding == Encoding::kYaml ? "yaml" : "json";
  return encoding + (as->form == Form::kTable ? "/table" : as->form == Form::kPartial ? "/partial" : "");
}

TEST(Negotiate, TheFirstThatCanBeHadInOrderOfPreference) {
  EXPECT_EQ(chosen("", true), "json");
  EXPECT_EQ(chosen("*/*", true), "json");
  EXPECT_EQ(chosen(kWire, true), "protobuf");
  EXPECT_EQ(chosen("application/vnd.kubernetes.protobuf;type=watch", true), "protobuf");
  EXPECT_EQ(chosen("application/vnd.kubernetes.protobuf, application/json", true), "protobuf");
  EXPECT_EQ(chosen("application/json, application/vnd.kubernetes.protobuf", true), "json");
  EXPECT_EQ(chosen("application/json;q=0.8, application/vnd.kubernetes.protobuf", true), "protobuf");
  EXPECT_EQ(chosen("application/vnd.kubernetes.protobuf;q=0, application/yaml", true), "yaml");
  EXPECT_EQ(chosen("application/xml", true), "406");
}

TEST(Negotiate, CustomResourcesHaveNoProtobufButTheirMetadataHas) {
  EXPECT_EQ(chosen(kWire, false), "406");
  EXPECT_EQ(chosen("application/vnd.kubernetes.protobuf, application/json", false), "json");
  std::string partial = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  EXPECT_EQ(chosen(partial, false), "protobuf/partial");
  EXPECT_EQ(chosen("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1,application/json", true), "json");
  EXPECT_EQ(chosen("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1", true),
            "json/table");
}

class ProtobufAnswers : public HttpTest {
 protected:
  net::Response wire(const std::string& method, const std::string& path, std::string body = {}, std::string accept = kWire) {
    net::Request r = request(method, "/clusters/work-1" + path, std::move(body));
    r.headers.set("Accept", std::move(accept));
    return call(r);
  }
  /// The object of a protobuf answer.
  json::value read(const net::Response& response) {
    EXPECT_EQ(response.headers.get("Content-Type"), kWire);
    auto object = kube::object_from_protobuf(response.body);
    EXPECT_TRUE(object) << response.body;
    return object ? *object : json::value();
  }
};

TEST_F(ProtobufAnswers, ObjectsListsAndErrorsOfABuiltInKind) {
  net::Response made = wire("POST", kMaps, R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"v"}})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(json::get_string(read(made), "data", "k"), "v");
  std::string one = std::string(kMaps) + "/a";
  EXPECT_EQ(json::dump_canonical(read(wire("GET", one))), json::dump_canonical(body_of(call("GET", one))));
  json::value list = read(wire("GET", kMaps));
  json::value as_json = body_of(call("GET", kMaps));
  EXPECT_EQ(json::get_string(list, "kind"), "ConfigMapList");
  json::object& item = json::find(as_json, "items")->get_array().front().get_object();
  item.erase("apiVersion");  // the envelope has them once, for the list
  item.erase("kind");
  EXPECT_EQ(json::dump_canonical(list), json::dump_canonical(as_json));
  net::Response missing = wire("GET", std::string(kMaps) + "/b");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(json::get_string(read(missing), "reason"), "NotFound");
  EXPECT_EQ(json::get_string(read(missing), "details", "name"), "b");
  json::value gone = read(wire("DELETE", one));
  EXPECT_EQ(json::get_string(gone, "status"), "Success");
}

TEST_F(ProtobufAnswers, ScaleAndReviews) {
  std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  ASSERT_EQ(wire("POST", deployments, R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":3,)"
                 R"("selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},)"
                 R"("spec":{"containers":[{"name":"c","image":"i"}]}}}})").status, 201);
  json::value scale = read(wire("GET", deployments + "/d/scale"));
  EXPECT_EQ(json::get_string(scale, "kind"), "Scale");
  EXPECT_EQ(json::get_int(scale, 0, "spec", "replicas"), 3);
  net::Response patched = call([&] {
    net::Request r = request("PATCH", "/clusters/work-1" + deployments + "/d/scale", R"({"spec":{"replicas":5}})", "application/merge-patch+json");
    r.headers.set("Accept", kWire);
    return r;
  }());
  EXPECT_EQ(json::get_int(read(patched), 0, "spec", "replicas"), 5);
  json::value review = read(wire("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                                 R"({"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview",)"
                                 R"("spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}})"));
  EXPECT_TRUE(json::get_bool(review, false, "status", "allowed"));
}

TEST_F(ProtobufAnswers, MetadataOfBuiltInAndCustomKinds) {
  wire("POST", kMaps, R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"l":"1"}},"data":{"k":"v"}})");
  std::string accept = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  json::value list = read(wire("GET", kMaps, {}, accept));
  EXPECT_EQ(json::get_string(list, "kind"), "PartialObjectMetadataList");
  EXPECT_EQ(json::get_string(list, "apiVersion"), "meta.k8s.io/v1");
  const json::value& item = json::items(list, "items").front();
  EXPECT_EQ(json::get_string(item, "metadata", "labels", "l"), "1");
  EXPECT_EQ(json::find(item, "data"), nullptr);

  ASSERT_TRUE(client_->create(kube::kCustomResourceDefinitions, widget_crd()));
  ASSERT_TRUE(client_->create(kWidgets, widget("w")));
  std::string widgets = "/apis/example.com/v1/namespaces/default/widgets";
  EXPECT_EQ(json::get_string(json::items(read(wire("GET", widgets, {}, accept)), "items").front(), "metadata", "name"), "w");
  net::Response refused = wire("GET", widgets);
  EXPECT_EQ(refused.status, 406);
  EXPECT_EQ(json::get_string(read(refused), "reason"), "NotAcceptable");
  net::Response second = wire("GET", widgets, {}, "application/vnd.kubernetes.protobuf, application/json");
  EXPECT_EQ(json::get_string(body_of(second), "kind"), "WidgetList");
}

TEST_F(ProtobufAnswers, AWatchIsFramed) {
  ASSERT_TRUE(client_->create(kConfigMaps, config_map("a", "1")));
  net::Request r = request("GET", std::string("/clusters/work-1") + kMaps + "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
  r.headers.set("Accept", "application/vnd.kubernetes.protobuf;stream=watch");
  auto response = http_->stream(r, std::chrono::seconds(20));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->head.headers.get("Content-Type"), "application/vnd.kubernetes.protobuf;stream=watch");
  std::string text;
  // Two frames: the object, and the bookmark that ends the initial state. Both begin {1: type, 2: {1: envelope}}.
  auto frame = [&]() -> std::string {
    for (;;) {
      if (text.size() >= 4) {
        size_t size = 0;
        for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(text[i]);
        if (text.size() >= size + 4) {
          std::string one = text.substr(4, size);
          text.erase(0, size + 4);
          return one;
        }
      }
      auto piece = response->body->read(std::chrono::seconds(20));
      if (!piece || !*piece) return {};
      text += **piece;
    }
  };
  auto object = [](const std::string& event) { return kube::object_from_protobuf(event.substr(event.find("k8s"))).value(); };
  std::string added = frame(), bookmark = frame();
  EXPECT_EQ(added.substr(0, 7), "\x0a\x05" "ADDED");
  EXPECT_EQ(json::get_string(object(added), "metadata", "name"), "a");
  EXPECT_EQ(bookmark.substr(0, 10), "\x0a\x08" "BOOKMARK");
  EXPECT_EQ(json::get_string(object(bookmark), "metadata", "annotations", "k8s.io/initial-events-end"), "true");
}

}  // namespace
}  // namespace serin::apiserver
