#pragma once

/// API objects for tests of the rollout module: the shapes of the documented examples.

#include <string>

#include "kube/object.h"

namespace serin::rollout::testing {

inline json::value parse(std::string_view text) {
  auto parsed = json::parse(text);
  return parsed ? *std::move(parsed) : json::value();
}

/// A canary over the subsets of a DestinationRule, "setWeight 5, pause 10m, setWeight 50, pause 10m".
inline json::value weight_rollout(int replicas = 1, const std::string& steps = R"([
      {"setWeight": 5}, {"pause": {"duration": "10m"}}, {"setWeight": 50}, {"pause": {"duration": "10m"}}])") {
  json::value doc = parse(R"({
    "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
    "metadata": {"name": "provider", "namespace": "demo"},
    "spec": {
      "selector": {"matchLabels": {"app": "provider"}},
      "template": {
        "metadata": {"labels": {"app": "provider", "version": "v1"}},
        "spec": {"containers": [{"name": "main", "image": "provider:1",
                 "readinessProbe": {"tcpSocket": {"port": 20880}}}]}},
      "strategy": {"canary": {
        "trafficRouting": {"istio": {
          "virtualService": {"name": "provider", "routes": ["main"]},
          "destinationRule": {"name": "provider", "stableSubsetName": "stable", "canarySubsetName": "canary"}}}
      }}}})");
  json::set(doc, {"spec", "replicas"}, replicas);
  json::set(doc, {"spec", "strategy", "canary", "steps"}, parse(steps));
  return doc;
}

/// A canary over two Services with a header route.
inline json::value header_rollout(int replicas = 1) {
  json::value doc = weight_rollout(replicas);
  json::set(doc, {"spec", "strategy", "canary"}, parse(R"({
      "canaryService": "provider-canary", "stableService": "provider",
      "trafficRouting": {
        "managedRoutes": [{"name": "lane-v2"}],
        "istio": {"virtualService": {"name": "provider", "routes": ["main"]}}},
      "steps": [
        {"setCanaryScale": {"weight": 100}},
        {"setHeaderRoute": {"name": "lane-v2",
                            "match": [{"headerName": "lane", "headerValue": {"exact": "test-v2"}}]}},
        {"pause": {}}]})"));
  return doc;
}

inline json::value subset_virtual_service() {
  return parse(R"({
    "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
    "metadata": {"name": "provider", "namespace": "demo"},
    "spec": {"hosts": ["provider"], "gateways": ["mesh"], "http": [{"name": "main", "timeout": "3s", "route": [
      {"destination": {"host": "provider", "port": {"number": 20880}, "subset": "stable"}, "weight": 100},
      {"destination": {"host": "provider", "port": {"number": 20880}, "subset": "canary"}, "weight": 0}]}]}})");
}

inline json::value subset_rule() {
  return parse(R"({
    "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
    "metadata": {"name": "provider", "namespace": "demo"},
    "spec": {"host": "provider", "trafficPolicy": {"connectionPool": {"http": {"maxRetries": 3}}}, "subsets": [
      {"name": "stable", "labels": {"app": "provider"}},
      {"name": "canary", "labels": {"app": "provider"}},
      {"name": "other", "labels": {"app": "provider", "zone": "a"}}]}})");
}

inline json::value service_virtual_service() {
  return parse(R"({
    "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
    "metadata": {"name": "provider", "namespace": "demo"},
    "spec": {"hosts": ["provider"], "gateways": ["mesh"], "http": [
      {"name": "main", "match": [{"headers": {"lane": {"exact": "test-v1"}}}], "route": [
        {"destination": {"host": "provider", "port": {"number": 20880}}, "weight": 100},
        {"destination": {"host": "provider-canary", "port": {"number": 20880}}, "weight": 0}]},
      {"route": [{"destination": {"host": "provider", "port": {"number": 20880}}}]}]}})");
}

inline json::value service(const std::string& name) {
  json::value doc = parse(R"({
    "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "demo"},
    "spec": {"ports": [{"port": 20880}], "selector": {"app": "provider"}}})");
  json::set(doc, {"metadata", "name"}, json::value(name));
  return doc;
}

}  // namespace serin::rollout::testing
