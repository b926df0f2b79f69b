#include "cluster/endpoints/slice_set.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

using client::Write;
using kube::Object;

/// What a slice should be. `live` is empty for one to be made.
struct Slice {
  Object live;
  std::string address_type;
  json::array ports, endpoints;
  bool changed = false;
};

Slice as_it_is(const Object& live) {
  return {live, std::string(json::get_string(live.doc(), "addressType")), json::items(live.doc(), "ports"),
          json::items(live.doc(), "endpoints")};
}

/// Takes the endpoints that stay in their slice out of `wanted`.
void keep(Slice& slice, std::map<std::string, json::value>& wanted) {
  json::array kept;
  for (const json::value& endpoint : slice.endpoints) {
    auto found = wanted.find(endpoint_identity(endpoint));
    if (found == wanted.end()) continue;
    kept.push_back(std::move(found->second));
    wanted.erase(found);
  }
  slice.changed = kept != slice.endpoints;
  slice.endpoints = std::move(kept);
}

void fill(Slice& slice, std::map<std::string, json::value>& wanted, size_t most) {
  while (!wanted.empty() && slice.endpoints.size() < most) {
    slice.endpoints.push_back(std::move(wanted.begin()->second));
    wanted.erase(wanted.begin());
    slice.changed = true;
  }
}

void settle(SliceGroup& group, std::vector<Slice>& slices, size_t most, std::vector<Slice>& made) {
  for (Slice& slice : slices) keep(slice, group.wanted);
  std::vector<Slice*> written;
  for (Slice& slice : slices)
    if (slice.changed && !slice.endpoints.empty()) written.push_back(&slice);
  std::stable_sort(written.begin(), written.end(),
                   [](const Slice* a, const Slice* b) { return a->endpoints.size() > b->endpoints.size(); });
  for (Slice* slice : written) fill(*slice, group.wanted, most);
  while (!group.wanted.empty()) {
    Slice* fullest = nullptr;
    if (group.wanted.size() < most)
      for (Slice& slice : slices)
        if (!slice.changed && slice.endpoints.size() + group.wanted.size() <= most &&
            (!fullest || slice.endpoints.size() > fullest->endpoints.size()))
          fullest = &slice;
    if (!fullest) fullest = &made.emplace_back(Slice{Object(), group.address_type, group.ports, {}});
    fill(*fullest, group.wanted, most);
  }
}

Object rendered(const SliceOwner& owner, const Slice& slice) {
  if (slice.live.empty()) {
    json::object metadata{{"namespace", owner.owner.ns()},
                          {"generateName", concat(owner.owner.name(), "-")},
                          {"labels", owner.labels},
                          {"ownerReferences", json::array{kube::controller_reference(owner.owner)}}};
    if (!owner.annotations.empty()) metadata["annotations"] = owner.annotations;
    return Object(json::object{{"apiVersion", kube::kEndpointSlices.api_version()},
                               {"kind", kube::kEndpointSlices.kind},
                               {"metadata", std::move(metadata)},
                               {"addressType", slice.address_type},
                               {"endpoints", slice.endpoints},
                               {"ports", slice.ports}});
  }
  return slice.live.edit([&](json::value& doc) {
    // What is absent there already reads as empty.
    if (json::items(doc, "endpoints") != slice.endpoints) doc.as_object()["endpoints"] = slice.endpoints;
    if (json::items(doc, "ports") != slice.ports) doc.as_object()["ports"] = slice.ports;
    json::set(doc, {"metadata", "labels"}, owner.labels);
    for (const auto& [name, value] : owner.annotations) json::set(doc, {"metadata", "annotations", name}, value);
  });
}

}  // namespace

std::string endpoint_identity(const json::value& endpoint) {
  std::string uid(json::get_string(endpoint, "targetRef", "uid"));
  const json::array& addresses = json::items(endpoint, "addresses");
  return uid.empty() && !addresses.empty() ? std::string(json::as_string(&addresses.front())) : uid;
}

std::vector<Write> settle_slices(const SliceOwner& owner, std::vector<SliceGroup> groups, const std::vector<Object>& slices,
                                 const SliceOptions& options) {
  std::vector<std::vector<Slice>> of_group(groups.size());
  std::vector<Slice> all, made, idle;
  for (const Object& live : slices) {
    Slice slice = as_it_is(live);
    size_t at = 0;
    while (at < groups.size() && (groups[at].ports != slice.ports || groups[at].address_type != slice.address_type)) ++at;
    if (at < groups.size()) {
      of_group[at].push_back(std::move(slice));
    } else {
      slice.endpoints.clear();
      idle.push_back(std::move(slice));
    }
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    settle(groups[i], of_group[i], options.most, made);
    for (Slice& slice : of_group[i]) (slice.endpoints.empty() ? idle : all).push_back(std::move(slice));
  }
  if (options.placeholder && all.empty() && made.empty()) {
    auto empty = std::find_if(idle.begin(), idle.end(), [](const Slice& slice) { return slice.ports.empty(); });
    if (empty != idle.end()) {
      all.push_back(std::move(*empty));
      idle.erase(empty);
    } else {
      made.push_back({Object(), "IPv4", {}, {}});
    }
  }
  for (Slice& slice : made) {
    auto reusable = std::find_if(idle.begin(), idle.end(), [&](const Slice& each) { return each.address_type == slice.address_type; });
    if (reusable != idle.end()) {
      slice.live = reusable->live;
      idle.erase(reusable);
    }
    all.push_back(std::move(slice));
  }
  std::vector<Write> gain, lose;
  for (const Slice& slice : all) {
    Object wanted = rendered(owner, slice);
    if (slice.live.empty()) {
      gain.push_back(client::create(kube::kEndpointSlices, wanted, concat("create a slice of ", owner.owner.name())));
    } else if (!(wanted == slice.live)) {
      bool gains = slice.endpoints.size() >= json::items(slice.live.doc(), "endpoints").size();
      (gains ? gain : lose).push_back(client::update(kube::kEndpointSlices, wanted, concat("update slice ", slice.live.name())));
    }
  }
  for (const Slice& slice : idle) {
    client::DeleteOptions by_uid;
    by_uid.uid = slice.live.uid();
    lose.push_back(client::remove(kube::kEndpointSlices, slice.live.key(), "delete an empty slice", by_uid));
  }
  gain.insert(gain.end(), std::make_move_iterator(lose.begin()), std::make_move_iterator(lose.end()));
  return gain;
}

}  // namespace serin::cluster
