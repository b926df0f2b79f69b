#pragma once

/// The verbs of the Kubernetes API as functions on objects, without HTTP.
///
/// A write is a plan: a function from the object as it is to what shall be. It is run against the latest state,
/// and again where another writer was faster; a caller's own resourceVersion is checked inside it, so that
/// trying again never hides a conflict from them. Each write answers through `Done`, exactly once: at once where
/// nothing is stored, else when it is durable. Safe from any thread.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "apiserver/catalog.h"
#include "apiserver/hooks.h"
#include "apiserver/store/store.h"
#include "apiserver/stored_object.h"
#include "base/clock.h"
#include "base/random.h"
#include "client/client.h"

namespace serin::apiserver {

/// One logical cluster: its name and what it serves at the moment.
class LogicalCluster {
 public:
  LogicalCluster(std::string name, CatalogPtr catalog)
      : name_(std::move(name)), catalog_(std::move(catalog)) {}
  const std::string& name() const { return name_; }
  CatalogPtr catalog() const {
    std::lock_guard lock(mutex_);
    return catalog_;
  }
  void set_catalog(CatalogPtr catalog) {
    std::lock_guard lock(mutex_);
    catalog_ = std::move(catalog);
  }

 private:
  std::string name_;
  mutable std::mutex mutex_;
  CatalogPtr catalog_;  // guarded by mutex_
};
using ClusterPtr = std::shared_ptr<LogicalCluster>;

/// What a request is about.
struct Target {
  ClusterPtr cluster;
  ServedPtr resource;
  NamespacedName name;      ///< the name is empty for collections
  std::string subresource;  ///< "status", "scale", "finalize", "eviction", ..., or empty
  UserPtr user = system_user();
  /// Why the user may not create the object, for a patch that would; null where they may.
  std::shared_ptr<const Error> create_refused{};

  Collection collection() const { return resource->collection(cluster->name()); }
  std::string api_version() const { return resource->resource().api_version(); }
  const std::string& kind() const { return resource->resource().kind; }
};

/// A write's answer.
struct Outcome {
  kube::Object object;  ///< in the version asked for; for a removal the last state
  EntryPtr entry;       ///< the stored form of `object`; null where they differ (dry run, scale)
  bool created = false;
  bool removed = false;
  std::vector<std::string> warnings;
};
using Done = std::function<void(Result<Outcome>)>;

/// What a plan wants done.
struct Step {
  enum class Kind { kNothing, kPut, kRemove } kind = Kind::kNothing;
  json::value doc;  ///< the answer, in the version asked for
  std::vector<Operation> also;  ///< written in the same transaction
  std::vector<Guard> guards;
  std::function<void()> before_visible;
  std::vector<std::string> warnings;
};

struct ReadOptions {
  std::string label_selector, field_selector;
  std::string resource_version, resource_version_match;
  int64_t limit = 0;
  std::string continue_token;
};

struct Page {
  std::vector<EntryPtr> entries;
  Revision revision = 0;
  std::string continue_token;
  std::optional<int64_t> remaining;
};

struct RestOptions {
  Clock* clock;
  Random* random;
  std::vector<Admission*> admission;
  bool default_accounts = false;  ///< a namespace comes with its ServiceAccount `default`
  /// Called once a write is visible and before it is answered.
  std::function<void(const Target&)> written{};
  int max_attempts = 100;  ///< how often a plan is tried against faster writers
};

class Rest {
 public:
  Rest(Store& store, RestOptions options);

  // Reads.
  Result<EntryPtr> get(const Target&, std::string_view resource_version = {}) const;
  Result<Page> list(const Target&, const ReadOptions&) const;
  kube::Object object(const Target&, const EntryPtr& entry) const;
  /// The object of a Scale subresource, from its parent.
  Result<kube::Object> scale_of(const Target&, const kube::Object& parent) const;

  // Writes.
  void create(Target, json::value body, client::WriteOptions, Done);
  void update(Target, json::value body, client::WriteOptions, Done);
  void patch(Target, client::Patch, client::WriteOptions, Done);
  void remove(Target, client::DeleteOptions, Done);
  /// Deletes a pod where its PodDisruptionBudget allows it, and counts that there, both or neither.
  void evict(Target pod, client::DeleteOptions, Done);
  /// Gives a pod its node: the body is a Binding (core/v1).
  void bind(Target pod, json::value binding, client::WriteOptions, Done);
  /// Removes every selected object; answers with those it has removed or marked.
  void remove_collection(Target, ReadOptions, client::DeleteOptions,
                         std::function<void(Result<std::vector<kube::Object>>)>);

  Store& store() const { return store_; }
  ObjectCache& cache() const { return cache_; }
  Clock& clock() const { return *options_.clock; }

 private:
  using Plan = std::function<Result<Step>(const kube::Object& current)>;
  struct Attempt;
  void run(Target, Plan, bool dry_run, Done);
  void attempt(std::shared_ptr<Attempt>);
  void finish(const std::shared_ptr<Attempt>&, Step, Result<Committed>);

  Result<Step> plan_create(const Target&, json::value body, const client::WriteOptions&) const;
  Result<Step> plan_update(const Target&, const kube::Object& current, json::value next,
                           const client::WriteOptions&, bool applied) const;
  Result<Step> plan_patch(const Target&, const kube::Object& current, const client::Patch&,
                          const client::WriteOptions&) const;
  Result<Step> plan_remove(const Target&, const kube::Object& current, const client::DeleteOptions&) const;
  Result<Step> plan_evict(const Target&, const kube::Object& current, const client::DeleteOptions&) const;
  Result<Step> plan_apply(const Target&, const kube::Object& current, json::value config,
                          const client::WriteOptions&) const;
  Result<Step> plan_apply_scale(const Target&, const kube::Object& current, json::value config,
                                const client::WriteOptions&) const;
  Result<json::value> scaled(const Target&, const kube::Object& parent, const json::value& scale) const;
  Result<json::value> patched(const Target&, const json::value& doc, const client::Patch&) const;
  /// What a write of a CustomResourceDefinition does to the catalog; empty for other kinds. A null `doc`: removed.
  std::function<void()> crd_hook(const Target&, const json::value& doc) const;
  /// Prunes, completes, admits, validates. `old` is empty on creation.
  Result<void> complete(const Target&, json::value& doc, const kube::Object& old,
                        const client::WriteOptions&, std::vector<std::string>& warnings) const;
  Result<Page> listed(const Target&, const ReadOptions&) const;
  Result<void> check_namespace(const Target&, std::vector<Guard>&) const;
  /// Looks again at the CRDs of the group that a written CRD may have made names free for.
  void accept_free_names(const Target& crd_target, const kube::Object& written);
  /// Prunes and completes the stored objects of a written CRD by its schema as it is now.
  void fit_custom_objects(const Target& crd_target, const kube::Object& written);
  bool has_custom_objects(const Target& crd, const kube::Object& object) const;
  void remove_custom_objects(const Target& crd_target, const kube::Object& crd);
  void after_crd_object_removed(const Target&);

  Store& store_;
  RestOptions options_;
  mutable ObjectCache cache_;
};

/// `deployments.apps "x"`, as messages name an object.
std::string quoted(const ServedResource&, std::string_view name);
Error not_found(const ServedResource&, std::string_view name);
/// `Deployment.apps "x" is invalid: spec.replicas: Invalid value...`
Error invalid(const ServedResource&, std::string_view name, std::vector<Cause> causes);

}  // namespace serin::apiserver
