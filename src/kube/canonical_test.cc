#include "kube/canonical.h"

#include <gtest/gtest.h>

namespace serin::kube {
namespace {

json::value canonical(std::string_view text, std::string_view type) {
  json::value object = *json::parse(text);
  canonicalize(object, *builtin_type(type));
  json::value again = object;
  canonicalize(again, *builtin_type(type));
  EXPECT_EQ(object, again);
  return object;
}

TEST(Canonical, ANullInAMapIsAZero) {
  EXPECT_EQ(canonical(R"({"data":{"cert.pem":null,"key.pem":"eA=="}})", "core/v1.Secret"),
            *json::parse(R"({"data":{"cert.pem":"","key.pem":"eA=="}})"));
  EXPECT_EQ(canonical(R"({"data":{"a":null},"metadata":{"labels":{"b":null}}})", "core/v1.ConfigMap"),
            *json::parse(R"({"data":{"a":""},"metadata":{"labels":{"b":""}}})"));
}

TEST(Canonical, TimesHaveOneSpelling) {
  EXPECT_EQ(canonical(R"({"metadata":{"creationTimestamp":"2026-11-23T12:28:52.000Z","managedFields":[
              {"manager":"m","time":"2026-11-23T13:28:52.5+01:00","fieldsV1":{"f:data":{}}}]}})", "core/v1.ConfigMap"),
            *json::parse(R"({"metadata":{"creationTimestamp":"2026-11-23T12:28:52Z","managedFields":[
              {"manager":"m","time":"2026-11-23T12:28:52Z","fieldsV1":{"f:data":{}}}]}})"));
  EXPECT_EQ(canonical(R"({"spec":{"renewTime":"2026-11-23T12:28:52Z","acquireTime":"2026-11-23T12:28:52.123456789Z"}})",
                      "coordination/v1.Lease"),
            *json::parse(R"({"spec":{"renewTime":"2026-11-23T12:28:52.000000Z","acquireTime":"2026-11-23T12:28:52.123456Z"}})"));
  EXPECT_EQ(canonical(R"({"metadata":{"creationTimestamp":"tomorrow"}})", "core/v1.ConfigMap"),
            *json::parse(R"({"metadata":{"creationTimestamp":"tomorrow"}})"));
}

TEST(Canonical, WhatGoOmitsIsLeftOut) {
  EXPECT_EQ(canonical(R"({"metadata":{"labels":{},"annotations":{"a":""},"finalizers":[],"deletionGracePeriodSeconds":0},
              "spec":{"hostNetwork":false,"nodeName":"","automountServiceAccountToken":false,"containers":[
                {"name":"a","image":"","args":[],"env":[{"name":"A","value":""}],"resources":{"limits":{}},"securityContext":{},
                 "ports":[{"containerPort":80,"hostPort":0,"protocol":""}]}],
              "volumes":[{"name":"v","emptyDir":{}}]}})", "core/v1.Pod"),
            *json::parse(R"({"metadata":{"annotations":{"a":""},"deletionGracePeriodSeconds":0},
              "spec":{"automountServiceAccountToken":false,"containers":[
                {"name":"a","env":[{"name":"A"}],"resources":{},"securityContext":{},"ports":[{"containerPort":80}]}],
              "volumes":[{"name":"v","emptyDir":{}}]}})"));
  EXPECT_EQ(canonical(R"({"spec":{"replicas":0,"paused":false,"strategy":{"type":""}},"status":{"replicas":0,"readyReplicas":0}})",
                      "apps/v1.Deployment"),
            *json::parse(R"({"spec":{"replicas":0,"strategy":{}},"status":{}})"));
}

TEST(Canonical, WhatIsRequiredStaysThoughEmpty) {
  EXPECT_EQ(canonical(R"({"rules":[]})", "rbac/v1.ClusterRole"), *json::parse(R"({"rules":[]})"));
  EXPECT_EQ(canonical(R"({"addressType":"IPv4","endpoints":[],"ports":[]})", "discovery/v1.EndpointSlice"),
            *json::parse(R"({"addressType":"IPv4","endpoints":[],"ports":[]})"));
  EXPECT_EQ(canonical(R"({"spec":{"containers":[]}})", "core/v1.Pod"), *json::parse(R"({"spec":{"containers":[]}})"));
}

TEST(Canonical, OfACustomResourceTheMetadata) {
  SchemaPtr schema = *schema_from_openapi(*json::parse(
      R"({"type":"object","properties":{"spec":{"type":"object","properties":{"list":{"type":"array","items":{"type":"string"}}}}}})"));
  json::value object = *json::parse(R"({"metadata":{"labels":{},"creationTimestamp":"2026-11-23T12:28:52.1Z"},"spec":{"list":[]}})");
  canonicalize(object, *schema);
  EXPECT_EQ(object, *json::parse(R"({"metadata":{"creationTimestamp":"2026-11-23T12:28:52Z"},"spec":{"list":[]}})"));
}

}  // namespace
}  // namespace serin::kube
