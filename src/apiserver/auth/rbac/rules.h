#pragma once

/// PolicyRules of rbac.authorization.k8s.io/v1: what they match, what they cover and how messages show them. The
/// semantics are those of Kubernetes' pkg/apis/rbac. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/access.h"
#include "data/json.h"

namespace serin::apiserver::rbac {

inline constexpr const char* kGroup = "rbac.authorization.k8s.io";

struct Rule {
  std::vector<std::string> verbs, groups, resources, names, urls;
  bool operator==(const Rule&) const = default;
};

/// `rules` of a Role or ClusterRole. What has a wrong type reads as absent.
std::vector<Rule> read_rules(const json::value& role);
json::array write_rules(const std::vector<Rule>&);

/// "*" is every verb, group, resource and name; "*/scale" that subresource of every resource; "/logs/*" every path
/// below /logs/. A rule for resources never allows a path, nor the other way round.
bool allows(const Rule&, const AccessRequest&);

/// The parts of `wanted`, each of one verb, group, resource and name or of one verb and path, that no single rule of
/// `held` covers.
std::vector<Rule> not_covered(const std::vector<Rule>& held, const std::vector<Rule>& wanted);

/// As Kubernetes lists rules in a refusal: rules of one group and resource joined, one line each, sorted:
/// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
std::string describe(const std::vector<Rule>&);

/// `text` in double quotes, with Go's escapes.
std::string quote(std::string_view text);
/// `["a" "b"]`.
std::string quote(const std::vector<std::string>& list);

}  // namespace serin::apiserver::rbac
