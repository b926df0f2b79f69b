#include "apiserver/http/access.h"

#include "base/strings.h"

namespace serin::apiserver {

std::optional<User> authenticate(const net::Request& request, const std::map<std::string, User>& tokens) {
  std::optional<User> user;
  if (!request.peer.common_name.empty()) {
    user = User{request.peer.common_name, request.peer.organizations, {}, {}};
  } else if (std::string_view header = request.headers.get("Authorization"); header.starts_with("Bearer ")) {
    auto found = tokens.find(std::string(trim(header.substr(7))));
    if (found != tokens.end()) user = found->second;
  }
  if (user) user->groups.push_back(kAuthenticatedGroup);
  return user;
}

bool allowed(const AccessRequest& access, Authorizer* authorizer) {
  if (access.user.in_group(kMastersGroup)) return true;
  bool discovery = !access.path.empty() && access.verb == "get" &&
                   (access.path == "/api" || access.path == "/apis" || access.path.starts_with("/api/") ||
                    access.path.starts_with("/apis/") || access.path.starts_with("/openapi/"));
  bool about_oneself = access.verb == "create" && (access.resource == "selfsubjectaccessreviews" || access.resource == "selfsubjectreviews");
  return discovery || about_oneself || (authorizer && authorizer->allowed(access));
}

AccessRequest access_request(const User& user, const RequestInfo& info) {
  AccessRequest access{user, info.cluster, info.verb, info.group, info.version, info.plural, info.subresource, info.ns, info.name, {}};
  // A Namespace stands in itself, so that a role in a namespace can speak of it.
  if (info.group.empty() && info.plural == "namespaces" && !info.name.empty()) access.ns = info.name;
  if (!info.is_resource) access.path = info.path;
  return access;
}

Error forbidden(const AccessRequest& access) {
  if (!access.path.empty())
    return {Code::kForbidden, concat("forbidden: User \"", access.user.name, "\" cannot ", access.verb, " path \"", access.path, '"')};
  std::string resource = access.subresource.empty() ? access.resource : concat(access.resource, '/', access.subresource);
  std::string what = access.group.empty() ? access.resource : concat(access.resource, '.', access.group);
  if (!access.name.empty()) what += concat(" \"", access.name, '"');
  return {Code::kForbidden,
          concat(what, " is forbidden: User \"", access.user.name, "\" cannot ", access.verb, " resource \"", resource,
                 "\" in API group \"", access.group, '"',
                 access.ns.empty() ? std::string(" at the cluster scope") : concat(" in the namespace \"", access.ns, '"'))};
}

json::value self_access_review(const json::value& body, const User& user, const std::string& cluster, Authorizer* authorizer) {
  AccessRequest access;
  access.user = user;
  access.cluster = cluster;
  auto read = [&](const char* from, const char* member) { return std::string(json::get_string(body, "spec", from, member)); };
  if (json::find(body, "spec", "resourceAttributes")) {
    access.verb = read("resourceAttributes", "verb");
    access.group = read("resourceAttributes", "group");
    access.version = read("resourceAttributes", "version");
    access.resource = read("resourceAttributes", "resource");
    access.subresource = read("resourceAttributes", "subresource");
    access.ns = read("resourceAttributes", "namespace");
    access.name = read("resourceAttributes", "name");
  } else {
    access.verb = read("nonResourceAttributes", "verb");
    access.path = read("nonResourceAttributes", "path");
  }
  json::value answer = body;
  json::object status{{"allowed", allowed(access, authorizer)}};
  answer.get_object()["kind"] = "SelfSubjectAccessReview";
  answer.get_object()["apiVersion"] = "authorization.k8s.io/v1";
  answer.get_object()["status"] = std::move(status);
  return answer;
}

json::value self_review(const User& user, std::string_view api_version) {
  json::array groups;
  for (const std::string& group : user.groups) groups.push_back(json::value(group));
  return json::object{{"kind", "SelfSubjectReview"}, {"apiVersion", api_version}, {"metadata", json::object{{"creationTimestamp", nullptr}}},
                      {"status", json::object{{"userInfo", json::object{{"username", user.name}, {"groups", std::move(groups)}}}}}};
}

}  // namespace serin::apiserver
