#include "kube/validate_pod.h"

#include <algorithm>
#include <set>

#include "kube/builtin_validation.h"
#include "kube/names.h"
#include "kube/quantity.h"

namespace serin::kube {
namespace {

/// IANA service names: up to 15 of [a-z0-9-] with a letter, no hyphen at an end, no two in a row.
bool is_port_name(std::string_view name) {
  if (name.empty() || name.size() > 15 || name.front() == '-' || name.back() == '-') return false;
  if (name.find("--") != name.npos) return false;
  bool letter = false;
  for (char c : name) {
    if (c >= 'a' && c <= 'z') letter = true;
    else if (c != '-' && (c < '0' || c > '9')) return false;
  }
  return letter;
}

std::string item(const std::string& path, std::string_view list, size_t i) {
  return concat(path, ".", list, "[", i, "]");
}

void check_unique_name(const json::value& v, const std::string& path, std::set<std::string>& seen,
                       Causes& causes) {
  std::string name(json::get_string(v, "name"));
  if (name.empty()) return;  // reported as required by the schema
  if (auto wrong = names::dns1123_label_error(name))
    causes.invalid(path + ".name", json::value(name), *wrong);
  if (!seen.insert(name).second) causes.duplicate(path + ".name", json::value(name));
}

void check_probe(const json::value* probe, const std::string& path, bool readiness, Causes& causes) {
  if (!probe || !probe->is_object()) return;
  int handlers = 0;
  for (std::string_view handler : {"exec", "httpGet", "tcpSocket", "grpc"}) {
    const json::value* found = json::find(*probe, handler);
    if (!found || !found->is_object()) continue;
    if (++handlers > 1)
      causes.forbidden(concat(path, ".", handler), "may not specify more than 1 handler type");
    const json::value* port = json::find(*found, "port");
    std::string port_path = concat(path, ".", handler, ".port");
    if (port && port->is_number()) validate_port_number(port, port_path, causes);
    if (port && port->is_string() && !is_port_name(json::as_string(port)))
      causes.invalid(port_path, *port,
                     "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (handlers == 0) causes.required(path, "must specify a handler type");
  for (std::string_view field : {"timeoutSeconds", "periodSeconds", "successThreshold",
                                 "failureThreshold"})
    if (const json::value* number = json::find(*probe, field); json::as_int(number).value_or(0) < 0)
      causes.invalid(concat(path, ".", field), *number, "must be greater than or equal to 0");
  if (!readiness && json::get_int(*probe, 1, "successThreshold") > 1)
    causes.invalid(path + ".successThreshold", *json::find(*probe, "successThreshold"), "must be 1");
}

void check_ports(const json::value& container, const std::string& path, Causes& causes) {
  std::set<std::string> seen;
  const json::array& ports = json::items(container, "ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string at = item(path, "ports", i);
    validate_port_number(json::find(ports[i], "containerPort"), at + ".containerPort", causes);
    if (json::get_int(ports[i], 0, "hostPort") != 0)
      validate_port_number(json::find(ports[i], "hostPort"), at + ".hostPort", causes);
    std::string name(json::get_string(ports[i], "name"));
    if (name.empty()) continue;
    if (name.size() > 15)
      causes.invalid(at + ".name", json::value(name), "must be no more than 15 characters");
    else if (!is_port_name(name))
      causes.invalid(at + ".name", json::value(name),
                     "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    if (!seen.insert(name).second) causes.duplicate(at + ".name", json::value(name));
  }
}

void check_env(const json::value& container, const std::string& path, Causes& causes) {
  const json::array& env = json::items(container, "env");
  for (size_t i = 0; i < env.size(); ++i) {
    std::string at = item(path, "env", i);
    std::string_view name = json::get_string(env[i], "name");
    bool printable = std::all_of(name.begin(), name.end(),
                                 [](char c) { return c >= ' ' && c < 127 && c != '='; });
    if (!printable)
      causes.invalid(at + ".name", json::value(name),
                     "a valid environment variable name must consist only of printable ASCII characters "
                     "other than '='");
    const json::object* from = json::find_object(env[i], "valueFrom");
    if (!from) continue;
    if (!json::get_string(env[i], "value").empty())
      causes.invalid(at + ".valueFrom", json::value(""),
                     "may not be specified when `value` is not empty");
    if (from->empty())
      causes.invalid(at + ".valueFrom", json::value(""),
                     "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or "
                     "`secretKeyRef`");
    if (from->size() > 1)
      causes.invalid(at + ".valueFrom", json::value(""), "may not have more than one field specified at a time");
  }
}

void check_mounts(const json::value& container, const std::string& path,
                  const std::set<std::string>& volumes, Causes& causes) {
  std::set<std::string> seen;
  const json::array& mounts = json::items(container, "volumeMounts");
  for (size_t i = 0; i < mounts.size(); ++i) {
    std::string at = item(path, "volumeMounts", i);
    std::string name(json::get_string(mounts[i], "name"));
    std::string where(json::get_string(mounts[i], "mountPath"));
    if (!name.empty() && !volumes.contains(name)) causes.not_found(at + ".name", json::value(name));
    if (!where.empty() && !seen.insert(where).second)
      causes.invalid(at + ".mountPath", json::value(where), "must be unique");
  }
}

void check_resources(const json::value& container, const std::string& path, Causes& causes) {
  const json::object* limits = json::find_object(container, "resources", "limits");
  const json::object* requests = json::find_object(container, "resources", "requests");
  if (!requests || !limits) return;
  for (const auto& [name, value] : *requests) {
    const json::value* limit = limits->if_contains(name);
    if (!limit) continue;
    auto asked = Quantity::from_json(value);
    auto most = Quantity::from_json(*limit);
    if (asked && most && *asked > *most)
      causes.invalid(path + ".resources.requests", value,
                     concat("must be less than or equal to ", std::string_view(name), " limit of ",
                            most->str()));
  }
}

void check_containers(const json::value& spec, std::string_view list, const std::string& path,
                      const std::set<std::string>& volumes, std::set<std::string>& seen, Causes& causes) {
  const json::array& containers = json::items(spec, list);
  for (size_t i = 0; i < containers.size(); ++i) {
    const json::value& container = containers[i];
    std::string at = item(path, list, i);
    check_unique_name(container, at, seen, causes);
    std::string_view image = json::get_string(container, "image");
    if (image.empty()) causes.required(at + ".image");
    else if (trim(image) != image)
      causes.invalid(at + ".image", json::value(image), "must not have leading or trailing whitespace");
    check_ports(container, at, causes);
    check_env(container, at, causes);
    check_mounts(container, at, volumes, causes);
    check_resources(container, at, causes);
    check_probe(json::find(container, "livenessProbe"), at + ".livenessProbe", false, causes);
    check_probe(json::find(container, "startupProbe"), at + ".startupProbe", false, causes);
    check_probe(json::find(container, "readinessProbe"), at + ".readinessProbe", true, causes);
  }
}

}  // namespace

void validate_port_number(const json::value* v, std::string path, Causes& causes) {
  auto number = json::as_int(v);
  if (number && (*number < 1 || *number > 65535))
    causes.invalid(std::move(path), *v, "must be between 1 and 65535, inclusive");
}

void validate_pod_spec(const json::value& spec, const std::string& path, Causes& causes) {
  std::set<std::string> volumes, seen;
  const json::array& list = json::items(spec, "volumes");
  for (size_t i = 0; i < list.size(); ++i) {
    std::string at = item(path, "volumes", i);
    check_unique_name(list[i], at, volumes, causes);
    const json::object* volume = list[i].if_object();
    if (volume && volume->size() > 2)
      causes.forbidden(at, "may not specify more than 1 volume type");
  }
  check_containers(spec, "initContainers", path, volumes, seen, causes);
  check_containers(spec, "containers", path, volumes, seen, causes);
  if (const json::value* seconds = json::find(spec, "activeDeadlineSeconds");
      seconds && json::as_int(seconds).value_or(1) < 1)
    causes.invalid(path + ".activeDeadlineSeconds", *seconds,
                   "must be between 1 and 2147483647, inclusive");
}

void validate_template(const json::value& pod_template, const std::string& path, Causes& causes) {
  if (const json::object* labels = json::find_object(pod_template, "metadata", "labels")) {
    for (const auto& [key, value] : *labels) {
      if (auto wrong = names::qualified_name_error(key))
        causes.invalid(path + ".metadata.labels", json::value(key), *wrong);
      if (auto wrong = names::label_value_error(json::as_string(&value)))
        causes.invalid(path + ".metadata.labels", value, *wrong);
    }
  }
  if (const json::value* spec = json::find(pod_template, "spec"))
    validate_pod_spec(*spec, path + ".spec", causes);
}

std::vector<Cause> validate_pod_template(const json::value& pod_template, std::string_view path) {
  Causes causes;
  validate_template(pod_template, std::string(path), causes);
  return causes.take();
}

}  // namespace serin::kube
