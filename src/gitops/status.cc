#include "gitops/status.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "base/time.h"

namespace serin::gitops {
namespace {

constexpr std::string_view kSyncWave = "argocd.argoproj.io/sync-wave";

void write_health(json::value& doc, const health::Health& health, TimePoint now) {
  json::object to{{"status", health::text(health.status)}};
  if (!health.message.empty()) to["message"] = health.message;
  bool moved = json::get_string(doc, "status", "health", "status") != health::text(health.status);
  std::string since(json::get_string(doc, "status", "health", "lastTransitionTime"));
  to["lastTransitionTime"] = moved || since.empty() ? format_time(now) : since;
  json::set(doc, {"status", "health"}, std::move(to));
}

json::value resource_status(const sync::Compared& resource) {
  const kube::Object& object = resource.any();
  kube::GroupVersionKind gvk = object.gvk();
  json::object out;
  if (!gvk.group.empty()) out["group"] = gvk.group;
  out["version"] = gvk.version;
  out["kind"] = gvk.kind;
  if (!object.ns().empty()) out["namespace"] = object.ns();
  out["name"] = object.name();
  if (resource.hook) {
    out["hook"] = true;
    return out;
  }
  out["status"] = resource.out_of_sync() ? "OutOfSync" : "Synced";
  if (resource.live.empty()) {
    out["health"] = json::object{{"status", "Missing"}};
  } else if (resource.health) {
    json::object health{{"status", health::text(resource.health->status)}};
    if (!resource.health->message.empty()) health["message"] = resource.health->message;
    out["health"] = std::move(health);
  }
  if (resource.prunable()) out["requiresPruning"] = true;
  if (int wave = parse_int<int>(object.annotation(kSyncWave)).value_or(0); wave != 0) out["syncWave"] = wave;
  return out;
}

/// The images of a workload's pod template, or of a pod.
void collect_images(const kube::Object& object, std::set<std::string>& images) {
  const json::value* pod = json::find(object.doc(), "spec", "template", "spec");
  if (!pod) pod = json::find(object.doc(), "spec");
  if (!pod) return;
  for (std::string_view list : {"initContainers", "containers"})
    for (const json::value& container : json::items(*pod, list))
      if (std::string_view image = json::get_string(container, "image"); !image.empty()) images.emplace(image);
}

}  // namespace

void write_comparison(json::value& doc, const Application& app, const Comparison& comparison, TimePoint now) {
  std::vector<const sync::Compared*> sorted;
  for (const sync::Compared& resource : comparison.resources) sorted.push_back(&resource);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return sync::key_of(a->any()) < sync::key_of(b->any()); });
  json::array resources, image_list;
  std::vector<health::Part> parts;
  std::set<std::string> images;
  for (const sync::Compared* resource : sorted) {
    resources.push_back(resource_status(*resource));
    collect_images(resource->any(), images);
    if (!resource->hook) parts.push_back({resource->live.empty() ? nullptr : &resource->live, resource->health});
  }
  for (const std::string& image : images) image_list.emplace_back(image);

  json::object sync;
  sync["status"] = comparison.out_of_sync() ? "OutOfSync" : "Synced";
  sync["revision"] = comparison.revision;
  json::object compared_to;
  compared_to["source"] = app.source.json;
  const json::value* destination = json::find(app.object.doc(), "spec", "destination");
  compared_to["destination"] = destination ? *destination : json::value(json::object());
  sync["comparedTo"] = std::move(compared_to);
  json::set(doc, {"status", "sync"}, std::move(sync));
  json::set(doc, {"status", "resources"}, std::move(resources));
  json::set(doc, {"status", "sourceType"}, "Directory");
  if (image_list.empty()) json::erase(doc, {"status", "summary", "images"});
  else json::set(doc, {"status", "summary", "images"}, std::move(image_list));
  write_health(doc, health::aggregate(parts), now);
}

void write_unknown(json::value& doc, TimePoint now) {
  json::set(doc, {"status", "sync", "status"}, "Unknown");
  if (json::value* resources = json::find(doc, "status", "resources"); resources && resources->is_array())
    for (json::value& resource : resources->get_array())
      if (json::find(resource, "status")) json::set(resource, {"status"}, "Unknown");
  if (!json::find(doc, "status", "health")) write_health(doc, {health::Status::kUnknown, ""}, now);
}

void write_conditions(json::value& doc, std::vector<Condition> conditions, TimePoint now) {
  std::sort(conditions.begin(), conditions.end());
  conditions.erase(std::unique(conditions.begin(), conditions.end()), conditions.end());
  json::array out;
  for (const Condition& condition : conditions) {
    std::string since = format_time(now);
    for (const json::value& old : json::items(doc, "status", "conditions"))
      if (json::get_string(old, "type") == condition.type && json::get_string(old, "message") == condition.message)
        since = std::string(json::get_string(old, "lastTransitionTime"));
    out.push_back(json::object{{"type", condition.type}, {"message", condition.message}, {"lastTransitionTime", since}});
  }
  if (out.empty()) json::erase(doc, {"status", "conditions"});
  else json::set(doc, {"status", "conditions"}, std::move(out));
}

void add_history(json::value& doc, const Application& app, const std::string& revision, std::string_view started, TimePoint now) {
  json::array history = json::items(doc, "status", "history");
  int64_t id = 0;
  for (const json::value& entry : history) id = std::max(id, json::get_int(entry, -1, "id") + 1);
  json::object entry{{"id", id}, {"revision", revision}, {"deployStartedAt", started}, {"deployedAt", format_time(now)}};
  entry["source"] = app.source.json;
  if (const json::value* by = json::find(doc, "status", "operationState", "operation", "initiatedBy")) entry["initiatedBy"] = *by;
  history.push_back(std::move(entry));
  while (history.size() > app.history_limit) history.erase(history.begin());
  json::set(doc, {"status", "history"}, std::move(history));
}

}  // namespace serin::gitops
