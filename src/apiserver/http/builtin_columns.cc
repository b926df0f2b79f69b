// Columns of built-in kinds that are computed, with kubectl's names and texts.

#include <algorithm>

#include "apiserver/http/table.h"
#include "base/strings.h"
#include "base/time.h"
#include "kube/selector.h"

namespace serin::apiserver {
namespace {

Column text(std::string name, std::function<std::string(const json::value&)> make, int priority = 0) {
  return {std::move(name), "string", "", "", priority,
          [make = std::move(make)](const json::value& doc, TimePoint) { return json::value(make(doc)); }};
}

Column number(std::string name, std::function<int64_t(const json::value&)> make) {
  return {std::move(name), "integer", "", "", 0,
          [make = std::move(make)](const json::value& doc, TimePoint) { return json::value(make(doc)); }};
}

Column age() {
  return {"Age", "string", "", "", 0, [](const json::value& doc, TimePoint now) {
            return age_cell(json::get_string(doc, "metadata", "creationTimestamp"), now);
          }};
}

std::string or_none(std::string_view value) { return value.empty() ? "<none>" : std::string(value); }

std::string joined(const json::array& items, std::string_view member) {
  std::string out;
  for (const json::value& item : items) {
    std::string_view value = member.empty() ? json::as_string(&item) : json::get_string(item, member);
    out += concat(out.empty() ? "" : ",", value);
  }
  return out;
}

std::string selector_text(const json::value* selector) {
  if (!selector || !selector->is_object()) return "<none>";
  bool labels = selector->get_object().contains("matchLabels") || selector->get_object().contains("matchExpressions");
  auto parsed = labels ? kube::LabelSelector::from_object(selector) : kube::LabelSelector::from_map(selector);
  return parsed ? or_none(parsed->str()) : "<error>";
}

/// CONTAINERS, IMAGES and SELECTOR of a workload.
void add_template_columns(std::vector<Column>& columns) {
  auto containers = [](const json::value& d) -> const json::array& { return json::items(d, "spec", "template", "spec", "containers"); };
  columns.push_back(text("Containers", [=](const json::value& d) { return joined(containers(d), "name"); }, 1));
  columns.push_back(text("Images", [=](const json::value& d) { return joined(containers(d), "image"); }, 1));
  columns.push_back(text("Selector", [](const json::value& d) { return selector_text(json::find(d, "spec", "selector")); }, 1));
}

/// What kubectl shows as a pod's STATUS: the most telling reason there is.
std::string pod_status(const json::value& pod) {
  std::string status(json::get_string(pod, "status", "phase"));
  if (std::string_view reason = json::get_string(pod, "status", "reason"); !reason.empty()) status = reason;
  bool initializing = false;
  const json::array& inits = json::items(pod, "status", "initContainerStatuses");
  for (size_t i = 0; i < inits.size() && !initializing; ++i) {
    const json::value& c = inits[i];
    if (json::find(c, "state", "terminated") && json::get_int(c, 0, "state", "terminated", "exitCode") == 0) continue;
    if (json::get_bool(c, false, "started")) continue;  // a sidecar that runs
    initializing = true;
    if (json::find(c, "state", "terminated")) {
      std::string_view reason = json::get_string(c, "state", "terminated", "reason");
      status = concat("Init:", reason.empty() ? concat("ExitCode:", json::get_int(c, 0, "state", "terminated", "exitCode")) : std::string(reason));
    } else if (std::string_view reason = json::get_string(c, "state", "waiting", "reason"); !reason.empty() && reason != "PodInitializing") {
      status = concat("Init:", reason);
    } else {
      status = concat("Init:", i, '/', json::items(pod, "spec", "initContainers").size());
    }
  }
  if (!initializing) {
    bool running = false;
    const json::array& containers = json::items(pod, "status", "containerStatuses");
    for (size_t i = containers.size(); i-- > 0;) {
      const json::value& c = containers[i];
      std::string_view waiting = json::get_string(c, "state", "waiting", "reason");
      if (!waiting.empty()) {
        status = waiting;
      } else if (json::find(c, "state", "terminated")) {
        std::string_view reason = json::get_string(c, "state", "terminated", "reason");
        int64_t signal = json::get_int(c, 0, "state", "terminated", "signal");
        status = !reason.empty() ? std::string(reason)
                 : signal != 0   ? concat("Signal:", signal)
                                 : concat("ExitCode:", json::get_int(c, 0, "state", "terminated", "exitCode"));
      } else if (json::get_bool(c, false, "ready") && json::find(c, "state", "running")) {
        running = true;
      }
    }
    if (status == "Completed" && running) status = kube::condition_true(kube::Object(pod), "Ready") ? "Running" : "NotReady";
  }
  if (!json::get_string(pod, "metadata", "deletionTimestamp").empty())
    status = json::get_string(pod, "status", "reason") == "NodeLost" ? "Unknown" : "Terminating";
  return status;
}

std::string ready_containers(const json::value& pod) {
  const json::array& statuses = json::items(pod, "status", "containerStatuses");
  auto ready = std::count_if(statuses.begin(), statuses.end(), [](const json::value& c) { return json::get_bool(c, false, "ready"); });
  return concat(ready, '/', json::items(pod, "spec", "containers").size());
}

json::value restarts(const json::value& pod, TimePoint now) {
  int64_t count = 0;
  std::optional<TimePoint> last;
  for (const json::value& c : json::items(pod, "status", "containerStatuses")) {
    count += json::get_int(c, 0, "restartCount");
    std::string_view finished = json::get_string(c, "lastState", "terminated", "finishedAt");
    if (auto at = finished.empty() ? std::nullopt : parse_time(finished); at && (!last || *at > *last)) last = at;
  }
  if (count == 0 || !last) return json::value(std::to_string(count));
  return json::value(concat(count, " (", format_age(std::max(now - *last, Duration::zero())), " ago)"));
}

std::vector<Column> pod_columns() {
  return {text("Ready", ready_containers),
          text("Status", pod_status),
          {"Restarts", "string", "", "", 0, restarts},
          age(),
          text("IP", [](const json::value& d) { return or_none(json::get_string(d, "status", "podIP")); }, 1),
          text("Node", [](const json::value& d) { return or_none(json::get_string(d, "spec", "nodeName")); }, 1),
          text("Nominated Node", [](const json::value& d) { return or_none(json::get_string(d, "status", "nominatedNodeName")); }, 1),
          text("Readiness Gates", [](const json::value& d) {
            const json::array& gates = json::items(d, "spec", "readinessGates");
            if (gates.empty()) return std::string("<none>");
            kube::Object pod(d);
            auto met = std::count_if(gates.begin(), gates.end(), [&](const json::value& g) { return kube::condition_true(pod, json::get_string(g, "conditionType")); });
            return concat(met, '/', gates.size());
          }, 1)};
}

std::vector<Column> deployment_columns() {
  std::vector<Column> columns{
      text("Ready", [](const json::value& d) { return concat(json::get_int(d, 0, "status", "readyReplicas"), '/', json::get_int(d, 0, "spec", "replicas")); }),
      number("Up-to-date", [](const json::value& d) { return json::get_int(d, 0, "status", "updatedReplicas"); }),
      number("Available", [](const json::value& d) { return json::get_int(d, 0, "status", "availableReplicas"); }),
      age()};
  add_template_columns(columns);
  return columns;
}

std::vector<Column> replica_set_columns() {
  std::vector<Column> columns{
      number("Desired", [](const json::value& d) { return json::get_int(d, 0, "spec", "replicas"); }),
      number("Current", [](const json::value& d) { return json::get_int(d, 0, "status", "replicas"); }),
      number("Ready", [](const json::value& d) { return json::get_int(d, 0, "status", "readyReplicas"); }),
      age()};
  add_template_columns(columns);
  return columns;
}

std::string external_address(const json::value& service) {
  std::string_view type = json::get_string(service, "spec", "type");
  std::string out;
  for (const json::value& ip : json::items(service, "spec", "externalIPs")) out += concat(out.empty() ? "" : ",", json::as_string(&ip));
  if (type == "ExternalName") return std::string(json::get_string(service, "spec", "externalName"));
  if (type != "LoadBalancer") return or_none(out);
  for (const json::value& ingress : json::items(service, "status", "loadBalancer", "ingress")) {
    std::string_view address = json::get_string(ingress, "ip");
    if (address.empty()) address = json::get_string(ingress, "hostname");
    out += concat(out.empty() ? "" : ",", address);
  }
  return out.empty() ? "<pending>" : out;
}

std::string service_ports(const json::value& service) {
  std::string out;
  for (const json::value& port : json::items(service, "spec", "ports")) {
    int64_t node_port = json::get_int(port, 0, "nodePort");
    out += concat(out.empty() ? "" : ",", json::get_int(port, 0, "port"), node_port ? concat(':', node_port) : "", '/',
                  json::as_string(json::find(port, "protocol"), "TCP"));
  }
  return or_none(out);
}

std::vector<Column> service_columns() {
  return {text("Type", [](const json::value& d) { return std::string(json::get_string(d, "spec", "type")); }),
          text("Cluster-IP", [](const json::value& d) { return or_none(json::get_string(d, "spec", "clusterIP")); }),
          text("External-IP", external_address),
          text("Port(s)", service_ports),
          age(),
          text("Selector", [](const json::value& d) { return selector_text(json::find(d, "spec", "selector")); }, 1)};
}

std::string node_roles(const json::value& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::string out;
  if (const json::object* labels = json::find_object(node, "metadata", "labels"))
    for (const auto& label : *labels)
      if (std::string_view key = label.key(); key.starts_with(kPrefix) && key.size() > kPrefix.size())
        out += concat(out.empty() ? "" : ",", key.substr(kPrefix.size()));
  return or_none(out);
}

std::string node_status(const json::value& node) {
  kube::Object object(node);
  const json::value* ready = kube::find_condition(object, "Ready");
  std::string out = !ready ? "Unknown" : json::get_string(*ready, "status") == "True" ? "Ready" : "NotReady";
  if (json::get_bool(node, false, "spec", "unschedulable")) out += ",SchedulingDisabled";
  return out;
}

std::vector<Column> node_columns() {
  auto info = [](std::string name, std::string member) {
    return text(std::move(name), [member](const json::value& d) {
      std::string_view value = json::get_string(d, "status", "nodeInfo", member);
      return value.empty() ? "<unknown>" : std::string(value);
    }, 1);
  };
  auto address = [](std::string name, std::string type) {
    return text(std::move(name), [type](const json::value& d) {
      for (const json::value& a : json::items(d, "status", "addresses"))
        if (json::get_string(a, "type") == type) return std::string(json::get_string(a, "address"));
      return std::string("<none>");
    }, 1);
  };
  return {text("Status", node_status), text("Roles", node_roles), age(),
          text("Version", [](const json::value& d) { return std::string(json::get_string(d, "status", "nodeInfo", "kubeletVersion")); }),
          address("Internal-IP", "InternalIP"), address("External-IP", "ExternalIP"), info("OS-Image", "osImage"),
          info("Kernel-Version", "kernelVersion"), info("Container-Runtime", "containerRuntimeVersion")};
}

/// When an Event was seen last, counting its series.
std::string_view last_seen(const json::value& event) {
  for (std::string_view at : {json::get_string(event, "series", "lastObservedTime"), json::get_string(event, "lastTimestamp"),
                              json::get_string(event, "eventTime"), json::get_string(event, "metadata", "creationTimestamp")})
    if (!at.empty()) return at;
  return {};
}

std::vector<Column> event_columns() {
  auto member = [](const char* name, const char* field) {
    return text(name, [field](const json::value& d) { return std::string(json::get_string(d, field)); });
  };
  return {{"Last Seen", "string", "", "", 0, [](const json::value& d, TimePoint now) { return age_cell(last_seen(d), now); }},
          member("Type", "type"), member("Reason", "reason"),
          text("Object", [](const json::value& d) {
            return concat(lower(json::get_string(d, "involvedObject", "kind")), '/', json::get_string(d, "involvedObject", "name"));
          }),
          text("Subobject", [](const json::value& d) { return std::string(json::get_string(d, "involvedObject", "fieldPath")); }, 1),
          text("Source", [](const json::value& d) {
            std::string_view source = json::get_string(d, "source", "component");
            return std::string(source.empty() ? json::get_string(d, "reportingComponent") : source);
          }, 1),
          text("Message", [](const json::value& d) { return std::string(trim(json::get_string(d, "message"))); }),
          {"Count", "integer", "", "", 1, [](const json::value& d, TimePoint) { return json::value(json::get_int(d, json::get_int(d, 1, "count"), "series", "count")); }}};
}

std::vector<Column> slice_columns() {
  return {text("AddressType", [](const json::value& d) { return std::string(json::get_string(d, "addressType")); }),
          text("Ports", [](const json::value& d) {
            std::string out;
            for (const json::value& port : json::items(d, "ports"))
              out += concat(out.empty() ? "" : ",", json::get_int(port, 0, "port"));
            return out.empty() ? "<unset>" : out;
          }),
          text("Endpoints", [](const json::value& d) {
            std::vector<std::string> addresses;
            for (const json::value& endpoint : json::items(d, "endpoints"))
              for (const json::value& address : json::items(endpoint, "addresses")) addresses.emplace_back(json::as_string(&address));
            if (addresses.empty()) return std::string("<unset>");
            constexpr size_t kShown = 3;
            size_t more = addresses.size() > kShown ? addresses.size() - kShown : 0;
            addresses.resize(addresses.size() - more);
            return join(addresses, ",") + (more ? concat(" + ", more, " more...") : "");
          }),
          age()};
}

std::vector<Column> endpoints_columns() {
  return {text("Endpoints", [](const json::value& d) {
            std::string out;
            for (const json::value& subset : json::items(d, "subsets"))
              for (const json::value& address : json::items(subset, "addresses"))
                for (const json::value& port : json::items(subset, "ports"))
                  out += concat(out.empty() ? "" : ",", json::get_string(address, "ip"), ':', json::get_int(port, 0, "port"));
            return or_none(out);
          }),
          age()};
}

Column count_of(std::string name, std::vector<std::string> members) {
  return {std::move(name), "integer", "", "", 0, [members = std::move(members)](const json::value& d, TimePoint) {
            size_t count = 0;
            for (const std::string& member : members) {
              if (const json::object* map = json::find_object(d, member)) count += map->size();
              else count += json::items(d, member).size();
            }
            return json::value(count);
          }};
}

}  // namespace

std::vector<Column> computed_columns(const kube::Resource& resource) {
  const std::string& kind = resource.kind;
  if (resource.group.empty()) {
    if (kind == "Pod") return pod_columns();
    if (kind == "Service") return service_columns();
    if (kind == "Node") return node_columns();
    if (kind == "Event") return event_columns();
    if (kind == "Endpoints") return endpoints_columns();
    if (kind == "ConfigMap") return {count_of("Data", {"data", "binaryData"}), age()};
    if (kind == "ServiceAccount") return {count_of("Secrets", {"secrets"}), age()};
    if (kind == "Secret")
      return {text("Type", [](const json::value& d) { return std::string(json::get_string(d, "type")); }), count_of("Data", {"data"}), age()};
  }
  if (resource.group == "apps") {
    if (kind == "Deployment") return deployment_columns();
    if (kind == "ReplicaSet") return replica_set_columns();
    if (kind == "StatefulSet")
      return {text("Ready", [](const json::value& d) { return concat(json::get_int(d, 0, "status", "readyReplicas"), '/', json::get_int(d, 0, "spec", "replicas")); }), age()};
  }
  if (resource.group == "batch" && kind == "Job")
    return {text("Status", [](const json::value& d) {
              kube::Object job(d);
              for (auto type : {"Complete", "Failed", "Suspended"}) if (kube::condition_true(job, type)) return std::string(type);
              return std::string("Running");
            }),
            text("Completions", [](const json::value& d) { return concat(json::get_int(d, 0, "status", "succeeded"), '/', json::get_int(d, 1, "spec", "completions")); }),
            age()};
  if (resource.group == "discovery.k8s.io" && kind == "EndpointSlice") return slice_columns();
  return {};
}

}  // namespace serin::apiserver
