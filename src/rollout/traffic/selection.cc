#include "rollout/traffic/selection.h"

#include "base/strings.h"
#include "kube/resources.h"
#include "rollout/names.h"

namespace serin::rollout {
namespace {

/// A JSON pointer's segment.
std::string escaped(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

void add_annotation(json::array& patch, const Object& object, const std::string& rollout) {
  if (object.annotation(kManagedBy) == rollout) return;
  if (!json::find_object(object.doc(), "metadata", "annotations"))
    patch.push_back(json::object{{"op", "add"}, {"path", "/metadata/annotations"}, {"value", json::object()}});
  patch.push_back(json::object{{"op", "add"},
                               {"path", "/metadata/annotations/" + escaped(kManagedBy)},
                               {"value", rollout}});
}

/// Guards a patch by indexes: a generation is one state of the spec.
void add_guard(json::array& patch, const Object& object) {
  for (const char* field : {"generation", "resourceVersion"}) {
    const json::value* value = json::find(object.doc(), "metadata", field);
    if (!value) continue;
    patch.push_back(json::object{{"op", "test"}, {"path", concat("/metadata/", field)}, {"value", *value}});
    return;
  }
}

std::optional<size_t> subset_index(const Object& rule, const std::string& name) {
  const json::array& subsets = json::items(rule.doc(), "spec", "subsets");
  for (size_t i = 0; i < subsets.size(); ++i)
    if (json::get_string(subsets[i], "name") == name) return i;
  return std::nullopt;
}

}  // namespace

std::string service_hash(const Object& service) {
  return std::string(json::get_string(service.doc(), "spec", "selector", kHashLabel));
}

std::optional<std::string> subset_hash(const Object& rule, const std::string& subset) {
  auto index = subset_index(rule, subset);
  if (!index) return std::nullopt;
  return std::string(json::get_string(json::items(rule.doc(), "spec", "subsets")[*index], "labels", kHashLabel));
}

std::vector<client::Write> select_in_service(const Object& service, const std::string& hash,
                                             const std::string& rollout) {
  if (service_hash(service) == hash) return {};
  json::value body = json::object();
  json::set(body, {"metadata", "annotations", kManagedBy}, json::value(rollout));
  json::set(body, {"spec", "selector", kHashLabel}, json::value(hash));
  return {client::merge_patch(kube::kServices, service.key(), std::move(body),
                              concat("point Service ", service.name(), " at ", hash))};
}

std::vector<client::Write> select_in_subsets(const kube::Resource& resource, const Object& rule,
                                             const DestinationRuleRef& subsets,
                                             const std::string& stable_hash, const std::string& canary_hash,
                                             const std::string& rollout) {
  json::array changes;
  std::string what;
  auto set = [&](const std::string& name, const std::string& hash) {
    auto index = subset_index(rule, name);
    if (!index || *subset_hash(rule, name) == hash) return;
    std::string path = concat("/spec/subsets/", *index);
    changes.push_back(json::object{{"op", "test"}, {"path", path + "/name"}, {"value", name}});
    if (!json::find_object(json::items(rule.doc(), "spec", "subsets")[*index], "labels"))
      changes.push_back(json::object{{"op", "add"}, {"path", path + "/labels"}, {"value", json::object()}});
    changes.push_back(json::object{
        {"op", "add"}, {"path", concat(path, "/labels/", escaped(kHashLabel))}, {"value", hash}});
    what += concat(what.empty() ? "point subset " : ", ", name, " at ", hash);
  };
  set(subsets.stable_subset, stable_hash);
  if (subsets.canary_subset != subsets.stable_subset) set(subsets.canary_subset, canary_hash);
  if (changes.empty()) return {};
  json::array patch;
  add_guard(patch, rule);
  for (json::value& change : changes) patch.push_back(std::move(change));
  add_annotation(patch, rule, rollout);
  return {client::json_patch(resource, rule.key(), std::move(patch), std::move(what))};
}

std::vector<client::Write> release(const std::vector<Object>& services, const std::vector<Object>& rules,
                                   const TrafficResources& resources) {
  std::vector<client::Write> writes;
  for (const Object& service : services) {
    json::value body = json::object();
    json::set(body, {"metadata", "annotations", kManagedBy}, nullptr);
    if (!service_hash(service).empty()) json::set(body, {"spec", "selector", kHashLabel}, nullptr);
    writes.push_back(client::merge_patch(kube::kServices, service.key(), std::move(body),
                                         concat("take the pod hash from Service ", service.name())));
  }
  for (const Object& rule : rules) {
    json::array patch;
    add_guard(patch, rule);
    const json::array& subsets = json::items(rule.doc(), "spec", "subsets");
    for (size_t i = 0; i < subsets.size(); ++i)
      if (json::find(subsets[i], "labels", kHashLabel))
        patch.push_back(json::object{
            {"op", "remove"}, {"path", concat("/spec/subsets/", i, "/labels/", escaped(kHashLabel))}});
    patch.push_back(
        json::object{{"op", "remove"}, {"path", "/metadata/annotations/" + escaped(kManagedBy)}});
    writes.push_back(client::json_patch(resources.destination_rules, rule.key(), std::move(patch),
                                        concat("take the pod hash from DestinationRule ", rule.name())));
  }
  return writes;
}

}  // namespace serin::rollout
