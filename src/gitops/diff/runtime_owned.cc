#include "gitops/diff/runtime_owned.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::gitops::diff {
namespace {

using kube::NamespacedName;
using kube::Object;

bool is(const Object& object, std::string_view group, std::string_view kind) {
  return object.kind() == kind && kube::GroupVersion::parse(object.api_version()).group == group;
}
bool is_virtual_service(const Object& object) { return is(object, "networking.istio.io", "VirtualService"); }
bool is_destination_rule(const Object& object) { return is(object, "networking.istio.io", "DestinationRule"); }
bool is_service(const Object& object) { return is(object, "", "Service"); }

/// "name" in the rollout's namespace, or "name.namespace".
NamespacedName virtual_service_name(std::string_view text, std::string_view ns) {
  if (auto parts = cut(text, '.')) return {std::string(parts->second), std::string(parts->first)};
  return {std::string(ns), std::string(text)};
}

void insert(std::set<std::string>& names, std::string_view name) {
  if (!name.empty()) names.emplace(name);
}

bool owned_route(const OwnedRoutes& owned, std::string_view route) {
  return owned.routes.empty() || owned.routes.contains(std::string(route));
}

/// A host's Service: the first label of "name.namespace.svc.cluster.local".
std::string first_label(std::string_view host) { return std::string(host.substr(0, host.find('.'))); }

bool owned_destination(const OwnedRoutes& owned, const json::value& destination) {
  std::string subset(json::get_string(destination, "destination", "subset"));
  if (!subset.empty() && owned.subsets.contains(subset)) return true;
  return owned.services.contains(first_label(json::get_string(destination, "destination", "host")));
}

bool canary_destination(const OwnedRoutes& owned, const json::value& destination) {
  std::string_view subset = json::get_string(destination, "destination", "subset");
  if (!subset.empty() && subset == owned.canary_subset) return true;
  return !owned.canary_service.empty() &&
         first_label(json::get_string(destination, "destination", "host")) == owned.canary_service;
}

std::string destination_key(const json::value& destination) {
  return concat(json::get_string(destination, "destination", "host"), "|",
                json::get_string(destination, "destination", "subset"), "|",
                json::get_int(destination, 0, "destination", "port", "number"));
}

/// The live route of this name; of several (the unnamed ones, mostly) the nth.
const json::value* counterpart(const json::array& live, std::string_view name, size_t nth) {
  for (const json::value& route : live)
    if (json::get_string(route, "name") == name && nth-- == 0) return &route;
  return nullptr;
}

void copy_weights(json::value& route, const json::value& live, const OwnedRoutes& owned) {
  json::value* destinations = json::find(route, "route");
  if (!destinations || !destinations->is_array()) return;
  std::map<std::string, size_t> seen;
  for (json::value& destination : destinations->get_array()) {
    if (!destination.is_object() || !owned_destination(owned, destination)) continue;
    std::string key = destination_key(destination);
    size_t nth = seen[key]++;
    for (const json::value& other : json::items(live, "route")) {
      if (destination_key(other) != key || nth-- > 0) continue;
      if (const json::value* weight = json::find(other, "weight")) destination.get_object()["weight"] = *weight;
      else destination.get_object().erase("weight");
      break;
    }
  }
}

void merge_virtual_service(json::value& doc, const json::value& live, const std::vector<OwnedRoutes>& owners) {
  const json::array& live_routes = json::items(live, "spec", "http");
  std::set<std::string> managed;
  for (const OwnedRoutes& owner : owners) managed.insert(owner.managed_routes.begin(), owner.managed_routes.end());
  auto is_managed = [&](const json::value& route) { return managed.contains(std::string(json::get_string(route, "name"))); };

  json::array merged;
  // Managed routes stand before all others, as the rollout controller puts them.
  for (const json::value& route : live_routes)
    if (is_managed(route)) merged.push_back(route);
  std::map<std::string, size_t> seen;
  for (const json::value& wanted : json::items(doc, "spec", "http")) {
    if (is_managed(wanted)) continue;
    json::value& route = merged.emplace_back(wanted);
    std::string name(json::get_string(wanted, "name"));
    const json::value* counter = counterpart(live_routes, name, seen[name]++);
    if (!counter) continue;
    for (const OwnedRoutes& owner : owners)
      if (owned_route(owner, name)) copy_weights(route, *counter, owner);
  }
  if (!merged.empty() || json::find(doc, "spec", "http")) json::set(doc, {"spec", "http"}, std::move(merged));
}

void merge_destination_rule(json::value& doc, const json::value& live, const std::set<std::string>& names) {
  json::value* subsets = json::find(doc, "spec", "subsets");
  if (!subsets || !subsets->is_array()) return;
  for (json::value& subset : subsets->get_array()) {
    if (!subset.is_object() || !names.contains(std::string(json::get_string(subset, "name")))) continue;
    for (const json::value& other : json::items(live, "spec", "subsets")) {
      if (json::get_string(other, "name") != json::get_string(subset, "name")) continue;
      if (const json::value* hash = json::find(other, "labels", kPodTemplateHash))
        json::set(subset, {"labels", kPodTemplateHash}, *hash);
      else
        json::erase(subset, {"labels", kPodTemplateHash});
      break;
    }
  }
}

void merge_service(json::value& doc, const json::value& live) {
  if (const json::value* hash = json::find(live, "spec", "selector", kPodTemplateHash))
    json::set(doc, {"spec", "selector", kPodTemplateHash}, *hash);
  else
    json::erase(doc, {"spec", "selector", kPodTemplateHash});
}

}  // namespace

