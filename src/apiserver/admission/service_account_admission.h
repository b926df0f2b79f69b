#pragma once

/// Who a pod is (Kubernetes' admission plugin ServiceAccount): a new pod without spec.serviceAccountName is its
/// namespace's `default`; an account that does not exist is refused; the account's imagePullSecrets are the pod's where
/// it names none; and unless the pod, or else the account, says `automountServiceAccountToken: false`, each container
/// without a mount of its own there gets the projected volume `kube-api-access-xxxxx` (token of an hour, ca.crt of
/// ConfigMap kube-root-ca.crt, namespace) at /var/run/secrets/kubernetes.io/serviceaccount, read-only.

#include "apiserver/catalog.h"
#include "apiserver/hooks.h"
#include "apiserver/store/store.h"
#include "base/random.h"

namespace serin::apiserver {

inline constexpr const char* kTokenMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
inline constexpr const char* kTokenVolumePrefix = "kube-api-access-";

class ServiceAccountAdmission final : public Admission {
 public:
  /// Both outlive this.
  ServiceAccountAdmission(const Store& store, Random& random) : store_(store), random_(random) {}
  /// kForbidden: `pods "x" is forbidden: error looking up service account ns/name: serviceaccount "name" not found`.
  Result<void> admit(AdmissionRequest&) override;

 private:
  const Store& store_;
  Random& random_;
};

/// Adds the volume and its mounts; `volume` is its name where the pod has no such volume yet. Nothing where every
/// container mounts something there itself. Pure.
void mount_service_account_token(json::value& pod, const std::string& volume);

/// Writes the account `default` of a new namespace. In the transaction that makes the namespace, so that no pod comes
/// before its account; Kubernetes leaves it to a controller, and refuses pods that are faster.
Operation make_default_account(const ServedResource& accounts, const std::string& cluster, const std::string& ns, Random& random, TimePoint now);

}  // namespace serin::apiserver
