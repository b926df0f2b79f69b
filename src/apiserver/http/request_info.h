#pragma once

/// What a URL means: cluster, resource, name, subresource and verb. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace serin::apiserver {

struct RequestInfo {
  std::string cluster;  ///< empty: not under /clusters/<name>
  std::string path;     ///< what follows the cluster: "/api/v1/pods"
  bool is_resource = false;
  std::string group, version, plural, ns, name, subresource;
  /// get, list, watch, create, update, patch, delete, deletecollection; for what is no resource the lower-case
  /// method. Empty for a method that nothing answers to.
  std::string verb;
  /// False where a segment is no name of anything: ".", "..", or one with an encoded slash, a NUL, or no UTF-8 (nor may the query be other).
  bool proper = true;
};

RequestInfo parse_request(const net::Request&);

/// A query parameter that is true or false, as Kubernetes reads it: true where it is there and says neither "0" nor "false".
/// (Python's clients send "True".)
bool is_set(const net::Request&, std::string_view parameter);

}  // namespace serin::apiserver
