#include "rollout/traffic/istio_routes.h"

#include <algorithm>

#include "base/strings.h"

namespace serin::rollout {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// "provider" of "provider", "provider.demo" and "provider.demo.svc.cluster.local".
std::string_view first_label(std::string_view host) { return host.substr(0, host.find('.')); }

bool matches(const json::value& destination, const std::string& subset, const std::string& service) {
  if (!subset.empty() && json::get_string(destination, "subset") == subset) return true;
  return !service.empty() && first_label(json::get_string(destination, "host")) == service;
}

const json::value& http_route(const json::value& virtual_service, size_t index) {
  return json::items(virtual_service, "spec", "http")[index];
}

/// A route destination's weight: one that stands alone and has none takes everything.
int64_t weight_of(const json::value& entry, size_t entries) {
  return json::get_int(entry, entries == 1 ? 100 : 0, "weight");
}

struct Split {
  std::vector<size_t> canary, stable;  ///< indexes in the route
  int64_t canary_weight = 0, stable_weight = 0, foreign = 0;
};

Split read_split(const json::value& route, const Destinations& destinations) {
  Split split;
  const json::array& entries = json::items(route, "route");
  for (size_t i = 0; i < entries.size(); ++i) {
    const json::value* destination = json::find(entries[i], "destination");
    int64_t weight = weight_of(entries[i], entries.size());
    if (destination && destinations.is_canary(*destination)) {
      split.canary.push_back(i);
      split.canary_weight += weight;
    } else if (destination && destinations.is_stable(*destination)) {
      split.stable.push_back(i);
      split.stable_weight += weight;
    } else {
      split.foreign += weight;
    }
  }
  return split;
}

json::value header_match_json(const HeaderMatch& match) {
  return json::object{{"headers", json::object{{match.header, json::object{{match.kind, match.value}}}}}};
}

json::value header_route_json(const HeaderRoute& route, const json::value* weighted,
                              const Destinations& destinations) {
  json::object destination;
  if (!destinations.canary_subset.empty()) {
    destination["host"] = destinations.subset_host;
    destination["subset"] = destinations.canary_subset;
  } else {
    destination["host"] = destinations.canary_service;
  }
  if (weighted) {
    const json::array& entries = json::items(*weighted, "route");
    for (const json::value& entry : entries) {
      const json::value* found = json::find(entry, "destination");
      if (!found || !destinations.is_canary(*found)) continue;
      if (const json::value* port = json::find(*found, "port")) destination["port"] = *port;
      break;
    }
  }
  json::array match;
  for (const HeaderMatch& one : route.match) match.push_back(header_match_json(one));
  return json::object{{"name", route.name},
                      {"match", std::move(match)},
                      {"route", json::array{json::object{{"destination", std::move(destination)},
                                                         {"weight", 100}}}}};
}

json::object op(std::string_view kind, std::string path, json::value value) {
  return {{"op", kind}, {"path", std::move(path)}, {"value", std::move(value)}};
}

HeaderRoute read_header_route(const json::value& route, const Destinations& destinations) {
  HeaderRoute read{std::string(json::get_string(route, "name")), {}};
  const json::array& entries = json::items(route, "route");
  const json::value* destination = entries.size() == 1 ? json::find(entries[0], "destination") : nullptr;
  if (!destination || !destinations.is_canary(*destination)) {
    read.match.push_back({"(foreign)", "", ""});
    return read;
  }
  for (const json::value& match : json::items(route, "match")) {
    const json::object* headers = json::find_object(match, "headers");
    if (!headers) {
      read.match.push_back({"(foreign)", "", ""});
      continue;
    }
    for (const auto& [name, value] : *headers) {
      for (std::string_view kind : {"exact", "prefix", "regex"})
        if (const json::value* text = json::find(value, kind))
          read.match.push_back({std::string(name), std::string(kind), std::string(json::as_string(text))});
    }
  }
  return read;
}

}  // namespace

bool Destinations::is_stable(const json::value& d) const { return matches(d, stable_subset, stable_service); }
bool Destinations::is_canary(const json::value& d) const { return matches(d, canary_subset, canary_service); }

Result<std::vector<size_t>> weighted_routes(const json::value& virtual_service,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& managed) {
  const json::array& routes = json::items(virtual_service, "spec", "http");
  if (routes.empty()) return fail(Code::kInvalid, "has no HTTP routes");
  std::vector<size_t> found;
  for (const std::string& name : names) {
    auto at = std::find_if(routes.begin(), routes.end(),
                           [&](const json::value& r) { return json::get_string(r, "name") == name; });
    if (at == routes.end()) return fail(Code::kInvalid, concat("has no HTTP route '", name, "'"));
    found.push_back(static_cast<size_t>(at - routes.begin()));
  }
  if (!found.empty()) return found;
  std::vector<size_t> all, unnamed;
  for (size_t i = 0; i < routes.size(); ++i) {
    std::string_view name = json::get_string(routes[i], "name");
    if (contains(managed, name)) continue;
    all.push_back(i);
    if (name.empty()) unnamed.push_back(i);
  }
  if (all.size() == 1) return all;
  if (!unnamed.empty()) return std::vector<size_t>{unnamed[0]};
  return fail(Code::kInvalid, "has several HTTP routes, all named: the Rollout must list the ones to split");
}

