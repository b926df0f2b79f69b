#include "apiserver/http/discovery.h"

#include "base/strings.h"

namespace serin::apiserver {
namespace {

json::array strings(const std::vector<std::string>& from) {
  json::array out;
  for (const std::string& text : from) out.push_back(json::value(text));
  return out;
}

struct Subresource {
  std::string name, group, version, kind;
  std::vector<std::string> verbs;
};

std::vector<Subresource> subresources(const ServedResource& served) {
  const kube::Resource& r = served.resource();
  std::vector<Subresource> out;
  for (const std::string& name : served.info.other_subresources) {
    if (name == "log") out.push_back({name, r.group, r.version, r.kind, {"get"}});
    if (name == "finalize") out.push_back({name, r.group, r.version, r.kind, {"update"}});
    if (name == "token") out.push_back({name, "authentication.k8s.io", "v1", "TokenRequest", {"create"}});
  }
  if (served.info.scale) out.push_back({"scale", "autoscaling", "v1", "Scale", {"get", "patch", "update"}});
  if (served.info.status_subresource) out.push_back({"status", r.group, r.version, r.kind, {"get", "patch", "update"}});
  return out;
}

json::object group_of(const Catalog& catalog, const std::string& group) {
  json::array versions;
  for (const std::string& version : catalog.versions(group))
    versions.push_back(json::object{{"groupVersion", concat(group, '/', version)}, {"version", version}});
  json::value preferred = versions.front();
  return {{"name", group}, {"versions", std::move(versions)}, {"preferredVersion", std::move(preferred)}};
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
                     {"kind", r.kind},   {"verbs", strings(served->info.verbs)}};
    if (!served->info.short_names.empty()) one["shortNames"] = strings(served->info.short_names);
    if (!served->info.categories.empty()) one["categories"] = strings(served->info.categories);
    resources.push_back(std::move(one));
    for (const Subresource& sub : subresources(*served)) {
      json::object below{{"name", concat(r.plural, '/', sub.name)}, {"singularName", ""}, {"namespaced", r.namespaced},
                         {"kind", sub.kind}, {"verbs", strings(sub.verbs)}};
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
                         {"verbs", strings(served->info.verbs)}};
        if (!served->info.short_names.empty()) one["shortNames"] = strings(served->info.short_names);
        if (!served->info.categories.empty()) one["categories"] = strings(served->info.categories);
        json::array below;
        for (const Subresource& sub : subresources(*served))
          below.push_back(json::object{{"subresource", sub.name}, {"responseKind", kind_of(sub.group, sub.version, sub.kind)},
                                       {"verbs", strings(sub.verbs)}});
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
