#pragma once

/// What a CRD's status says of its names and of its group's policy, by the rules of Kubernetes' naming and API approval
/// controllers (apiextensions-apiserver, pkg/controller). Pure.

#include "apiserver/catalog.h"
#include "kube/object.h"

namespace serin::apiserver {

/// Sets acceptedNames and the conditions NamesAccepted and Established. A name that another resource of the group has is
/// not accepted; those that were accepted before stay, and so does what is served under them.
void accept_names(const json::value& crd, const Catalog& catalog, TimePoint now, json::value& status);

/// Sets KubernetesAPIApprovalPolicyConformant for groups that end in k8s.io or kubernetes.io; takes it away from others.
void judge_approval(const json::value& crd, TimePoint now, json::value& status);

/// Why a CRD of such a group is refused: it says neither where its API was approved nor that it is not. What was so before
/// the update may stay. `old` is empty on creation.
std::vector<Cause> check_approval(const json::value& crd, const kube::Object& old);

}  // namespace serin::apiserver
