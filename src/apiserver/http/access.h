#pragma once

/// From a request to what it wants to do, and the words of a refusal. Pure.

#include "apiserver/auth/access.h"
#include "apiserver/http/request_info.h"
#include "base/error.h"
#include "net/http.h"

namespace serin::apiserver {

/// A list, watch or deletecollection whose field selector names one object is about that.
AccessRequest access_request(const UserPtr&, const RequestInfo&, const net::Request&);
/// `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"`, with the
/// authorizer's reason behind it where it has one.
Error forbidden(const AccessRequest&, const std::string& reason);

}  // namespace serin::apiserver
