// What kubectl shows of nodes, events, quotas, storage, rights and certificates.

#include <set>

#include "apiserver/http/column_parts.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin::apiserver::columns {
namespace {

std::string node_roles(const json::value& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  if (const json::object* labels = json::find_object(node, "metadata", "labels"))
    for (const auto& [name, value] : *labels) {
      std::string_view key = name;
      if (key.starts_with(kPrefix) && key.size() > kPrefix.size()) roles.emplace(key.substr(kPrefix.size()));
      if (key == "kubernetes.io/role" && !json::as_string(&value).empty()) roles.emplace(json::as_string(&value));
    }
  return or_none(join({roles.begin(), roles.end()}, ","));
}

std::string node_status(const json::value& node) {
  const kube::Object object(node);
  const json::value* ready = kube::find_condition(object, "Ready");
  std::string out = !ready ? "Unknown" : json::get_string(*ready, "status") == "True" ? "Ready" : "NotReady";
  if (json::get_bool(node, false, "spec", "unschedulable")) out += ",SchedulingDisabled";
  return out;
}

Column node_address(std::string name, std::string type) {
  return text(std::move(name), [type](const json::value& d) {
    for (const json::value& a : json::items(d, "status", "addresses"))
      if (json::get_string(a, "type") == type) return std::string(json::get_string(a, "address"));
    return std::string("<none>");
  }, 1);
}

/// When an Event was seen last, counting its series.
std::string_view last_seen(const json::value& event) {
  for (std::string_view at : {json::get_string(event, "series", "lastObservedTime"), json::get_string(event, "lastTimestamp"),
                              json::get_string(event, "eventTime"), json::get_string(event, "metadata", "creationTimestamp")})
    if (!at.empty()) return at;
  return {};
}

std::string_view first_seen(const json::value& event) {
  std::string_view first = json::get_string(event, "firstTimestamp");
  return first.empty() ? json::get_string(event, "eventTime") : first;
}

std::string event_source(const json::value& event) {
  std::string_view component = json::get_string(event, "source", "component"), host = json::get_string(event, "source", "host");
  if (component.empty()) component = json::get_string(event, "reportingComponent");
  if (host.empty() && json::get_string(event, "source", "component").empty()) host = json::get_string(event, "reportingInstance");
  return host.empty() ? std::string(component) : concat(component, ", ", host);
}

std::string quota(const json::value& d, bool limits) {
  std::set<std::string> names;
  if (const json::object* hard = json::find_object(d, "status", "hard"))
    for (const auto& [name, amount] : *hard)
      if (std::string_view(name).starts_with("limits") == limits) names.emplace(name);
  std::string out;
  auto amount = [&](std::string_view which, const std::string& name) {
    const json::value* found = json::find(d, "status", which, name);
    return !found ? std::string("0") : found->is_string() ? std::string(json::as_string(found)) : json::dump(*found);
  };
  for (const std::string& name : names) out += concat(out.empty() ? "" : ", ", name, ": ", amount("used", name), '/', amount("hard", name));
  return out;
}

std::string volume_phase(const json::value& d) {
  bool going = !json::get_string(d, "metadata", "deletionTimestamp").empty();
  return going ? "Terminating" : std::string(json::get_string(d, "status", "phase"));
}

std::string subjects(const json::value& d, std::string_view kind) {
  std::string out;
  for (const json::value& subject : json::items(d, "subjects")) {
    if (json::get_string(subject, "kind") != kind) continue;
    std::string_view ns = json::get_string(subject, "namespace");
    out += concat(out.empty() ? "" : ", ", kind == "ServiceAccount" ? concat(ns, '/') : "", json::get_string(subject, "name"));
  }
  return out;
}

std::string certificate_condition(const json::value& d) {
  bool approved = false, denied = false, failed = false;
  for (const json::value& condition : json::items(d, "status", "conditions")) {
    std::string_view type = json::get_string(condition, "type");
    approved |= type == "Approved";
    denied |= type == "Denied";
    failed |= type == "Failed";
  }
  std::string out = denied ? "Denied" : approved ? "Approved" : "Pending";
  if (failed) out += ",Failed";
  if (!json::get_string(d, "status", "certificate").empty()) out += ",Issued";
  return out;
}

}  // namespace

Columns node() {
  return {text("Status", node_status), text("Roles", node_roles), age(), text_at("Version", {"status", "nodeInfo", "kubeletVersion"}),
          node_address("Internal-IP", "InternalIP"), node_address("External-IP", "ExternalIP"),
          text_at("OS-Image", {"status", "nodeInfo", "osImage"}, "<unknown>", 1),
          text_at("Kernel-Version", {"status", "nodeInfo", "kernelVersion"}, "<unknown>", 1),
          text_at("Container-Runtime", {"status", "nodeInfo", "containerRuntimeVersion"}, "<unknown>", 1)};
}

