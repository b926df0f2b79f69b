#pragma once

/// Empties a namespace that is being deleted: its pods first, then everything else, then it lets the namespace
/// go. What holds it up stands in its status.

#include "client/manager.h"

namespace serin::cluster {

class NamespaceReconciler final : public client::Reconciler {
 public:
  /// How long until it looks at what is left again.
  static constexpr Duration kLookAgain = std::chrono::milliseconds(500);

  /// All outlive this.
  NamespaceReconciler(client::CachedClient& client, client::Informer& namespaces, Clock& clock);
  Result<client::Again> reconcile(const client::Key& key) override;

 private:
  /// What is left in the namespace, per resource, after deleting it, and what has failed.
  struct Remains {
    std::map<std::string, size_t> objects, finalizers;
    std::optional<Error> discovery, content;
  };
  /// As `empty`, for the pods and, when they are gone, for everything.
  void empty_all(const std::string& ns, Remains& remains);
  Result<void> empty(const client::Resource& resource, const std::string& ns, Remains& remains);
  Result<void> show(const kube::Object& space, const Remains& remains);

  client::CachedClient& client_;
  client::Informer& namespaces_;
  Clock& clock_;
};

}  // namespace serin::cluster
