#pragma once

/// OpenAPI v2 (Swagger) from the v3 documents of `openapi_v3`, for clients that ask for nothing newer: kubectl before
/// 1.27 and Argo CD, which take it in gnostic's protobuf form. Pure.

#include <string>

#include "data/json.h"

namespace serin::kube {

/// Gathers the documents of all group versions into one.
class OpenApiV2 {
 public:
  /// Adds the paths and schemas of one v3 document. What v2 cannot say (nullable, oneOf, anyOf, not) and what clients of
  /// v2 stumble over (properties of open objects) is left out, as apiextensions-apiserver does for v2.
  void add(const json::value& v3);
  /// The document; nothing may be added afterwards.
  json::value finish();

 private:
  json::object definitions_, paths_;
};

/// A v2 document as the protobuf message openapi.v2.Document of github.com/google/gnostic-models: of its members those
/// that `OpenApiV2` writes.
std::string gnostic_v2(const json::value& document);

}  // namespace serin::kube
