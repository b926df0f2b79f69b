#pragma once

/// Who asks, and whether they may. Pure but for the injected authorizer.

#include <map>
#include <optional>

#include "apiserver/hooks.h"
#include "apiserver/http/request_info.h"

namespace serin::apiserver {

/// By verified client certificate (CN, O) or bearer token; nullopt: nobody.
std::optional<User> authenticate(const net::Request&, const std::map<std::string, User>& tokens);

/// Discovery is open to every user; system:masters may do anything; the authorizer decides about the rest.
bool allowed(const AccessRequest&, Authorizer*);

AccessRequest access_request(const User&, const RequestInfo&);
/// `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"`.
Error forbidden(const AccessRequest&);

/// The answers to SelfSubjectAccessReview and SelfSubjectReview.
json::value self_access_review(const json::value& body, const User&, const std::string& cluster, Authorizer*);
json::value self_review(const User&, std::string_view api_version);

}  // namespace serin::apiserver
