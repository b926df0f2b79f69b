#include "client/discovery.h"

#include <algorithm>
#include <set>

namespace serin::client {
namespace {

std::vector<std::string> strings(const json::array& values) {
  std::vector<std::string> out;
  for (const json::value& value : values) out.emplace_back(json::as_string(&value));
  return out;
}

}  // namespace

bool DiscoveredResource::listable() const {
  return std::find(verbs.begin(), verbs.end(), "list") != verbs.end();
}

bool is_aggregated(const json::value& doc) {
  return json::get_string(doc, "kind") == "APIGroupDiscoveryList";
}

void add_aggregated(Discovery& to, const json::value& doc) {
  for (const json::value& group : json::items(doc, "items"))
    for (const json::value& version : json::items(group, "versions"))
      for (const json::value& resource : json::items(version, "resources"))
        to.push_back({{std::string(json::get_string(group, "metadata", "name")),
                       std::string(json::get_string(version, "version")),
                       std::string(json::get_string(resource, "resource")),
                       std::string(json::get_string(resource, "responseKind", "kind")),
                       json::get_string(resource, "scope") == "Namespaced"},
                      strings(json::items(resource, "verbs"))});
}

std::vector<kube::GroupVersion> legacy_group_versions(const json::value& doc) {
  std::vector<kube::GroupVersion> versions;
  for (const std::string& version : strings(json::items(doc, "versions")))
    versions.push_back({"", version});
  for (const json::value& group : json::items(doc, "groups")) {
    std::string name(json::get_string(group, "name"));
    std::string preferred(json::get_string(group, "preferredVersion", "version"));
    if (!preferred.empty()) versions.push_back({name, preferred});
    for (const json::value& version : json::items(group, "versions"))
      if (std::string_view other = json::get_string(version, "version"); other != preferred)
        versions.push_back({name, std::string(other)});
  }
  return versions;
}

void add_legacy(Discovery& to, const kube::GroupVersion& gv, const json::value& doc) {
  for (const json::value& resource : json::items(doc, "resources")) {
    std::string_view name = json::get_string(resource, "name");
    if (name.find('/') != std::string_view::npos) continue;
    to.push_back(
        {{gv.group, gv.version, std::string(name), std::string(json::get_string(resource, "kind")),
          json::get_bool(resource, false, "namespaced")},
         strings(json::items(resource, "verbs"))});
  }
}

std::optional<Resource> find_kind(const Discovery& discovery, const kube::GroupVersionKind& gvk) {
  for (const DiscoveredResource& found : discovery) {
    const Resource& resource = found.resource;
    if (resource.kind == gvk.kind && resource.group == gvk.group &&
        (gvk.version.empty() || resource.version == gvk.version))
      return resource;
  }
  return std::nullopt;
}

std::vector<Resource> listable_resources(const Discovery& discovery) {
  std::vector<Resource> resources;
  std::set<std::string> seen;
  for (const DiscoveredResource& found : discovery)
    if (found.listable() && seen.insert(found.resource.group_resource()).second)
      resources.push_back(found.resource);
  return resources;
}

}  // namespace serin::client
