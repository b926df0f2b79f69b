#include "cluster/deployment.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"

namespace serin::cluster {
namespace {

json::value without_hash(json::value pod_template) {
  json::erase(pod_template, {"metadata", "labels", kHashLabel});
  if (const json::object* labels = json::find_object(pod_template, "metadata", "labels"); labels && labels->empty())
    json::erase(pod_template, {"metadata", "labels"});
  // A server may fill this in for one and not for the other.
  json::erase(pod_template, {"metadata", "creationTimestamp"});
  if (const json::object* metadata = json::find_object(pod_template, "metadata"); metadata && metadata->empty())
    json::erase(pod_template, {"metadata"});
  return pod_template;
}

const json::value& template_of(const Object& object) {
  static const json::value kNone = json::object();
  const json::value* found = json::find(object.doc(), "spec", "template");
  return found ? *found : kNone;
}

}  // namespace

int64_t int_or_percent(const json::value* value, int64_t otherwise_percent, int64_t of, bool round_up) {
  if (std::optional<int64_t> number = json::as_int(value)) return std::max<int64_t>(0, *number);
  std::string_view text = json::as_string(value);
  int64_t percent = otherwise_percent;
  if (!text.empty() && text.back() == '%')
    percent = parse_int<int64_t>(text.substr(0, text.size() - 1)).value_or(otherwise_percent);
  return (std::max<int64_t>(0, percent) * of + (round_up ? 99 : 0)) / 100;
}

SetSize size_of(const Object& set) {
  SetSize size{set};
  size.replicas = json::get_int(set.doc(), 1, "spec", "replicas");
  size.available = std::min(size.replicas, json::get_int(set.doc(), 0, "status", "availableReplicas"));
  size.reported = json::get_int(set.doc(), 0, "status", "replicas");
  size.ready = json::get_int(set.doc(), 0, "status", "readyReplicas");
  size.revision = parse_int<int64_t>(set.annotation(kRevision)).value_or(0);
  return size;
}

Deployment::Deployment(const Object& from) : object(from) {
  const json::value& doc = object.doc();
  replicas = json::get_int(doc, 1, "spec", "replicas");
  recreate = json::get_string(doc, "spec", "strategy", "type") == "Recreate";
  paused = json::get_bool(doc, false, "spec", "paused");
  min_ready_seconds = json::get_int(doc, 0, "spec", "minReadySeconds");
  history_limit = json::get_int(doc, 10, "spec", "revisionHistoryLimit");
  progress_deadline_seconds = json::get_int(doc, 600, "spec", "progressDeadlineSeconds");
  collisions = json::get_int(doc, 0, "status", "collisionCount");
  if (recreate) {
    max_unavailable = replicas;
    return;
  }
  const json::value* rolling = json::find(doc, "spec", "strategy", "rollingUpdate");
  static const json::value kNone;
  if (!rolling) rolling = &kNone;
  max_surge = int_or_percent(json::find(*rolling, "maxSurge"), 25, replicas, true);
  max_unavailable = int_or_percent(json::find(*rolling, "maxUnavailable"), 25, replicas, false);
  if (max_surge == 0 && max_unavailable == 0) max_unavailable = 1;
  max_unavailable = std::min(max_unavailable, replicas);
}

std::string template_hash(const json::value& pod_template, int64_t collisions) {
  std::string text = json::dump_canonical(without_hash(pod_template));
  if (collisions > 0) text += concat("/", collisions);
  return safe_encode(std::to_string(fnv1a_32(text)));
}

bool same_template(const json::value& pod_template, const Object& set) {
  return without_hash(pod_template) == without_hash(template_of(set));
}

json::object inherited_annotations(const Object& deployment) {
  json::object annotations;
  if (const json::object* all = json::find_object(deployment.doc(), "metadata", "annotations")) {
    for (const auto& [name, value] : *all) {
      if (name == "kubectl.kubernetes.io/last-applied-configuration" || name == kRevision ||
          name == kRevisionHistory || name == kDesiredReplicas || name == kMaxReplicas)
        continue;
      annotations[name] = value;
    }
  }
  return annotations;
}

Object new_replica_set(const Deployment& deployment, int64_t replicas, int64_t revision) {
  const Object& owner = deployment.object;
  json::value pod_template = template_of(owner);
  std::string hash = template_hash(pod_template, deployment.collisions);
  json::set(pod_template, {"metadata", "labels", kHashLabel}, json::value(hash));
  json::object annotations = inherited_annotations(owner);
  annotations[kRevision] = std::to_string(revision);
  annotations[kDesiredReplicas] = std::to_string(deployment.replicas);
  annotations[kMaxReplicas] = std::to_string(deployment.most());
  json::value selector = json::object();
  if (const json::value* from = json::find(owner.doc(), "spec", "selector")) selector = *from;
  json::set(selector, {"matchLabels", kHashLabel}, json::value(hash));
  json::value labels = *json::find(pod_template, "metadata", "labels");
  json::value set = json::object{
      {"apiVersion", "apps/v1"},
      {"kind", "ReplicaSet"},
      {"metadata", json::object{{"namespace", owner.ns()},
                                {"name", concat(owner.name(), "-", hash)},
                                {"labels", std::move(labels)},
                                {"annotations", std::move(annotations)},
                                {"ownerReferences", json::array{kube::controller_reference(owner)}}}},
      {"spec", json::object{{"replicas", replicas}, {"selector", std::move(selector)}, {"template", std::move(pod_template)}}}};
  if (deployment.min_ready_seconds > 0)
    json::set(set, {"spec", "minReadySeconds"}, deployment.min_ready_seconds);
  return Object(std::move(set));
}

}  // namespace serin::cluster
