#include "cluster/endpoints/endpoint_slice_planner.h"

#include "base/strings.h"
#include "cluster/endpoints/service_ports.h"
#include "cluster/pods.h"
#include "kube/selector.h"

namespace serin::cluster {
namespace {

using kube::Object;

json::value endpoint_of(const Object& service, const Object& pod) {
  bool serving = pod_ready(pod);
  bool terminating = pod.deleting();
  bool publish = json::get_bool(service.doc(), false, "spec", "publishNotReadyAddresses");
  json::object endpoint{
      {"addresses", json::array{json::get_string(pod.doc(), "status", "podIP")}},
      {"conditions",
       json::object{{"ready", publish || (serving && !terminating)}, {"serving", serving}, {"terminating", terminating}}},
      {"targetRef", target_reference(pod)}};
  std::string_view node = json::get_string(pod.doc(), "spec", "nodeName");
  if (!node.empty()) endpoint["nodeName"] = node;
  std::string_view hostname = hostname_in(service, pod);
  if (!hostname.empty()) endpoint["hostname"] = hostname;
  return endpoint;
}

json::object labels_of(const Object& service) {
  json::object labels;
  if (const json::object* own = json::find_object(service.doc(), "metadata", "labels")) labels = *own;
  labels[kServiceNameLabel] = service.name();
  labels[kManagedByLabel] = kManagedBy;
  if (headless(service)) labels[kHeadlessLabel] = "";
  return labels;
}

}  // namespace

std::vector<client::Write> plan(const EndpointSliceObserved& observed, size_t most_per_slice) {
  const Object& service = observed.service;
  if (service.deleting() || !selects_pods(service)) return {};
  kube::LabelSelector selector = kube::LabelSelector::from_map(json::find(service.doc(), "spec", "selector"));

  std::map<std::string, SliceGroup> groups;
  for (const Object& pod : observed.pods) {
    if (pod_ended(pod) || json::get_string(pod.doc(), "status", "podIP").empty()) continue;
    if (!selector.matches(json::find(pod.doc(), "metadata", "labels"))) continue;
    json::array ports = ports_at(service, pod);
    SliceGroup& group = groups[json::dump(ports)];
    group.ports = std::move(ports);
    json::value endpoint = endpoint_of(service, pod);
    group.wanted[endpoint_identity(endpoint)] = std::move(endpoint);
  }
  std::vector<SliceGroup> wanted;
  for (auto& [ports, group] : groups) wanted.push_back(std::move(group));
  std::vector<Object> own;
  for (const Object& slice : observed.slices)
    if (slice.label(kManagedByLabel) == kManagedBy && !slice.deleting()) own.push_back(slice);
  SliceOptions options;
  options.most = most_per_slice;
  return settle_slices({service, labels_of(service), {}}, std::move(wanted), own, options);
}

}  // namespace serin::cluster
