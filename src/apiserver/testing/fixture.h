#pragma once

/// An in-memory server with one cluster, under a virtual clock, and short ways to make objects. For tests.

#include <gtest/gtest.h>

#include "apiserver/server.h"
#include "kube/resources.h"

namespace serin::apiserver {

inline kube::Object object_of(const char* text) {
  auto doc = json::parse(text);
  EXPECT_TRUE(doc) << text;
  return doc ? kube::Object(*doc) : kube::Object();
}

inline kube::Object config_map(const std::string& name, const std::string& value = "1", const std::string& ns = "default") {
  return kube::Object(json::object{{"apiVersion", "v1"}, {"kind", "ConfigMap"},
                                   {"metadata", json::object{{"name", name}, {"namespace", ns}}},
                                   {"data", json::object{{"key", value}}}});
}

inline kube::Object deployment(const std::string& name, int replicas = 1) {
  json::object labels{{"app", name}};
  return kube::Object(json::object{
      {"apiVersion", "apps/v1"}, {"kind", "Deployment"},
      {"metadata", json::object{{"name", name}, {"namespace", "default"}, {"labels", labels}}},
      {"spec", json::object{{"replicas", replicas},
                            {"selector", json::object{{"matchLabels", labels}}},
                            {"template", json::object{{"metadata", json::object{{"labels", labels}}},
                                                      {"spec", json::object{{"containers", json::array{json::object{
                                                          {"name", "main"}, {"image", "hello:1"}}}}}}}}}}});
}

/// Widgets: two served versions, status and scale, a required field, a default, a printer column.
inline kube::Object widget_crd() {
  return object_of(R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
    "metadata":{"name":"widgets.example.com"},
    "spec":{"group":"example.com","scope":"Namespaced",
      "names":{"plural":"widgets","kind":"Widget","shortNames":["wd"],"categories":["all"]},
      "versions":[
        {"name":"v1","served":true,"storage":true,
         "subresources":{"status":{},"scale":{"specReplicasPath":".spec.replicas","statusReplicasPath":".status.replicas",
                         "labelSelectorPath":".status.selector"}},
         "additionalPrinterColumns":[{"name":"Color","type":"string","jsonPath":".spec.color"},
                                     {"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}],
         "selectableFields":[{"jsonPath":".spec.color"}],
         "schema":{"openAPIV3Schema":{"type":"object","properties":{
           "spec":{"type":"object","required":["color"],"properties":{
             "color":{"type":"string","enum":["red","green"]},"size":{"type":"integer","default":3},
             "replicas":{"type":"integer"}}},
           "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}},
        {"name":"v1beta1","served":true,"storage":false,
         "subresources":{"status":{}},
         "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}})");
}

inline const kube::Resource kWidgets{"example.com", "v1", "widgets", "Widget"};
inline const kube::Resource kWidgetsBeta{"example.com", "v1beta1", "widgets", "Widget"};

inline kube::Object widget(const std::string& name, const std::string& color = "red") {
  return kube::Object(json::object{{"apiVersion", "example.com/v1"}, {"kind", "Widget"},
                                   {"metadata", json::object{{"name", name}, {"namespace", "default"}}},
                                   {"spec", json::object{{"color", color}}}});
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.clock = &clock_;
    options.random = &random_;
    configure(options);
    auto opened = Server::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().message;
    server_ = *std::move(opened);
    auto added = server_->add_cluster("work-1");
    ASSERT_TRUE(added) << added.error().message;
    client_ = server_->client("work-1", "test");
  }
  virtual void configure(ServerOptions&) {}

  kube::Object must(Result<kube::Object> object) {
    EXPECT_TRUE(object) << object.error().message;
    return object ? *object : kube::Object();
  }

  VirtualClock clock_;
  Random random_{7};
  std::unique_ptr<Server> server_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace serin::apiserver