Columns event() {
  return {{"Last Seen", "string", "", "", 0, [](const json::value& d, TimePoint now) { return age_cell(last_seen(d), now); }},
          text_at("Type", {"type"}), text_at("Reason", {"reason"}),
          text("Object", [](const json::value& d) {
            return concat(lower(json::get_string(d, "involvedObject", "kind")), '/', json::get_string(d, "involvedObject", "name"));
          }),
          text_at("Subobject", {"involvedObject", "fieldPath"}, "", 1), text("Source", event_source, 1),
          text("Message", [](const json::value& d) { return std::string(trim(json::get_string(d, "message"))); }),
          {"First Seen", "string", "", "", 1, [](const json::value& d, TimePoint now) { return age_cell(first_seen(d), now); }},
          {"Count", "integer", "", "", 1, [](const json::value& d, TimePoint) { return json::value(json::get_int(d, json::get_int(d, 1, "count"), "series", "count")); }},
          {"Name", "string", "name", "", 1, [](const json::value& d, TimePoint) { return json::value(json::get_string(d, "metadata", "name")); }}};
}

Columns resource_quota() {
  return {text("Request", [](const json::value& d) { return quota(d, false); }), text("Limit", [](const json::value& d) { return quota(d, true); }), age()};
}

Columns persistent_volume() {
  return {text_at("Capacity", {"spec", "capacity", "storage"}),
          text("Access Modes", [](const json::value& d) { return access_modes(json::items(d, "spec", "accessModes")); }),
          text_at("Reclaim Policy", {"spec", "persistentVolumeReclaimPolicy"}), text("Status", volume_phase),
          text("Claim", [](const json::value& d) {
            std::string_view name = json::get_string(d, "spec", "claimRef", "name");
            return name.empty() ? std::string() : concat(json::get_string(d, "spec", "claimRef", "namespace"), '/', name);
          }),
          text_at("StorageClass", {"spec", "storageClassName"}), text_at("VolumeAttributesClass", {"spec", "volumeAttributesClassName"}, "<unset>"),
          text_at("Reason", {"status", "reason"}), age(), text_at("VolumeMode", {"spec", "volumeMode"}, "<unset>", 1)};
}

Columns persistent_volume_claim() {
  auto bound = [](const json::value& d) { return !json::get_string(d, "spec", "volumeName").empty(); };
  return {text("Status", volume_phase), text_at("Volume", {"spec", "volumeName"}),
          text("Capacity", [=](const json::value& d) {
            return bound(d) ? std::string(json::get_string(d, "status", "capacity", "storage")) : std::string();
          }),
          text("Access Modes", [=](const json::value& d) {
            return bound(d) ? access_modes(json::items(d, "status", "accessModes")) : std::string();
          }),
          text_at("StorageClass", {"spec", "storageClassName"}), text_at("VolumeAttributesClass", {"spec", "volumeAttributesClassName"}, "<unset>"),
          age(), text_at("VolumeMode", {"spec", "volumeMode"}, "<unset>", 1)};
}

Columns storage_class() {
  return {text_at("Provisioner", {"provisioner"}), text_at("ReclaimPolicy", {"reclaimPolicy"}, "Delete"),
          text_at("VolumeBindingMode", {"volumeBindingMode"}, "<unset>"),
          {"AllowVolumeExpansion", "boolean", "", "", 0, [](const json::value& d, TimePoint) { return json::value(json::get_bool(d, false, "allowVolumeExpansion")); }},
          age()};
}

Columns role_binding() {
  Columns columns{text("Role", [](const json::value& d) { return concat(json::get_string(d, "roleRef", "kind"), '/', json::get_string(d, "roleRef", "name")); }), age()};
  for (auto [title, kind] : {std::pair{"Users", "User"}, {"Groups", "Group"}, {"ServiceAccounts", "ServiceAccount"}})
    columns.push_back(text(title, [kind = std::string(kind)](const json::value& d) { return subjects(d, kind); }, 1));
  return columns;
}

Columns certificate_request() {
  return {age(), text_at("SignerName", {"spec", "signerName"}, "<none>"), text_at("Requestor", {"spec", "username"}),
          text("RequestedDuration", [](const json::value& d) {
            auto seconds = json::as_int(json::find(d, "spec", "expirationSeconds"));
            return seconds ? format_age(std::chrono::seconds(*seconds)) : std::string("<none>");
          }),
          text("Condition", certificate_condition)};
}

Columns api_service() {
  return {text("Service", [](const json::value& d) {
            if (!json::find_object(d, "spec", "service")) return std::string("Local");
            return concat(json::get_string(d, "spec", "service", "namespace"), '/', json::get_string(d, "spec", "service", "name"));
          }),
          text("Available", [](const json::value& d) {
            const kube::Object object(d);
            const json::value* available = kube::find_condition(object, "Available");
            if (!available) return std::string("Unknown");
            std::string_view status = json::get_string(*available, "status");
            return status == "True" ? std::string(status) : concat(status, " (", json::get_string(*available, "reason"), ')');
          }),
          age()};
}

}  // namespace serin::apiserver::columns
