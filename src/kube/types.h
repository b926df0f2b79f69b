#pragma once

/// The names of things in a Kubernetes API. Identities are types, so that arguments cannot be swapped.

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace serin::kube {

struct GroupVersion {
  std::string group;  ///< empty for the core group
  std::string version;
  auto operator<=>(const GroupVersion&) const = default;

  /// "apps/v1", or "v1" for the core group.
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  static GroupVersion parse(std::string_view api_version);
};

struct GroupVersionKind {
  std::string group, version, kind;
  auto operator<=>(const GroupVersionKind&) const = default;
  GroupVersion group_version() const { return {group, version}; }
};

/// An API resource as it stands in a URL, with the kind it carries.
struct Resource {
  std::string group, version, plural, kind;
  bool namespaced = true;
  auto operator<=>(const Resource&) const = default;

  std::string api_version() const { return GroupVersion{group, version}.api_version(); }
  /// "rollouts.argoproj.io", or "pods" for the core group.
  std::string group_resource() const { return group.empty() ? plural : plural + "." + group; }
};

struct NamespacedName {
  std::string ns;  ///< empty for cluster-scoped objects
  std::string name;
  auto operator<=>(const NamespacedName&) const = default;

  /// "namespace/name", or "name" alone.
  std::string str() const { return ns.empty() ? name : ns + "/" + name; }
  static NamespacedName parse(std::string_view text);
};

/// A revision of a cluster's store. Ordered; 0 means none.
struct ResourceVersion {
  uint64_t value = 0;
  auto operator<=>(const ResourceVersion&) const = default;
  std::string str() const { return value == 0 ? "" : std::to_string(value); }
  /// 0 for anything that is not a decimal number.
  static ResourceVersion parse(std::string_view text);
};

}  // namespace serin::kube

template <>
struct std::hash<serin::kube::NamespacedName> {
  size_t operator()(const serin::kube::NamespacedName& key) const noexcept {
    return std::hash<std::string>()(key.ns) * 31 + std::hash<std::string>()(key.name);
  }
};
