// Events, Leases, Nodes and PriorityClasses.

#include "kube/names.h"
#include "kube/validate_kinds.h"

namespace serin::kube {
namespace {

constexpr int64_t kMaxUserPriority = 1'000'000'000;

}  // namespace

void validate_event(const Subject& s, Causes& causes) {
  std::string_view about = json::get_string(s.object, "involvedObject", "namespace"), ns = json::get_string(s.object, "metadata", "namespace");
  if (!about.empty() && about != ns) causes.invalid("involvedObject.namespace", json::value(about), "does not match event.namespace");
}

void validate_new_event(const Subject& s, Causes& causes) {
  constexpr size_t kMaxNote = 1024, kMaxName = 128;
  std::string_view about = json::get_string(s.object, "regarding", "namespace"), ns = json::get_string(s.object, "metadata", "namespace");
  if (!about.empty() && about != ns) causes.invalid("regarding.namespace", json::value(about), "does not match event.namespace");
  // Events that came through the core group say less.
  if (json::get_string(s.object, "eventTime").empty()) return;
  for (std::string_view field : {"reportingController", "reportingInstance", "action", "reason"}) {
    std::string_view text = json::get_string(s.object, field);
    if (text.empty()) causes.required(std::string(field));
    if (text.size() > kMaxName) causes.invalid(std::string(field), json::value(""), concat("can have at most ", kMaxName, " characters"));
  }
  if (std::string_view type = json::get_string(s.object, "type"); type != "Normal" && type != "Warning")
    causes.invalid("type", json::value(""), concat("has invalid value: ", type));
  if (json::get_string(s.object, "note").size() > kMaxNote) causes.invalid("note", json::value(""), concat("can have at most ", kMaxNote, " characters"));
}

void validate_lease(const Subject& s, Causes& causes) {
  const json::value* duration = json::find(s.object, "spec", "leaseDurationSeconds");
  if (json::as_int(duration).value_or(1) <= 0) causes.invalid("spec.leaseDurationSeconds", *duration, "must be greater than 0");
  check_least(s.object, {"spec", "leaseTransitions"}, 0, causes);
}

void validate_node(const Subject& s, Causes& causes) {
  const json::array& taints = json::items(s.object, "spec", "taints");
  for (size_t i = 0; i < taints.size(); ++i) {
    std::string at = concat("metadata.taints[", i, "]");
    std::string key(json::get_string(taints[i], "key"));
    if (auto wrong = names::qualified_name_error(key)) causes.invalid(at + ".key", json::value(key), *wrong);
    if (auto wrong = names::label_value_error(json::get_string(taints[i], "value"))) causes.invalid(at + ".value", or_null(json::find(taints[i], "value")), *wrong);
    std::string_view effect = json::get_string(taints[i], "effect");
    if (effect.empty()) causes.required(at + ".effect");
    else if (effect != "NoSchedule" && effect != "PreferNoSchedule" && effect != "NoExecute")
      causes.not_supported(at + ".effect", json::value(effect), "\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"");
  }
  if (s.old && !json::get_string(*s.old, "spec", "providerID").empty() && changed(s, {"spec", "providerID"}))
    causes.forbidden("spec.providerID", "node updates may not change providerID except from \"\" to valid");
}

void validate_priority_class(const Subject& s, Causes& causes) {
  std::string_view name = json::get_string(s.object, "metadata", "name");
  bool system = name == "system-node-critical" || name == "system-cluster-critical";
  if (!system && name.starts_with("system-"))
    causes.forbidden("metadata.name", "priority class names with 'system-' prefix are reserved for system use only");
  if (!system && json::get_int(s.object, 0, "value") > kMaxUserPriority)
    causes.forbidden("value", concat("maximum allowed value of a user defined priority is ", kMaxUserPriority));
  if (changed(s, {"value"})) causes.forbidden("value", "may not be changed in an update.");
  check_immutable(s, {"preemptionPolicy"}, causes);
}

}  // namespace serin::kube
