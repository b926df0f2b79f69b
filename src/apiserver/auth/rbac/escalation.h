#pragma once

/// Nobody grants what they do not hold (k8s.io/kubernetes pkg/registry/rbac): who writes a role must hold its rules or
/// the verb `escalate` on it, who writes a binding the rules of its role or the verb `bind` on that; an aggregationRule
/// is for those who may do everything.

#include "apiserver/auth/rbac/authorizer.h"
#include "apiserver/hooks.h"

namespace serin::apiserver::rbac {

class EscalationCheck final : public Admission {
 public:
  explicit EscalationCheck(RbacAuthorizer& authorizer) : authorizer_(authorizer) {}
  /// kForbidden: `user "x" (groups=["y"]) is attempting to grant RBAC permissions not currently held:` and the rules.
  Result<void> admit(AdmissionRequest&) override;

 private:
  Result<void> check_role(const AdmissionRequest&) const;
  Result<void> check_binding(const AdmissionRequest&) const;
  bool may(const AdmissionRequest&, const std::string& verb, const std::string& resource, const std::string& name) const;
  Result<void> check_held(const AdmissionRequest&, const std::vector<Rule>& rules) const;

  RbacAuthorizer& authorizer_;
};

}  // namespace serin::apiserver::rbac
