#pragma once

/// What a URL means: cluster, resource, name, subresource and verb. Pure.

#include <optional>
#include <string>

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
  /// False where a segment is no name of anything: ".", "..", or one with an encoded slash or a NUL in it.
  bool proper = true;
};

RequestInfo parse_request(const net::Request&);

}  // namespace serin::apiserver
