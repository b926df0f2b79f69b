#pragma once

/// What every namespace has: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt` with the cluster's
/// certificate authority. Keys are namespaces.

#include "client/manager.h"

namespace serin::cluster {

inline constexpr char kDefaultServiceAccount[] = "default";
inline constexpr char kRootCaConfigMap[] = "kube-root-ca.crt";

class NamespaceDefaultsReconciler final : public client::Reconciler {
 public:
  /// `client` reads namespaces from an informer where it has one; it outlives this. Without `ca_pem` there is no ConfigMap.
  NamespaceDefaultsReconciler(client::CachedClient& client, std::string ca_pem);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  Result<void> ensure(const client::Resource& resource, const kube::Object& wanted);

  client::CachedClient& client_;
  const std::string ca_pem_;
};

/// The namespace of an object of one of those names.
client::MapFunction namespace_of(std::string_view name, std::string cluster);

}  // namespace serin::cluster
