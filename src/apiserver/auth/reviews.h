#pragma once

/// The kinds that are questions: who am I, may I, may they, what may I, whose token is this. Answered by what also
/// judges requests. Safe from any thread.

#include <string>

#include "apiserver/auth/authn/authenticator.h"
#include "apiserver/auth/rbac/authorizer.h"
#include "base/error.h"
#include "data/json.h"

namespace serin::apiserver {

class Reviews {
 public:
  Reviews(rbac::RbacAuthorizer& authorizer, const Authenticator& authenticator) : authorizer_(authorizer), authenticator_(authenticator) {}

  struct Question {
    std::string cluster, ns, kind;  ///< `ns` as the URL has it
    UserPtr user;                   ///< who asks
    json::value body;               ///< the object as it came
  };
  /// The body with its status. kBadRequest and kInvalid as Kubernetes words them.
  Result<json::value> answer(Question) const;

 private:
  Result<json::value> access(const Question&) const;
  Result<json::value> rules(const Question&) const;
  Result<json::value> token(const Question&) const;

  rbac::RbacAuthorizer& authorizer_;
  const Authenticator& authenticator_;
};

/// UserInfo of authentication.k8s.io/v1.
json::object user_info(const User&);

}  // namespace serin::apiserver
