#pragma once

/// A VirtualService as translation reads it: hosts resolved, defaults known. Reading never fails: what cannot be
/// understood is left out and named in `problems`, because one bad route must not take the others down.
/// Semantics: istio.io reference "Virtual Service".

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/object.h"
#include "mesh/config/source.h"

namespace serin::mesh {

struct StringMatch {
  enum class Kind { kExact, kPrefix, kRegex, kPresent } kind = Kind::kPresent;
  std::string value;
  bool ignore_case = false;
};

/// One match block: every condition must hold.
struct HttpMatch {
  std::string name;
  std::optional<StringMatch> uri, scheme, method, authority;
  std::map<std::string, StringMatch> headers, without_headers, query;
  std::optional<int> port;
  std::vector<std::string> gateways;  ///< empty: the VirtualService's
  std::map<std::string, std::string> source_labels;
  std::string source_namespace;

  /// Matches every request: nothing after it can be reached.
  bool catch_all() const;
};

struct HeaderOperations {
  std::map<std::string, std::string> request_set, request_add, response_set, response_add;
  std::vector<std::string> request_remove, response_remove;
};

struct Destination {
  std::string host;  ///< resolved
  std::string subset;
  std::optional<int> port;
  int weight = 0;
  HeaderOperations headers;
};

struct Retries {
  int attempts = 0;  ///< 0: none
  std::optional<Duration> per_try_timeout;
  std::string retry_on;  ///< empty: the mesh default
};

struct Redirect {
  std::string uri, authority, scheme;
  std::optional<int> port;
  int code = 301;
};

struct Mirror {
  Destination destination;
  double percentage = 100;
};

struct Fault {
  std::optional<Duration> delay;
  double delay_percent = 100;
  std::optional<int> abort_status;
  double abort_percent = 100;
};

struct HttpRoute {
  std::string name;
  std::vector<HttpMatch> matches;  ///< alternatives; empty: every request
  std::vector<Destination> destinations;
  std::optional<Redirect> redirect;
  std::optional<std::pair<int, std::string>> direct_response;  ///< status, body
  std::string rewrite_uri, rewrite_authority;
  std::optional<std::pair<std::string, std::string>> rewrite_regex;  ///< pattern, substitution
  std::optional<Duration> timeout;
  std::optional<Retries> retries;
  HeaderOperations headers;
  std::vector<Mirror> mirrors;
  std::optional<Fault> fault;
};

struct VirtualService {
  SourceRef source;
  std::string ns;
  std::optional<TimePoint> created;
  std::vector<std::string> hosts;     ///< resolved, lower case
  std::vector<std::string> gateways;  ///< "mesh" or "namespace/name"; never empty
  std::vector<std::string> export_to; ///< "*", ".", a namespace; empty: "*"
  std::vector<HttpRoute> http;
  std::vector<std::string> problems;

  bool on_mesh() const;
  bool on_gateway(const kube::NamespacedName& gateway) const;
  bool exported_to(std::string_view ns) const;

  static VirtualService read(const kube::Object& object);
};

/// The order in which VirtualServices apply: oldest first, then by name, then by namespace.
bool applies_before(const VirtualService& a, const VirtualService& b);

}  // namespace serin::mesh
