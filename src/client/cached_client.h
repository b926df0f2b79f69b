#pragma once

/// A `Client` that reads from informers where it can. `get` and `list` of a resource whose informer has synced
/// come from the cache; a list with a field selector, a limit or a continue token, and everything else, goes to
/// the cluster. Every write goes to the cluster, and its answer is observed into the informer, so that a reader
/// of this client sees its own writes at once. Safe from any thread.

#include <map>
#include <shared_mutex>

#include "client/client.h"
#include "client/informer.h"

namespace serin::client {

class CachedClient final : public Client {
 public:
  /// `live` outlives this.
  explicit CachedClient(Client& live) : live_(live) {}

  /// Reads the informer's resource from it from now on. Informers that hold only a part (with a selector, of one
  /// namespace, with `keep`) are not used. The informer outlives this.
  void use(Informer& informer);

  /// Reads the informer's resource from the cluster again. Does nothing where another one has taken its place.
  void drop(Informer& informer);

  /// The cluster itself, for a reader that must not see a cache.
  Client& live() { return live_; }

  Result<Object> get(const Resource&, const NamespacedName&) override;
  Result<ObjectList> list(const Resource&, const ListOptions& = {}) override;
  Result<std::unique_ptr<Watch>> watch(const Resource&, const WatchOptions& = {}) override;
  Result<Object> create(const Resource&, const Object&, const WriteOptions& = {}) override;
  Result<Object> update(const Resource&, const Object&, const WriteOptions& = {}) override;
  Result<Object> patch(const Resource&, const NamespacedName&, const Patch&,
                       const WriteOptions& = {}) override;
  /// Asks the cluster once more after the delete, to learn whether the object is gone or going.
  Result<void> remove(const Resource&, const NamespacedName&, const DeleteOptions& = {}) override;
  Result<Resource> resource_for(const kube::GroupVersionKind&) override;
  Result<std::vector<Resource>> resources() override;

 private:
  Informer* informer_of(const Resource& resource);
  /// Tells the informer about a write's answer.
  Result<Object> observed(const Resource& resource, const WriteOptions& options, Result<Object> answer);

  Client& live_;
  std::shared_mutex mutex_;
  std::map<Resource, Informer*> informers_;  // guarded by mutex_
};

}  // namespace serin::client
