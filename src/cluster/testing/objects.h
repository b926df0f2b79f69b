#pragma once

/// Objects that the tests of this module share.

#include <string>

#include "base/strings.h"
#include "base/time.h"
#include "kube/object.h"

namespace serin::cluster {

inline kube::Object from_json(std::string_view text) { return kube::Object(json::parse(text).value()); }

inline json::value labels(const std::string& app) { return json::object{{"app", app}}; }

inline json::value pod_template(const std::string& app, const std::string& image) {
  return json::object{{"metadata", json::object{{"labels", labels(app)}}},
                      {"spec", json::object{{"containers", json::array{json::object{{"name", "main"}, {"image", image}}}}}}};
}

inline kube::Object workload(const std::string& kind, const std::string& name, int64_t replicas,
                             const std::string& image = "app:v1") {
  return kube::Object(json::object{
      {"apiVersion", "apps/v1"},
      {"kind", kind},
      {"metadata", json::object{{"namespace", "demo"}, {"name", name}}},
      {"spec", json::object{{"replicas", replicas},
                            {"selector", json::object{{"matchLabels", labels(name)}}},
                            {"template", pod_template(name, image)}}}});
}

inline kube::Object node(const std::string& name, bool ready = true) {
  return kube::Object(json::object{
      {"apiVersion", "v1"},
      {"kind", "Node"},
      {"metadata", json::object{{"name", name}}},
      {"status", json::object{{"conditions", json::array{json::object{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}}}}});
}

}  // namespace serin::cluster
