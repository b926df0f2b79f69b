#pragma once

/// One door to any cluster. The embedded API server and a real Kubernetes are both behind this interface, and
/// nothing above it can tell which. Blocking; safe from any thread.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "kube/object.h"
#include "kube/selector.h"
#include "kube/types.h"

namespace serin::client {

using kube::NamespacedName;
using kube::Object;
using kube::ObjectList;
using kube::Resource;
using kube::ResourceVersion;

struct ListOptions {
  std::string ns;              ///< empty: all namespaces
  std::string label_selector;  ///< query form
  std::string field_selector;  ///< query form
  int64_t limit = 0;           ///< 0: one answer with everything
  std::string continue_token;
};

struct WatchOptions {
  std::string ns;
  std::string label_selector;
  std::string field_selector;
  /// Events after this revision; 0 first gives the current state as kAdded events.
  ResourceVersion from;
};

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark } type;
  Object object;  ///< for kDeleted the last state, with the version of the deletion; a bookmark has only a version
};

/// A running watch. One reader. Destroying it ends it.
class Watch {
 public:
  virtual ~Watch() = default;
  /// The next event in order, or nullopt when `deadline` passes first. An error ends the watch: kExpired means
  /// list again. Never skips, repeats or reorders.
  virtual Result<std::optional<WatchEvent>> next(TimePoint deadline) = 0;
  /// Makes a blocked `next` return an error soon. Any thread.
  virtual void cancel() = 0;
};

struct WriteOptions {
  std::string subresource;    ///< "status", "scale", or empty
  std::string field_manager;  ///< empty: the client's own name
  bool dry_run = false;
  /// "Ignore", "Warn", "Strict"; empty: the server's default.
  std::string field_validation;
  bool force = false;         ///< apply patches only: take fields from other managers
};

struct Patch {
  enum class Type { kJson, kMerge, kStrategic, kApply } type;
  json::value body;
};

struct DeleteOptions {
  std::optional<int64_t> grace_seconds;
  std::string propagation;  ///< "Background", "Foreground", "Orphan"; empty: the server's default
  std::string uid;          ///< precondition
  ResourceVersion version;  ///< precondition
  bool dry_run = false;
};

class Client {
 public:
  virtual ~Client() = default;

  virtual Result<Object> get(const Resource&, const NamespacedName&) = 0;
  virtual Result<ObjectList> list(const Resource&, const ListOptions& = {}) = 0;
  virtual Result<std::unique_ptr<Watch>> watch(const Resource&, const WatchOptions& = {}) = 0;

  /// The namespace and name come from the object; answers carry the object as stored.
  virtual Result<Object> create(const Resource&, const Object&, const WriteOptions& = {}) = 0;
  /// A resourceVersion in the object is a precondition: kConflict where it is stale.
  virtual Result<Object> update(const Resource&, const Object&, const WriteOptions& = {}) = 0;
  virtual Result<Object> patch(const Resource&, const NamespacedName&, const Patch&,
                               const WriteOptions& = {}) = 0;
  /// kNotFound where there is nothing to delete.
  virtual Result<void> remove(const Resource&, const NamespacedName&, const DeleteOptions& = {}) = 0;

  /// The resource that serves a kind here, by discovery; kNotFound for an unknown kind. For callers that meet
  /// arbitrary objects (GitOps, garbage collection).
  virtual Result<Resource> resource_for(const kube::GroupVersionKind&) = 0;
  /// Every listable resource here, one version each.
  virtual Result<std::vector<Resource>> resources() = 0;
};

}  // namespace serin::client
