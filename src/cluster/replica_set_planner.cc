#include "cluster/replica_set_planner.h"

#include <algorithm>

#include "base/strings.h"
#include "cluster/pods.h"
#include "kube/resources.h"

namespace serin::cluster {
namespace {

/// Of one set, so that a large one neither floods the server nor holds up the others. What is left is done by the pass
/// that the first of these pods brings about.
constexpr int64_t kMostPodsPerPass = 500;

}  // namespace

Object pod_from_template(const Object& owner, const json::value& pod_template) {
  json::value pod = json::object{{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", json::object()}};
  json::object& metadata = pod.at("metadata").as_object();
  metadata["generateName"] = concat(owner.name(), "-");
  metadata["namespace"] = owner.ns();
  for (const char* member : {"labels", "annotations", "finalizers"})
    if (const json::value* from = json::find(pod_template, "metadata", member)) metadata[member] = *from;
  metadata["ownerReferences"] = json::array{kube::controller_reference(owner)};
  if (const json::value* spec = json::find(pod_template, "spec")) pod.as_object()["spec"] = *spec;
  return Object(std::move(pod));
}

bool status_differs(const Object& object, const json::value& status) {
  auto nothing = [](const json::value& v) {
    return v.is_null() || (v.is_number() && json::as_int(&v) == 0) || (v.is_array() && v.get_array().empty());
  };
  const json::value none;
  for (const auto& [name, value] : status.get_object()) {
    const json::value* live = json::find(object.doc(), "status", name);
    if (!live) live = &none;
    if (*live != value && !(nothing(*live) && nothing(value))) return true;
  }
  return false;
}

Result<ReplicaSetDecision> plan(const ReplicaSetObserved& observed, TimePoint now) {
  const Object& set = observed.set;
  Result<kube::LabelSelector> selector =
      kube::LabelSelector::from_object(json::find(set.doc(), "spec", "selector"));
  if (!selector) {
    Error error = selector.error();
    error.terminal = true;
    return fail(error);
  }
  ReplicaSetDecision decision;
  decision.claims = claim(set, *selector, kube::kPods, observed.pods);

  Duration min_ready = std::chrono::seconds(json::get_int(set.doc(), 0, "spec", "minReadySeconds"));
  kube::LabelSelector labels =
      kube::LabelSelector::from_map(json::find(set.doc(), "spec", "template", "metadata", "labels"));
  std::vector<Object> active;
  int64_t fully_labeled = 0, ready = 0, available = 0, terminating = 0;
  for (const Object& pod : decision.claims.owned) {
    if (pod.deleting() && !pod_ended(pod)) ++terminating;
    if (!pod_active(pod)) continue;
    active.push_back(pod);
    fully_labeled += labels.matches(json::find(pod.doc(), "metadata", "labels"));
    std::optional<TimePoint> at = available_at(pod, min_ready);
    ready += at.has_value();
    if (at && *at <= now) ++available;
    if (at && *at > now && (!decision.look_again || *at < *decision.look_again)) decision.look_again = at;
  }

  int64_t wanted = std::max<int64_t>(0, json::get_int(set.doc(), 1, "spec", "replicas"));
  int64_t missing = std::clamp(wanted - static_cast<int64_t>(active.size()), -kMostPodsPerPass, kMostPodsPerPass);
  if (!set.deleting() && missing > 0) {
    if (const json::value* pod_template = json::find(set.doc(), "spec", "template")) {
      Object pod = pod_from_template(set, *pod_template);
      decision.creates.assign(static_cast<size_t>(missing), client::create(kube::kPods, pod, "create a pod"));
    }
  } else if (!set.deleting() && missing < 0) {
    sort_for_deletion(active, observed.related, now);
    for (int64_t i = 0; i < -missing; ++i) {
      client::DeleteOptions options;
      options.uid = active[static_cast<size_t>(i)].uid();
      decision.deletes.push_back(client::remove(kube::kPods, active[static_cast<size_t>(i)].key(),
                                                concat("delete pod ", active[static_cast<size_t>(i)].name()), options));
    }
  }

  decision.status = json::object{{"replicas", static_cast<int64_t>(active.size())},
                                 {"fullyLabeledReplicas", fully_labeled},
                                 {"readyReplicas", ready},
                                 {"availableReplicas", available},
                                 {"terminatingReplicas", terminating},
                                 {"observedGeneration", set.generation()}};
  return decision;
}

}  // namespace serin::cluster
