#pragma once

/// A small in-memory cluster for tests of reconcilers: the rules of the API that controllers depend on, and no
/// more. Knows no schemas: nothing is defaulted, pruned or validated.
///
/// - every write that changes something takes the next revision; one that changes nothing changes nothing
/// - a namespace need not be there, but one that is being deleted takes nothing new; it goes by its finalizers
/// - generateName, uid, creationTimestamp; metadata.generation counts changes outside metadata and status
/// - a resource with a status subresource: /status writes change only status, the others never do
/// - optimistic locking by resourceVersion; uid and resourceVersion preconditions on delete
/// - finalizers; grace of bound pods (30 s unless told otherwise: the object stays, deleting, until it is
///   deleted with grace 0); "foregroundDeletion" and "orphan" finalizers by propagation
/// - merge and JSON patches (others: kUnsupportedMediaType); the scale subresource over
///   .spec.replicas
/// - creating serviceaccounts/token answers "token-1", "token-2", ... for accounts that are there, with their expiry
/// - list and watch with label and field selectors, from any revision since the last `compact`
///
/// Safe from any thread. Watches don't outlive the client.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "client/client.h"

namespace serin::client::testing {

class MemoryClient final : public Client {
 public:
  /// Serves all of kube/resources.h. `clock` outlives this.
  explicit MemoryClient(Clock& clock, uint64_t seed = 1);
  ~MemoryClient() override;

  /// Serves another resource, or one of kube/resources.h under other rules.
  void serve(const Resource& resource, bool status_subresource = true);

  Result<Object> get(const Resource&, const NamespacedName&) override;
  Result<ObjectList> list(const Resource&, const ListOptions& = {}) override;
  Result<std::unique_ptr<Watch>> watch(const Resource&, const WatchOptions& = {}) override;
  Result<Object> create(const Resource&, const Object&, const WriteOptions& = {}) override;
  Result<Object> update(const Resource&, const Object&, const WriteOptions& = {}) override;
  Result<Object> patch(const Resource&, const NamespacedName&, const Patch&,
                       const WriteOptions& = {}) override;
  Result<void> remove(const Resource&, const NamespacedName&, const DeleteOptions& = {}) override;
  Result<Resource> resource_for(const kube::GroupVersionKind&) override;
  Result<std::vector<Resource>> resources() override;

  // ---- for tests ----
  struct Call {
    std::string verb;  ///< "create", "update", "patch", "delete"
    Resource resource;
    NamespacedName name;
    std::string subresource;
  };
  /// Called before each write, without a lock; an error is answered in place of the write.
  void before_write(std::function<Result<void>(const Call&)> hook);
  /// Every write that was asked for since the last call, refused ones too.
  std::vector<Call> take_calls();
  /// Writes that changed something, since construction.
  uint64_t revision() const;
  /// Watches bring nothing while they are held: a cache that lags.
  void hold_watches(bool held);
  /// Ends every running watch with `code`, such as kUnavailable.
  void break_watches(Code code);
  /// Forgets history: a watch from before now is kExpired.
  void compact();

 private:
  class MemoryWatch;
  struct Rule {
    Resource resource;
    bool status_subresource;
  };
  struct Change {
    uint64_t revision;
    Resource resource;  // group and plural count
    std::optional<Object> old, now;
  };
  using Store = std::map<NamespacedName, Object>;

  Result<Rule*> rule_locked(const Resource& resource);
  Result<Object> stored_locked(const Resource& resource, const NamespacedName& name);
  Result<Object> commit_locked(const Rule& rule, const Object& before, json::value after,
                               const WriteOptions& options);
  Object put_locked(const Resource& resource, const Object& before, json::value after);
  void drop_locked(const Resource& resource, const Object& before);
  Result<void> refused(const Call& call);

  Clock& clock_;
  Random random_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::map<std::string, Rule> rules_;    // by group_resource
  std::map<std::string, Store> stores_;  // by group_resource
  std::vector<Change> history_;
  uint64_t revision_ = 0, compacted_ = 0;
  uint64_t breaks_ = 0;  // counts break_watches
  int tokens_ = 0;       // counts those given
  Code break_code_ = Code::kUnavailable;
  bool held_ = false;
  std::function<Result<void>(const Call&)> hook_;
  std::vector<Call> calls_;
};

}  // namespace serin::client::testing
