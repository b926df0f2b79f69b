#include "cluster/nodes/node_fit.h"

#include <algorithm>

#include "base/strings.h"
#include "cluster/nodes/node_health.h"
#include "kube/quantity.h"
#include "kube/selector.h"

namespace serin::cluster {
namespace {

using kube::Object;

bool tolerates(const Object& pod, const json::value& taint) {
  std::string_view effect = json::get_string(taint, "effect");
  if (effect != "NoSchedule" && effect != "NoExecute") return true;
  for (const json::value& toleration : json::items(pod.doc(), "spec", "tolerations")) {
    std::string_view key = json::get_string(toleration, "key");
    std::string_view wanted = json::get_string(toleration, "effect");
    if (!wanted.empty() && wanted != effect) continue;
    if (json::get_string(toleration, "operator") == "Exists") {
      if (key.empty() || key == json::get_string(taint, "key")) return true;
    } else if (key == json::get_string(taint, "key") &&
               json::get_string(toleration, "value") == json::get_string(taint, "value")) {
      return true;
    }
  }
  return false;
}

/// One requirement of a node selector term on a value (null: absent).
bool fulfils(const json::value& requirement, const json::value* present) {
  std::string_view op = json::get_string(requirement, "operator");
  const json::array& values = json::items(requirement, "values");
  std::string_view text = json::as_string(present);
  bool listed = present && std::any_of(values.begin(), values.end(), [&](const json::value& v) { return json::as_string(&v) == text; });
  if (op == "In") return listed;
  if (op == "NotIn") return !listed;
  if (op == "Exists") return present != nullptr;
  if (op == "DoesNotExist") return present == nullptr;
  std::optional<int64_t> left = present ? parse_int<int64_t>(text) : std::nullopt;
  std::optional<int64_t> right = values.size() == 1 ? parse_int<int64_t>(json::as_string(&values.front())) : std::nullopt;
  if (!left || !right) return false;
  return op == "Gt" ? *left > *right : op == "Lt" && *left < *right;
}

bool fulfils_term(const json::value& term, const Object& node) {
  const json::array& expressions = json::items(term, "matchExpressions");
  const json::array& fields = json::items(term, "matchFields");
  if (expressions.empty() && fields.empty()) return false;
  json::value name(node.name());
  return std::all_of(expressions.begin(), expressions.end(),
                     [&](const json::value& each) {
                       return fulfils(each, json::find(node.doc(), "metadata", "labels", json::get_string(each, "key")));
                     }) &&
         std::all_of(fields.begin(), fields.end(), [&](const json::value& each) {
           return json::get_string(each, "key") == "metadata.name" && fulfils(each, &name);
         });
}

json::value taint_of(std::string_view key) { return json::object{{"key", key}, {"effect", "NoSchedule"}}; }

/// A requested resource other than CPU, memory and storage that the node does not offer in that number.
std::string missing_resource(const Object& pod, const Object& node) {
  for (const json::value& container : json::items(pod.doc(), "spec", "containers")) {
    const json::object* requests = json::find_object(container, "resources", "requests");
    if (!requests) continue;
    for (const auto& [name, wanted] : *requests) {
      if (name == "cpu" || name == "memory" || name == "ephemeral-storage") continue;
      const json::value* offered = json::find(node.doc(), "status", "allocatable", name);
      Result<kube::Quantity> needs = kube::Quantity::from_json(wanted);
      Result<kube::Quantity> has = offered ? kube::Quantity::from_json(*offered) : kube::Quantity::of(0);
      if (needs && has && *needs > *has) return std::string(name);
    }
  }
  return "";
}

}  // namespace

bool matches_node(const Object& pod, const Object& node) {
  const json::object* selector = json::find_object(pod.doc(), "spec", "nodeSelector");
  if (selector && !selector->empty() &&
      !kube::LabelSelector::from_map(json::find(pod.doc(), "spec", "nodeSelector"))
           .matches(json::find(node.doc(), "metadata", "labels")))
    return false;
  const json::value* required =
      json::find(pod.doc(), "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  if (!required || required->is_null()) return true;
  const json::array& terms = json::items(*required, "nodeSelectorTerms");
  return std::any_of(terms.begin(), terms.end(), [&](const json::value& term) { return fulfils_term(term, node); });
}

std::string objection(const Object& pod, const NodeLoad& load) {
  const Object& node = load.node;
  if (node.deleting()) return "node(s) were being deleted";
  if (json::get_bool(node.doc(), false, "spec", "unschedulable") && !tolerates(pod, taint_of(kUnschedulableTaint)))
    return "node(s) were unschedulable";
  for (const json::value& taint : json::items(node.doc(), "spec", "taints"))
    if (!tolerates(pod, taint))
      return concat("node(s) had untolerated taint {", json::get_string(taint, "key"), ": ", json::get_string(taint, "value"), "}");
  if (!kube::condition_true(node, "Ready") && !tolerates(pod, taint_of(kNotReadyTaint)))
    return concat("node(s) had untolerated taint {", kNotReadyTaint, ": }");
  if (!matches_node(pod, node)) return "node(s) didn't match Pod's node affinity/selector";
  const json::value* most = json::find(node.doc(), "status", "allocatable", "pods");
  Result<kube::Quantity> room = most ? kube::Quantity::from_json(*most) : fail(Code::kNotFound, "");
  if (room && static_cast<int64_t>(load.pods) >= room->units()) return "Too many pods";
  std::string resource = missing_resource(pod, node);
  return resource.empty() ? "" : concat("Insufficient ", resource);
}

}  // namespace serin::cluster
