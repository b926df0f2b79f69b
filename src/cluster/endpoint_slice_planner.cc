#include "cluster/endpoint_slice_planner.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "cluster/pods.h"
#include "kube/resources.h"
#include "kube/selector.h"

namespace serin::cluster {
namespace {

using client::Write;
using kube::Object;

std::optional<int64_t> container_port(const Object& pod, std::string_view name, std::string_view protocol) {
  for (const char* list : {"containers", "initContainers"}) {
    for (const json::value& container : json::items(pod.doc(), "spec", list)) {
      for (const json::value& port : json::items(container, "ports")) {
        std::string_view spoken = json::get_string(port, "protocol");
        if (json::get_string(port, "name") == name && (spoken.empty() ? "TCP" : spoken) == protocol)
          return json::as_int(json::find(port, "containerPort"));
      }
    }
  }
  return std::nullopt;
}

json::array ports_of(const Object& service, const Object& pod) {
  json::array ports;
  for (const json::value& port : json::items(service.doc(), "spec", "ports")) {
    std::string protocol(json::get_string(port, "protocol"));
    if (protocol.empty()) protocol = "TCP";
    const json::value* target = json::find(port, "targetPort");
    std::optional<int64_t> number = json::as_int(target);
    if (!number && target && target->is_string())
      number = container_port(pod, json::as_string(target), protocol);
    else if (!number || *number == 0)
      number = json::get_int(port, 0, "port");
    if (!number) continue;
    json::object entry{{"name", json::get_string(port, "name")}, {"port", *number}, {"protocol", protocol}};
    if (const json::value* application = json::find(port, "appProtocol")) entry["appProtocol"] = *application;
    ports.push_back(std::move(entry));
  }
  return ports;
}

json::value endpoint_of(const Object& service, const Object& pod) {
  bool serving = pod_ready(pod);
  bool terminating = pod.deleting();
  bool publish = json::get_bool(service.doc(), false, "spec", "publishNotReadyAddresses");
  json::object endpoint{
      {"addresses", json::array{json::get_string(pod.doc(), "status", "podIP")}},
      {"conditions",
       json::object{{"ready", publish || (serving && !terminating)}, {"serving", serving}, {"terminating", terminating}}},
      {"targetRef", json::object{{"kind", "Pod"}, {"namespace", pod.ns()}, {"name", pod.name()}, {"uid", pod.uid()}}}};
  std::string_view node = json::get_string(pod.doc(), "spec", "nodeName");
  if (!node.empty()) endpoint["nodeName"] = node;
  std::string_view hostname = json::get_string(pod.doc(), "spec", "hostname");
  if (!hostname.empty() && json::get_string(pod.doc(), "spec", "subdomain") == service.name())
    endpoint["hostname"] = hostname;
  return endpoint;
}

std::string identity(const json::value& endpoint) { return std::string(json::get_string(endpoint, "targetRef", "uid")); }

json::object labels_of(const Object& service) {
  json::object labels;
  if (const json::object* own = json::find_object(service.doc(), "metadata", "labels")) labels = *own;
  labels[kServiceNameLabel] = service.name();
  labels[kManagedByLabel] = kManagedBy;
  if (json::get_string(service.doc(), "spec", "clusterIP") == "None") labels["service.kubernetes.io/headless"] = "";
  return labels;
}

/// Slices with one set of ports.
struct Group {
  json::array ports;
  std::map<std::string, json::value> wanted;  // endpoints by pod uid; ordered, so that the outcome is
  std::vector<Object> slices;
};

/// What a live slice should be: endpoints that are still wanted stay where they are.
json::array keep(const Object& slice, std::map<std::string, json::value>& wanted) {
  json::array kept;
  for (const json::value& endpoint : json::items(slice.doc(), "endpoints")) {
    auto found = wanted.find(identity(endpoint));
    if (found == wanted.end()) continue;
    kept.push_back(std::move(found->second));
    wanted.erase(found);
  }
  return kept;
}

void fill(json::array& endpoints, std::map<std::string, json::value>& wanted, size_t most) {
  while (!wanted.empty() && endpoints.size() < most) {
    endpoints.push_back(std::move(wanted.begin()->second));
    wanted.erase(wanted.begin());
  }
}

Object new_slice(const Object& service, const json::array& ports, json::array endpoints) {
  return Object(json::object{{"apiVersion", "discovery.k8s.io/v1"},
                             {"kind", "EndpointSlice"},
                             {"metadata", json::object{{"namespace", service.ns()},
                                                       {"generateName", concat(service.name(), "-")},
                                                       {"labels", labels_of(service)},
                                                       {"ownerReferences", json::array{kube::controller_reference(service)}}}},
                             {"addressType", "IPv4"},
                             {"endpoints", std::move(endpoints)},
                             {"ports", ports}});
}

Write remove_slice(const Object& slice) {
  client::DeleteOptions options;
  options.uid = slice.uid();
  return client::remove(kube::kEndpointSlices, slice.key(), "delete an empty slice", options);
}

void settle(const Object& service, Group& group, size_t most, std::vector<Write>& writes) {
  std::vector<json::array> contents;
  for (const Object& slice : group.slices) contents.push_back(keep(slice, group.wanted));
  for (size_t i = 0; i < group.slices.size(); ++i) {
    const Object& slice = group.slices[i];
    fill(contents[i], group.wanted, most);
    if (contents[i].empty()) {
      writes.push_back(remove_slice(slice));
      continue;
    }
    Object settled = slice.edit([&](json::value& doc) {
      doc.as_object()["endpoints"] = contents[i];
      json::set(doc, {"metadata", "labels"}, labels_of(service));
    });
    if (!(settled == slice))
      writes.push_back(client::update(kube::kEndpointSlices, settled, concat("update slice ", slice.name())));
  }
  while (!group.wanted.empty()) {
    json::array endpoints;
    fill(endpoints, group.wanted, most);
    writes.push_back(client::create(kube::kEndpointSlices, new_slice(service, group.ports, std::move(endpoints)),
                                    concat("create a slice of ", service.name())));
  }
}

}  // namespace

std::vector<Write> plan(const EndpointSliceObserved& observed, size_t most_per_slice) {
  const Object& service = observed.service;
  std::vector<Write> writes;
  if (service.deleting() || json::get_string(service.doc(), "spec", "type") == "ExternalName") return writes;
  const json::object* chosen = json::find_object(service.doc(), "spec", "selector");
  if (!chosen || chosen->empty()) return writes;
  kube::LabelSelector selector = kube::LabelSelector::from_map(json::find(service.doc(), "spec", "selector"));

  std::map<std::string, Group> groups;
  for (const Object& pod : observed.pods) {
    if (pod_ended(pod) || json::get_string(pod.doc(), "status", "podIP").empty()) continue;
    if (!selector.matches(json::find(pod.doc(), "metadata", "labels"))) continue;
    json::array ports = ports_of(service, pod);
    Group& group = groups[json::dump(ports)];
    group.ports = std::move(ports);
    group.wanted[std::string(pod.uid())] = endpoint_of(service, pod);
  }
  for (const Object& slice : observed.slices) {
    if (slice.label(kManagedByLabel) != kManagedBy || slice.deleting()) continue;
    const json::array& ports = json::items(slice.doc(), "ports");
    auto group = std::find_if(groups.begin(), groups.end(), [&](auto& entry) { return entry.second.ports == ports; });
    if (group == groups.end())
      writes.push_back(remove_slice(slice));
    else
      group->second.slices.push_back(slice);
  }
  for (auto& [ports, group] : groups) settle(service, group, most_per_slice, writes);
  // An endpoint that changes slices is never absent in between: slices that gain come before slices that go.
  std::stable_partition(writes.begin(), writes.end(),
                        [](const Write& write) { return write.verb != Write::Verb::kRemove; });
  return writes;
}

}  // namespace serin::cluster