bool RuntimeOwned::concerns(const Object& object) const {
  if (is_virtual_service(object)) return virtual_services.contains(object.key());
  if (is_destination_rule(object)) return destination_rules.contains(object.key());
  return is_service(object) && services.contains(object.key());
}

RuntimeOwned ownership(const std::vector<Object>& rollouts) {
  RuntimeOwned owned;
  for (const Object& rollout : rollouts) {
    const json::value* canary = json::find(rollout.doc(), "spec", "strategy", "canary");
    if (!canary) continue;
    std::string ns(rollout.ns());
    OwnedRoutes routes;
    routes.rollout = rollout.key().str();
    routes.canary_service = std::string(json::get_string(*canary, "canaryService"));
    for (std::string_view field : {"canaryService", "stableService"}) {
      std::string_view service = json::get_string(*canary, field);
      insert(routes.services, service);
      if (!service.empty()) owned.services.insert({ns, std::string(service)});
    }
    const json::value* routing = json::find(*canary, "trafficRouting");
    if (!routing) continue;
    for (const json::value& managed : json::items(*routing, "managedRoutes"))
      insert(routes.managed_routes, json::get_string(managed, "name"));
    if (const json::value* rule = json::find(*routing, "istio", "destinationRule")) {
      routes.canary_subset = std::string(json::get_string(*rule, "canarySubsetName"));
      insert(routes.subsets, routes.canary_subset);
      insert(routes.subsets, json::get_string(*rule, "stableSubsetName"));
      std::string name(json::get_string(*rule, "name"));
      owned.destination_rules[{ns, name}].insert(routes.subsets.begin(), routes.subsets.end());
    }
    auto add = [&](const json::value& reference) {
      std::string_view name = json::get_string(reference, "name");
      if (name.empty()) return;
      OwnedRoutes mine = routes;
      for (const json::value& route : json::items(reference, "routes")) insert(mine.routes, json::as_string(&route));
      owned.virtual_services[virtual_service_name(name, ns)].push_back(std::move(mine));
    };
    if (const json::value* one = json::find(*routing, "istio", "virtualService")) add(*one);
    for (const json::value& each : json::items(*routing, "istio", "virtualServices")) add(each);
  }
  return owned;
}

Object merge_runtime_owned(const Object& desired, const Object& live, const RuntimeOwned& owned) {
  if (live.empty() || !owned.concerns(desired)) return desired;
  return desired.edit([&](json::value& doc) {
    if (is_virtual_service(desired)) merge_virtual_service(doc, live.doc(), owned.virtual_services.at(desired.key()));
    else if (is_destination_rule(desired)) merge_destination_rule(doc, live.doc(), owned.destination_rules.at(desired.key()));
    else merge_service(doc, live.doc());
  });
}

std::string breaks_rollout(const Object& desired, const Object& live, const RuntimeOwned& owned) {
  if (live.empty() || !is_virtual_service(live)) return {};
  auto owners = owned.virtual_services.find(live.key());
  if (owners == owned.virtual_services.end()) return {};
  for (const OwnedRoutes& owner : owners->second) {
    for (const json::value& route : json::items(live.doc(), "spec", "http")) {
      std::string name(json::get_string(route, "name"));
      if (name.empty() || !owned_route(owner, name) || owner.managed_routes.contains(name)) continue;
      auto in_canary = [&](const json::value& destination) {
        return canary_destination(owner, destination) && json::get_int(destination, 0, "weight") > 0;
      };
      const json::array& destinations = json::items(route, "route");
      if (std::none_of(destinations.begin(), destinations.end(), in_canary)) continue;
      const json::array& wanted = json::items(desired.doc(), "spec", "http");
      if (counterpart(wanted, name, 0)) continue;
      return concat("route \"", name, "\" of VirtualService ", live.key().str(), " is missing in Git while Rollout ",
                    owner.rollout, " sends traffic to its canary through it");
    }
  }
  return {};
}

}  // namespace serin::gitops::diff
