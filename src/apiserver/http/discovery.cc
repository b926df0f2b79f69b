#include "apiserver/http/discovery.h"

#include "apiserver/http/subresources.h"
#include "base/hash.h"
#include "base/strings.h"
#include "data/json_strings.h"

namespace serin::apiserver {
namespace {

json::object group_of(const Catalog& catalog, const std::string& group) {
  json::array versions;
  for (const std::string& version : catalog.versions(group))
    versions.push_back(json::object{{"groupVersion", concat(group, '/', version)}, {"version", version}});
  json::value preferred = versions.front();
  return {{"name", group}, {"versions", std::move(versions)}, {"preferredVersion", std::move(preferred)}};
}

bool is_stored(const ServedResource& served) { return served.info.verbs != std::vector<std::string>{"create"}; }

/// Tells which version a resource is stored in: the first 8 bytes of the SHA-256 of "group/version/kind".
std::string storage_version_hash(const ServedResource& served) {
  kube::GroupVersion gv = kube::GroupVersion::parse(served.storage_api_version);
  std::string hex = sha256_hex(concat(gv.group, '/', gv.version, '/', served.resource().kind)), bytes;
  for (size_t i = 0; i < 16; i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return base64_encode(bytes);
}

json::object kind_of(std::string_view group, std::string_view version, std::string_view kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

}  // namespace

json::value api_versions(const std::string& external_address) {
  json::array addresses;
  if (!external_address.empty())
    addresses.push_back(json::object{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", external_address}});
  return json::object{{"kind", "APIVersions"}, {"versions", json::array{"v1"}}, {"serverAddressByClientCIDRs", addresses}};
}

json::value api_group_list(const Catalog& catalog) {
  json::array groups;
  for (const std::string& group : catalog.groups())
    if (!group.empty()) groups.push_back(group_of(catalog, group));
  return json::object{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

json::value api_group(const Catalog& catalog, const std::string& group) {
  json::object out = group_of(catalog, group);
  out["kind"] = "APIGroup";
  out["apiVersion"] = "v1";
  return out;
}

json::value api_resource_list(const Catalog& catalog, const kube::GroupVersion& gv) {
  json::array resources;
  for (const ServedPtr& served : catalog.all()) {
    const kube::Resource& r = served->resource();
    if (r.group != gv.group || r.version != gv.version) continue;
    json::object one{{"name", r.plural}, {"singularName", served->info.singular}, {"namespaced", r.namespaced},
                     {"kind", r.kind},   {"verbs", json::from_strings(served->info.verbs)}};
    if (!served->info.short_names.empty()) one["shortNames"] = json::from_strings(served->info.short_names);
    if (!served->info.categories.empty()) one["categories"] = json::from_strings(served->info.categories);
    if (is_stored(*served)) one["storageVersionHash"] = storage_version_hash(*served);
    resources.push_back(std::move(one));
    for (const Subresource& sub : subresources(*served)) {
      json::object below{{"name", concat(r.plural, '/', sub.name)}, {"singularName", ""}, {"namespaced", r.namespaced},
                         {"kind", sub.kind}, {"verbs", json::from_strings(sub.verbs)}};
      if (sub.group != r.group || sub.version != r.version) {
        below["group"] = sub.group;
        below["version"] = sub.version;
      }
      resources.push_back(std::move(below));
    }
  }
  return json::object{{"kind", "APIResourceList"}, {"apiVersion", "v1"}, {"groupVersion", gv.api_version()},
                      {"resources", std::move(resources)}};
}

json::value aggregated_discovery(const Catalog& catalog, bool core, std::string_view version) {
  json::array items;
  for (const std::string& group : catalog.groups()) {
    if (group.empty() != core) continue;
    json::array versions;
    for (const std::string& name : catalog.versions(group)) {
      json::array resources;
      for (const ServedPtr& served : catalog.all()) {
        const kube::Resource& r = served->resource();
        if (r.group != group || r.version != name) continue;
        json::object one{{"resource", r.plural},
                         {"responseKind", kind_of(r.group, r.version, r.kind)},
                         {"scope", r.namespaced ? "Namespaced" : "Cluster"},
                         {"singularResource", served->info.singular},
                         {"verbs", json::from_strings(served->info.verbs)}};
        if (!served->info.short_names.empty()) one["shortNames"] = json::from_strings(served->info.short_names);
        if (!served->info.categories.empty()) one["categories"] = json::from_strings(served->info.categories);
        json::array below;
        for (const Subresource& sub : subresources(*served))
          below.push_back(json::object{{"subresource", sub.name}, {"responseKind", kind_of(sub.group, sub.version, sub.kind)},
                                       {"verbs", json::from_strings(sub.verbs)}});
        if (!below.empty()) one["subresources"] = std::move(below);
        resources.push_back(std::move(one));
      }
      versions.push_back(json::object{{"version", name}, {"resources", std::move(resources)}, {"freshness", "Current"}});
    }
    json::object metadata{{"creationTimestamp", nullptr}};
    if (!group.empty()) metadata["name"] = group;
    items.push_back(json::object{{"metadata", std::move(metadata)}, {"versions", std::move(versions)}});
  }
  return json::object{{"kind", "APIGroupDiscoveryList"}, {"apiVersion", concat("apidiscovery.k8s.io/", version)},
                      {"metadata", json::object()}, {"items", std::move(items)}};
}

}  // namespace serin::apiserver
