#include "cluster/endpoints/endpoints_planner.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "base/time.h"
#include "cluster/endpoints/service_ports.h"
#include "cluster/pods.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using kube::Object;

struct Subset {
  json::array ports;
  std::map<std::string, json::value> ready, not_ready;  // by address
};

json::value address_of(const Object& service, const Object& pod) {
  json::object address{{"ip", json::get_string(pod.doc(), "status", "podIP")}};
  std::string_view hostname = hostname_in(service, pod);
  if (!hostname.empty()) address["hostname"] = hostname;
  std::string_view node = json::get_string(pod.doc(), "spec", "nodeName");
  if (!node.empty()) address["nodeName"] = node;
  address["targetRef"] = target_reference(pod);
  return address;
}

json::array taken(const std::map<std::string, json::value>& addresses, size_t& room) {
  json::array list;
  for (const auto& [ip, address] : addresses) {
    if (room == 0) break;
    list.push_back(address);
    --room;
  }
  return list;
}

/// The earliest moment since the last one noted at which a pod became Ready or not, or the Service was made.
std::optional<TimePoint> trigger_time(const EndpointsObserved& observed, std::optional<TimePoint> noted) {
  std::optional<TimePoint> earliest;
  auto look = [&](std::optional<TimePoint> at) {
    if (at && (!noted || *at > *noted) && (!earliest || *at < *earliest)) earliest = at;
  };
  look(observed.service.created());
  for (const Object& pod : observed.pods)
    if (const json::value* ready = kube::find_condition(pod, "Ready"))
      look(parse_time(json::get_string(*ready, "lastTransitionTime")));
  return earliest;
}

json::object labels_of(const Object& service) {
  json::object labels;
  if (const json::object* own = json::find_object(service.doc(), "metadata", "labels")) labels = *own;
  if (headless(service)) labels[kHeadlessLabel] = "";
  labels[kEndpointsManagedByLabel] = kEndpointsManagedBy;
  return labels;
}

}  // namespace

std::optional<client::Write> plan(const EndpointsObserved& observed, size_t most) {
  const Object& service = observed.service;
  if (service.deleting() || !selects_pods(service)) return std::nullopt;
  bool publish = json::get_bool(service.doc(), false, "spec", "publishNotReadyAddresses");

  std::map<std::string, Subset> subsets;
  size_t all = 0;
  for (const Object& pod : observed.pods) {
    if (pod_ended(pod) || (pod.deleting() && !publish)) continue;
    std::string ip(json::get_string(pod.doc(), "status", "podIP"));
    if (ip.empty()) continue;
    json::array ports = ports_at(service, pod);
    if (ports.empty() && !json::items(service.doc(), "spec", "ports").empty()) continue;
    Subset& subset = subsets[json::dump(ports)];
    subset.ports = std::move(ports);
    bool fresh = (publish || pod_ready(pod) ? subset.ready : subset.not_ready).emplace(ip, address_of(service, pod)).second;
    all += fresh;
  }
  size_t room = most;
  std::map<std::string, json::object> rendered;
  for (auto& [key, subset] : subsets)
    if (json::array list = taken(subset.ready, room); !list.empty()) rendered[key]["addresses"] = std::move(list);
  for (auto& [key, subset] : subsets)
    if (json::array list = taken(subset.not_ready, room); !list.empty()) rendered[key]["notReadyAddresses"] = std::move(list);
  json::array list;
  for (auto& [key, subset] : rendered) {
    if (!subsets[key].ports.empty()) subset["ports"] = subsets[key].ports;
    list.push_back(std::move(subset));
  }

  const std::optional<Object>& live = observed.endpoints;
  Object before = live ? *live : Object(json::object{{"apiVersion", "v1"},
                                                     {"kind", "Endpoints"},
                                                     {"metadata", json::object{{"namespace", service.ns()}, {"name", service.name()}}}});
  Object wanted = before.edit([&](json::value& doc) {
    if (json::items(doc, "subsets") != list) doc.as_object()["subsets"] = list;
    json::set(doc, {"metadata", "labels"}, labels_of(service));
    if (all > most)
      json::set(doc, {"metadata", "annotations", kOverCapacity}, "truncated");
    else if (before.has_annotation(kOverCapacity))
      json::erase(doc, {"metadata", "annotations", kOverCapacity});
  });
  if (live && wanted == *live) return std::nullopt;
  if (auto at = trigger_time(observed, parse_time(before.annotation(kLastChange))))
    wanted = wanted.edit([&](json::value& doc) { json::set(doc, {"metadata", "annotations", kLastChange}, json::value(format_time(*at))); });
  return live ? client::update(kube::kEndpoints, wanted, "update endpoints")
              : client::create(kube::kEndpoints, wanted, "create endpoints");
}

}  // namespace serin::cluster
