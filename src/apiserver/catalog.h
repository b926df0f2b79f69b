#pragma once

/// What one logical cluster serves: the built-in resources and those of its CRDs. An immutable value; a CRD
/// change makes a new one, which takes effect at once for every request that starts after it.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/store/store.h"
#include "kube/conversion.h"
#include "kube/object.h"
#include "kube/schema.h"

namespace serin::apiserver {

/// One resource in one version, ready to serve.
struct ServedResource {
  kube::ResourceInfo info;
  kube::SchemaPtr schema;           ///< never null; a permissive one where the kind has none
  std::string storage_api_version;  ///< what stands in the store; other versions differ in apiVersion only
  const kube::Conversion* conversion = nullptr;  ///< where the stored form differs in more; else null
  std::string crd;                  ///< the CRD's name; empty for a built-in
  bool accepts_creates = true;      ///< false while the CRD is being deleted
  std::string definition;           ///< changes with a CRD's content; empty for a built-in
  std::string deprecation;          ///< the warning that requests of this version get; empty: none

  const kube::Resource& resource() const { return info.resource; }
  Collection collection(const std::string& cluster) const {
    return {cluster, conversion ? conversion->stored.group_resource() : info.resource.group_resource()};
  }
  /// An object of the store as this version shows it.
  kube::Object shown(const kube::Object& stored) const;
  /// The text to store for an object of this version.
  std::string stored(const json::value& doc) const;
  bool has_subresource(std::string_view name) const;
};
using ServedPtr = std::shared_ptr<const ServedResource>;

class Catalog {
 public:
  /// The built-in resources alone.
  static std::shared_ptr<const Catalog> builtin();

  /// Null where nothing of that name is served.
  ServedPtr find(std::string_view group, std::string_view version, std::string_view plural) const;
  ServedPtr find_kind(const kube::GroupVersionKind&) const;
  /// Any version of a group's resource, the storage version first.
  ServedPtr find_resource(std::string_view group, std::string_view plural) const;
  /// Everything, by group, then version (best first), then plural.
  const std::vector<ServedPtr>& all() const { return all_; }
  /// Versions of a group, the preferred one first.
  std::vector<std::string> versions(std::string_view group) const;
  /// Every group, the core group first.
  std::vector<std::string> groups() const;
  bool serves(const kube::GroupVersion&) const;
  /// Unlike content has unlike fingerprints.
  const std::string& fingerprint() const { return fingerprint_; }

  /// This catalog with the resources of one CRD replaced (none: removed).
  std::shared_ptr<const Catalog> with_crd(const std::string& crd, const std::vector<ServedPtr>& resources) const;

  explicit Catalog(std::vector<ServedPtr> all);

 private:
  std::vector<ServedPtr> all_;
  std::map<std::string, ServedPtr, std::less<>> by_path_;
  std::map<kube::GroupVersionKind, ServedPtr> by_kind_;
  std::string fingerprint_;
};
using CatalogPtr = std::shared_ptr<const Catalog>;

/// Kubernetes' order of versions: v2 before v1 before v1beta2 before v1alpha1 before anything else.
bool version_before(std::string_view a, std::string_view b);

}  // namespace serin::apiserver
