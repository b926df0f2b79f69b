#pragma once

/// Manifests and shorthands for the tests of this module.

#include <string>
#include <string_view>

#include "base/strings.h"
#include "data/yaml.h"
#include "kube/object.h"

namespace serin::mesh::test {

/// A manifest with namespace "demo", a uid of its kind and name, and generation 1, unless it says otherwise.
inline kube::Object object(std::string_view text) {
  auto parsed = yaml::parse(text);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  json::value doc = *parsed;
  if (!json::find(doc, "metadata", "namespace")) json::set(doc, {"metadata", "namespace"}, "demo");
  if (!json::find(doc, "metadata", "generation")) json::set(doc, {"metadata", "generation"}, 1);
  if (!json::find(doc, "metadata", "uid"))
    json::set(doc, {"metadata", "uid"},
              boost::json::string(concat(json::get_string(doc, "kind"), "-", json::get_string(doc, "metadata", "name"))));
  return kube::Object(std::move(doc));
}

/// The same object at its next generation, changed.
inline kube::Object changed(const kube::Object& before, json::Path path, json::value to) {
  return before.edit([&](json::value& doc) {
    json::set(doc, path, std::move(to));
    json::set(doc, {"metadata", "generation"}, before.generation() + 1);
  });
}

inline kube::Object gateway() {
  return object(R"(
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
    - hosts: ['*']
      port: {name: http, number: 9090, protocol: HTTP}
)");
}

/// Subset-level splitting, as the documented weight canary has it.
inline kube::Object consumer_route(int stable, int canary) {
  return object(concat(R"(
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: consumer}
spec:
  gateways: [edge]
  hosts: ['*']
  http:
    - name: primary
      retries: {attempts: 0}
      route:
        - destination: {host: consumer, port: {number: 9090}, subset: stable}
          weight: )", stable, R"(
        - destination: {host: consumer, port: {number: 9090}, subset: canary}
          weight: )", canary, "\n"));
}

inline kube::Object consumer_rule() {
  return object(R"(
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: consumer}
spec:
  host: consumer
  subsets:
    - {name: stable, labels: {app: consumer, hash: one}}
    - {name: canary, labels: {app: consumer, hash: two}}
)");
}

inline kube::Object service(std::string_view name, std::string_view port_name, int port, std::string_view vip) {
  return object(concat("{apiVersion: v1, kind: Service, metadata: {name: ", name, "}, spec: {clusterIP: ", vip,
                       ", selector: {app: ", name, "}, ports: [{name: ", port_name, ", port: ", port, "}]}}"));
}

inline kube::Object pod(std::string_view name, std::string_view labels) {
  return object(concat("{apiVersion: v1, kind: Pod, metadata: {name: ", name, ", labels: {", labels, "}}, spec: {}}"));
}

/// One endpoint of a slice: the pod `name` at `address`.
inline std::string endpoint(std::string_view name, std::string_view address, std::string_view conditions = "ready: true") {
  return concat("{addresses: [", address, "], conditions: {", conditions, "}, targetRef: {kind: Pod, name: ", name,
                ", uid: Pod-", name, "}}");
}

inline kube::Object slice(std::string_view service, std::string_view port_name, int port, std::string_view endpoints,
                          std::string_view suffix = "x") {
  return object(concat("{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: ", service, "-", suffix,
                       ", labels: {kubernetes.io/service-name: ", service, "}}, ports: [{name: ", port_name,
                       ", port: ", port, "}], endpoints: [", endpoints, "]}"));
}

}  // namespace serin::mesh::test
