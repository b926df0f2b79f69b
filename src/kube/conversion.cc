#include "kube/conversion.h"

#include <algorithm>
#include <initializer_list>
#include <tuple>

namespace serin::kube {
namespace {

using Renames = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// events.k8s.io/v1 and core/v1 name the same things differently (k8s.io/api/events/v1, conversion of Event).
const Renames kEventFields = {{"regarding", "involvedObject"},
                              {"note", "message"},
                              {"reportingController", "reportingComponent"},
                              {"deprecatedSource", "source"},
                              {"deprecatedFirstTimestamp", "firstTimestamp"},
                              {"deprecatedLastTimestamp", "lastTimestamp"},
                              {"deprecatedCount", "count"}};

/// Members under their new names, in the order they stood.
json::value renamed(json::value object, std::string_view api_version, bool to_stored) {
  json::object out;
  for (auto& [name, value] : object.get_object()) {
    std::string_view key = name;
    for (const auto& [served, stored] : kEventFields)
      if (key == (to_stored ? served : stored)) {
        key = to_stored ? stored : served;
        break;
      }
    out[key] = std::move(value);
  }
  out["apiVersion"] = api_version;
  return out;
}

json::value event_to_core(json::value event) { return renamed(std::move(event), "v1", true); }
json::value event_from_core(json::value event) { return renamed(std::move(event), "events.k8s.io/v1", false); }

/// What autoscaling/v1 has no fields for travels in these annotations. Metrics stand there in their v2 form.
constexpr std::string_view kMetrics = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view kCurrentMetrics = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr std::string_view kConditions = "autoscaling.alpha.kubernetes.io/conditions";
constexpr std::string_view kBehavior = "autoscaling.alpha.kubernetes.io/behavior";

/// The percentage of a list's cpu utilisation metric (`path`: target or current) is taken out of it.
json::value take_cpu(json::array& metrics, std::string_view place) {
  auto is_cpu = [&](const json::value& metric) {
    return json::get_string(metric, "type") == "Resource" && json::get_string(metric, "resource", "name") == "cpu" &&
           json::find(metric, "resource", place, "averageUtilization");
  };
  auto found = std::find_if(metrics.begin(), metrics.end(), is_cpu);
  if (found == metrics.end()) return nullptr;
  json::value percent = *json::find(*found, "resource", place, "averageUtilization");
  metrics.erase(found);
  return percent;
}

/// Moves a member into an annotation as JSON text; nothing where it is missing or empty.
void stow(json::value& object, json::object* from, std::string_view member, std::string_view annotation) {
  json::value* value = from ? from->if_contains(member) : nullptr;
  if (!value) return;
  bool empty = (value->is_array() && value->get_array().empty()) || value->is_null();
  std::string text = empty ? std::string() : json::dump(*value);
  from->erase(member);
  if (!empty) json::set(object, {"metadata", "annotations", annotation}, json::value(text));
}

/// The value of such an annotation, which goes; null where there is none that reads.
json::value unstow(json::value& object, std::string_view annotation) {
  std::string text(json::get_string(object, "metadata", "annotations", annotation));
  if (text.empty()) return nullptr;
  json::erase(object, {"metadata", "annotations", annotation});
  if (const json::object* left = json::find_object(object, "metadata", "annotations"); left && left->empty())
    json::erase(object, {"metadata", "annotations"});
  auto parsed = json::parse(text);
  return parsed ? *std::move(parsed) : json::value();
}

json::value hpa_from_v2(json::value hpa) {
  hpa.as_object()["apiVersion"] = "autoscaling/v1";
  for (auto [part, member, place, percent, annotation] :
       {std::tuple{"spec", "metrics", "target", "targetCPUUtilizationPercentage", kMetrics},
        std::tuple{"status", "currentMetrics", "current", "currentCPUUtilizationPercentage", kCurrentMetrics}}) {
    json::value* owner = json::find(hpa, part);
    if (!owner || !owner->is_object()) continue;
    if (json::value* list = owner->get_object().if_contains(member); list && list->is_array()) {
      json::value cpu = take_cpu(list->get_array(), place);
      if (!cpu.is_null()) owner->get_object()[percent] = std::move(cpu);
    }
    // An annotation may move the members of the object: look them up again each time.
    auto members = [&] { return json::find(hpa, part)->if_object(); };
    stow(hpa, members(), member, annotation);
    if (std::string_view(part) == "spec") stow(hpa, members(), "behavior", kBehavior);
    else stow(hpa, members(), "conditions", kConditions);
  }
  return hpa;
}

json::value cpu_metric(std::string_view place, const json::value& percent) {
  json::object target{{"averageUtilization", percent}};
  if (place == "target") target["type"] = "Utilization";
  return json::object{{"type", "Resource"}, {"resource", json::object{{"name", "cpu"}, {place, std::move(target)}}}};
}

json::value hpa_to_v2(json::value hpa) {
  hpa.as_object()["apiVersion"] = "autoscaling/v2";
  json::value metrics = unstow(hpa, kMetrics), current = unstow(hpa, kCurrentMetrics);
  json::value conditions = unstow(hpa, kConditions), behavior = unstow(hpa, kBehavior);
  auto fill = [&](std::string_view part, std::string_view percent, std::string_view member, std::string_view place,
                  json::value rest) {
    json::value* owner = json::find(hpa, part);
    if (!owner || !owner->is_object()) return;
    json::array list;
    if (const json::value* cpu = json::find(*owner, percent)) list.push_back(cpu_metric(place, *cpu));
    owner->get_object().erase(percent);
    if (rest.is_array()) list.insert(list.end(), rest.get_array().begin(), rest.get_array().end());
    if (!list.empty()) owner->get_object()[member] = std::move(list);
  };
  fill("spec", "targetCPUUtilizationPercentage", "metrics", "target", std::move(metrics));
  fill("status", "currentCPUUtilizationPercentage", "currentMetrics", "current", std::move(current));
  if (conditions.is_array() && json::find_object(hpa, "status")) json::set(hpa, {"status", "conditions"}, std::move(conditions));
  if (behavior.is_object() && json::find_object(hpa, "spec")) json::set(hpa, {"spec", "behavior"}, std::move(behavior));
  return hpa;
}

const Conversion kConversions[] = {
    {{"events.k8s.io", "v1", "events", "Event"}, {"", "v1", "events", "Event"}, event_to_core, event_from_core},
    {{"autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler"},
     {"autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"},
     hpa_to_v2,
     hpa_from_v2}};

}  // namespace

const Conversion* conversion_of(const Resource& served) {
  for (const Conversion& conversion : kConversions)
    if (conversion.served == served) return &conversion;
  return nullptr;
}

}  // namespace serin::kube