std::string route_without_destination(const json::value& virtual_service, const std::vector<size_t>& routes,
                                      const Destinations& destinations) {
  for (size_t index : routes) {
    const json::value& route = http_route(virtual_service, index);
    Split split = read_split(route, destinations);
    if (!split.canary.empty() && !split.stable.empty()) continue;
    bool canary = split.canary.empty();
    const std::string& subset = canary ? destinations.canary_subset : destinations.stable_subset;
    const std::string& service = canary ? destinations.canary_service : destinations.stable_service;
    std::string_view name = json::get_string(route, "name");
    if (name.empty()) name = "(unnamed)";
    return concat("HTTP route '", name, "' has no destination for the ",
                  canary ? "canary" : "stable",
                  subset.empty() ? concat(" Service '", service, "'") : concat(" subset '", subset, "'"));
  }
  return {};
}

WeightPair share(int64_t canary_percent, int64_t foreign) {
  int64_t ours = std::clamp<int64_t>(100 - foreign, 0, 100);
  int64_t canary = (canary_percent * ours + 50) / 100;
  if (canary_percent > 0 && canary == 0 && ours > 0) canary = 1;
  if (canary_percent < 100 && canary == ours && ours > 1) canary = ours - 1;
  return {canary, ours - canary};
}

int64_t canary_weight(const json::value& virtual_service, const std::vector<size_t>& routes,
                      const Destinations& destinations) {
  std::optional<int64_t> common;
  for (size_t index : routes) {
    Split split = read_split(http_route(virtual_service, index), destinations);
    int64_t ours = split.canary_weight + split.stable_weight;
    if (ours != std::clamp<int64_t>(100 - split.foreign, 0, 100)) return -1;
    int64_t weight = ours == 0 ? 0 : (split.canary_weight * 100 + ours / 2) / ours;
    // Rounding: where the pair is what some percentage asks for, that percentage is meant.
    if (ours != 100 && common && share(*common, split.foreign).canary == split.canary_weight) weight = *common;
    if (common && *common != weight) return -1;
    common = weight;
  }
  return common.value_or(-1);
}

std::vector<HeaderRoute> header_routes(const json::value& virtual_service,
                                       const std::vector<std::string>& managed,
                                       const Destinations& destinations) {
  std::vector<HeaderRoute> found;
  bool in_front = true;
  for (const json::value& route : json::items(virtual_service, "spec", "http")) {
    if (!contains(managed, json::get_string(route, "name"))) {
      in_front = false;
      continue;
    }
    found.push_back(read_header_route(route, destinations));
    if (!in_front) found.back().match.push_back({"(behind other routes)", "", ""});
  }
  return found;
}

json::array route_patch(const json::value& virtual_service, const std::vector<size_t>& routes,
                        const std::vector<std::string>& managed, const Destinations& destinations,
                        const Routing& to) {
  json::array changes;
  // Weights first, while the indexes are those of the document.
  for (size_t index : routes) {
    const json::value& route = http_route(virtual_service, index);
    const json::array& entries = json::items(route, "route");
    Split split = read_split(route, destinations);
    WeightPair wish = share(to.canary_weight, split.foreign);
    auto set = [&](const std::vector<size_t>& places, int64_t weight) {
      for (size_t i = 0; i < places.size(); ++i) {
        const json::value& entry = entries[places[i]];
        int64_t part = i == 0 ? weight : 0;
        if (weight_of(entry, entries.size()) == part) continue;
        std::string path = concat("/spec/http/", index, "/route/", places[i]);
        changes.push_back(op("test", path + "/destination", *json::find(entry, "destination")));
        changes.push_back(op("add", path + "/weight", part));
      }
    };
    set(split.canary, wish.canary);
    set(split.stable, wish.stable);
  }

  if (header_routes(virtual_service, managed, destinations) != to.header_routes) {
    const json::array& all = json::items(virtual_service, "spec", "http");
    for (size_t i = all.size(); i-- > 0;)
      if (contains(managed, json::get_string(all[i], "name")))
        changes.push_back(json::object{{"op", "remove"}, {"path", concat("/spec/http/", i)}});
    const json::value* weighted = routes.empty() ? nullptr : &http_route(virtual_service, routes[0]);
    for (size_t i = 0; i < to.header_routes.size(); ++i)
      changes.push_back(op("add", concat("/spec/http/", i),
                           header_route_json(to.header_routes[i], weighted, destinations)));
  }
  if (changes.empty()) return {};

  // The indexes above hold for exactly the document that was read: a generation is one state of the spec.
  json::array patch;
  if (const json::value* generation = json::find(virtual_service, "metadata", "generation"))
    patch.push_back(op("test", "/metadata/generation", *generation));
  else if (const json::value* version = json::find(virtual_service, "metadata", "resourceVersion"))
    patch.push_back(op("test", "/metadata/resourceVersion", *version));
  for (json::value& change : changes) patch.push_back(std::move(change));
  return patch;
}

}  // namespace serin::rollout
