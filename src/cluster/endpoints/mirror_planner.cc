#include "cluster/endpoints/mirror_planner.h"

#include "base/strings.h"
#include "cluster/endpoints/endpoints_planner.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using kube::Object;

bool mirrored(const MirrorObserved& observed) {
  if (!observed.service || !observed.endpoints || observed.endpoints->deleting() || observed.service->deleting()) return false;
  if (json::find_object(observed.service->doc(), "spec", "selector")) return false;
  return observed.endpoints->label(kSkipMirrorLabel) != "true" && !observed.endpoints->has_annotation(kLeaderAnnotation) &&
         observed.endpoints->label(kEndpointsManagedByLabel) != kEndpointsManagedBy;
}

SliceOwner owner_of(const Object& endpoints) {
  SliceOwner owner{endpoints, {}, {}};
  if (const json::object* labels = json::find_object(endpoints.doc(), "metadata", "labels")) owner.labels = *labels;
  owner.labels[kServiceNameLabel] = endpoints.name();
  owner.labels[kManagedByLabel] = kMirroredBy;
  if (const json::object* annotations = json::find_object(endpoints.doc(), "metadata", "annotations"))
    for (const auto& [name, value] : *annotations)
      if (name != "kubectl.kubernetes.io/last-applied-configuration" && name != kLastChange) owner.annotations[name] = value;
  return owner;
}

void add(const json::value& address, bool ready, const json::array& ports, std::map<std::string, SliceGroup>& groups) {
  std::string ip(json::get_string(address, "ip"));
  if (ip.empty()) return;
  std::string type = ip.find(':') == std::string::npos ? "IPv4" : "IPv6";
  SliceGroup& group = groups[type + json::dump(ports)];
  group.address_type = type;
  group.ports = ports;
  json::object endpoint{{"addresses", json::array{ip}}, {"conditions", json::object{{"ready", ready}}}};
  for (const char* field : {"hostname", "nodeName", "targetRef"})
    if (const json::value* value = json::find(address, field)) endpoint[field] = *value;
  json::value made = std::move(endpoint);
  group.wanted.emplace(endpoint_identity(made), made);
}

}  // namespace

std::vector<client::Write> plan(const MirrorObserved& observed) {
  std::vector<Object> own;
  for (const Object& slice : observed.slices)
    if (slice.label(kManagedByLabel) == kMirroredBy && !slice.deleting()) own.push_back(slice);
  std::map<std::string, SliceGroup> groups;
  SliceOwner owner;
  if (mirrored(observed)) {
    owner = owner_of(*observed.endpoints);
    for (const json::value& subset : json::items(observed.endpoints->doc(), "subsets")) {
      size_t room = kMostMirrored;
      for (auto [list, ready] : {std::pair("addresses", true), std::pair("notReadyAddresses", false)})
        for (const json::value& address : json::items(subset, list))
          if (room > 0) {
            add(address, ready, json::items(subset, "ports"), groups);
            --room;
          }
    }
  }
  std::vector<SliceGroup> wanted;
  for (auto& [key, group] : groups) wanted.push_back(std::move(group));
  SliceOptions options;
  options.most = kMostMirrored;
  options.placeholder = false;
  return settle_slices(owner, std::move(wanted), own, options);
}

}  // namespace serin::cluster
