#include "app/platform.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/strings.h"
#include "node/images.h"

namespace serin::app {
namespace {

PlatformOptions options() {
  PlatformOptions out;
  out.cluster = "work-2";
  out.xds = "unix:/state/run/xds.sock";
  out.envoy = "/opt/envoy";
  out.run_dir = "/state/run";
  out.serin = "/opt/my serin";
  out.hello_dir = "/opt/hello";
  out.http_port = 8080;
  return out;
}

TEST(Platform, FillsInEveryPlaceholder) {
  for (const kube::Object& object : platform_objects(options()))
    EXPECT_EQ(json::dump(object.doc()).find("${"), std::string::npos) << object.describe();
}

TEST(Platform, TheGatewayListensWhereItMay) {
  for (const kube::Object& object : platform_objects(options())) {
    if (object.kind() != "Service") continue;
    EXPECT_EQ(json::get_int(json::items(object.doc(), "spec", "ports")[0], 0, "port"), 8080);
  }
}

TEST(Platform, MapsTheImagesOfTheDocumentedRepository) {
  node::ImageTable table;
  for (const kube::Object& object : platform_objects(options())) {
    if (object.kind() != "ConfigMap") continue;
    EXPECT_TRUE(table.set_config(json::find(object.doc(), "data")).empty());
  }
  const node::ImageRule* consumer = table.find("release-ci.daocloud.io/mspider/spring-dubbo3-consumer:v0.2");
  ASSERT_TRUE(consumer);
  EXPECT_EQ(consumer->command, std::vector<std::string>{"/opt/hello/hello-consumer"});
  const node::ImageRule* proxy = table.find("serin.local/proxy");
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->command, (std::vector<std::string>{"/opt/my serin", "proxy"})) << "a path with a space";
  EXPECT_FALSE(table.find("nginx:1.27"));
}

TEST(Platform, WithoutTheMeshThereIsTheImageMapAlone) {
  PlatformOptions alone = options();
  alone.mesh = false;
  std::vector<std::string> there;
  for (const kube::Object& object : platform_objects(alone)) there.push_back(concat(object.kind(), "/", object.name()));
  EXPECT_EQ(there, (std::vector<std::string>{"Namespace/serin-system", "ConfigMap/images"}));
}

TEST(Platform, BringsItsCrds) {
  std::vector<kube::Object> crds = bundled_crds();
  for (const char* name : {"rollouts.argoproj.io", "applications.argoproj.io", "virtualservices.networking.istio.io",
                           "destinationrules.networking.istio.io", "gateways.networking.istio.io", "meshes.serin.io"})
    EXPECT_TRUE(std::any_of(crds.begin(), crds.end(), [&](const kube::Object& crd) { return crd.name() == name; })) << name;
}

}  // namespace
}  // namespace serin::app
