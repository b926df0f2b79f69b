#include "client/rest_codec.h"

#include <gtest/gtest.h>

#include "client/discovery.h"
#include "kube/resources.h"

namespace serin::client {
namespace {

TEST(ApiPath, Forms) {
  EXPECT_EQ(api_path(kube::kPods, "demo", "x", "status"), "/api/v1/namespaces/demo/pods/x/status");
  EXPECT_EQ(api_path(kube::kPods, "", ""), "/api/v1/pods");
  EXPECT_EQ(api_path(kube::kRollouts, "demo"),
            "/apis/argoproj.io/v1alpha1/namespaces/demo/rollouts");
  EXPECT_EQ(api_path(kube::kNodes, "ignored", "n"), "/api/v1/nodes/n");
  EXPECT_EQ(api_path(kube::kPods, "a/b", "../c?d"), "/api/v1/namespaces/a%2Fb/pods/..%2Fc%3Fd");
}

TEST(Queries, HoldWhatIsAskedForOnly) {
  EXPECT_EQ(list_query({}).str(), "");
  EXPECT_EQ(list_query({.label_selector = "a=b,c", .limit = 5, .continue_token = "t+"}).str(),
            "labelSelector=a%3Db%2Cc&limit=5&continue=t%2B");
  EXPECT_EQ(watch_query({}, {7}).str(), "watch=1&allowWatchBookmarks=true&resourceVersion=7");
  EXPECT_EQ(watch_query({}, {}).str(), "watch=1&allowWatchBookmarks=true");
  EXPECT_EQ(write_query({.dry_run = true, .field_validation = "Strict"}, "me").str(),
            "fieldManager=me&dryRun=All&fieldValidation=Strict");
  EXPECT_EQ(write_query({.field_manager = "you", .force = true}, "me").str(),
            "fieldManager=you&force=true");
}

TEST(DeleteBody, HoldsPreconditions) {
  EXPECT_EQ(
      json::parse(delete_body({.grace_seconds = 0,
                               .propagation = "Foreground",
                               .uid = "u",
                               .version = {3},
                               .dry_run = true}))
          .value(),
      json::parse(
          R"({"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"propagationPolicy":"Foreground",
                            "preconditions":{"uid":"u","resourceVersion":"3"},"dryRun":["All"]})")
          .value());
}

TEST(ErrorFrom, StatusWithCauses) {
  net::Response response;
  response.status = 409;
  response.body =
      R"({"kind":"Status","status":"Failure","reason":"Conflict","code":409,"message":"Apply failed",
    "details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"x\"","field":".spec.replicas"}],"retryAfterSeconds":3}})";
  Error error = error_from(response);
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_EQ(error.message, "Apply failed");
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_EQ(error.causes[0].field, ".spec.replicas");
  EXPECT_EQ(error.retry_after, std::chrono::seconds(3));
}

TEST(ErrorFrom, TextAndHeaders) {
  net::Response response;
  response.status = 404;
  response.body = "404 page not found\n";
  EXPECT_EQ(error_from(response).code, Code::kNotFound);
  EXPECT_EQ(error_from(response).message, "the server answered 404 Not Found: 404 page not found");
  response.status = 503;
  response.body = "";
  response.headers.add("Retry-After", "2");
  EXPECT_EQ(error_from(response).code, Code::kUnavailable);
  EXPECT_EQ(error_from(response).retry_after, std::chrono::seconds(2));
}

TEST(DecodeList, FillsInWhatServersLeaveOut) {
  ObjectList list =
      decode_list(kube::kPods,
                  R"({"kind":"PodList","metadata":{"resourceVersion":"9","continue":"c"},
                                                 "items":[{"metadata":{"name":"a"}}]})")
          .value();
  EXPECT_EQ(list.version.value, 9u);
  EXPECT_EQ(list.continue_token, "c");
  ASSERT_EQ(list.items.size(), 1u);
  EXPECT_EQ(list.items[0].gvk(), (kube::GroupVersionKind{"", "v1", "Pod"}));
  EXPECT_TRUE(decode_list(kube::kPods, R"({"items":null})").value().items.empty());
  EXPECT_TRUE(failed_with(decode_list(kube::kPods, "<html>"), Code::kInternal));
}

TEST(WatchDecoder, AnyCutOfTheBytesGivesTheSameEvents) {
  std::string text =
      R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}})"
      "\n"
      R"({"type":"MODIFIED","object":{"metadata":{"name":"b\n","resourceVersion":"2"}}})"
      "\r\n\n"
      R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"3"}}})"
      "\n"
      R"({"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"4"}}})"
      "\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    WatchDecoder decoder;
    std::vector<uint64_t> versions;
    for (size_t at = 0; at < text.size(); at += piece) {
      decoder.feed(std::string_view(text).substr(at, piece));
      while (auto event = decoder.next().value()) versions.push_back(event->object.version().value);
    }
    EXPECT_EQ(versions, (std::vector<uint64_t>{1, 2, 3, 4})) << piece;
  }
}

TEST(WatchDecoder, ErrorEventsAreErrors) {
  WatchDecoder decoder;
  decoder.feed(
      R"({"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"too old"}})"
      "\n");
  EXPECT_TRUE(failed_with(decoder.next(), Code::kExpired));
  decoder.feed("{\"type\":\"ADDED\"}\n");
  EXPECT_TRUE(failed_with(decoder.next(), Code::kInternal));
  decoder.feed("nonsense\n");
  EXPECT_TRUE(failed_with(decoder.next(), Code::kInternal));
}

TEST(Discovery, AggregatedAndLegacyAgree) {
  Discovery aggregated;
  add_aggregated(
      aggregated,
      json::parse(
          R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apps"},"versions":[
    {"version":"v1","resources":[{"resource":"deployments","responseKind":{"group":"","version":"","kind":"Deployment"},
      "scope":"Namespaced","verbs":["get","list"],"subresources":[{"subresource":"status"}]}]},
    {"version":"v1beta1","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced","verbs":["list"]},
      {"resource":"reviews","responseKind":{"kind":"Review"},"scope":"Cluster","verbs":["create"]}]}]}]})")
          .value());
  json::value groups =
      json::parse(
          R"({"kind":"APIGroupList","groups":[{"name":"apps","preferredVersion":{"version":"v1"},
    "versions":[{"version":"v1beta1"},{"version":"v1"}]}]})")
          .value();
  auto versions = legacy_group_versions(groups);
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].version, "v1");
  Discovery legacy;
  add_legacy(
      legacy, versions[0],
      json::parse(
          R"({"resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["list"]},
    {"name":"deployments/status","kind":"Deployment","namespaced":true,"verbs":["get"]}]})")
          .value());
  add_legacy(
      legacy, versions[1],
      json::parse(
          R"({"resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["list"]},
    {"name":"reviews","kind":"Review","namespaced":false,"verbs":["create"]}]})")
          .value());
  for (const Discovery& discovery : {aggregated, legacy}) {
    EXPECT_EQ(listable_resources(discovery), std::vector<Resource>{kube::kDeployments});
    EXPECT_EQ(find_kind(discovery, {"apps", "", "Deployment"}), kube::kDeployments);
    EXPECT_EQ(find_kind(discovery, {"apps", "v1beta1", "Deployment"})->version, "v1beta1");
    EXPECT_FALSE(find_kind(discovery, {"apps", "", "Review"})->namespaced);
    EXPECT_FALSE(find_kind(discovery, {"", "v1", "Deployment"}));
  }
}

}  // namespace
}  // namespace serin::client
