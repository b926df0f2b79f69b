#include "node/env.h"

#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "kube/quantity.h"

namespace serin::node {
namespace {

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

std::string link_name(std::string_view service) {
  std::string out;
  for (char c : service) out += c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// What docker links give for each Service with an address.
void add_service_links(const std::vector<kube::Object>& services, Variables& out) {
  for (const kube::Object& service : services) {
    std::string_view ip = json::get_string(service.doc(), "spec", "clusterIP");
    const json::array& ports = json::items(service.doc(), "spec", "ports");
    if (ip.empty() || ip == "None" || ports.empty()) continue;
    std::string prefix = link_name(service.name());
    bool first = true;
    for (const json::value& port : ports) {
      std::string number = std::to_string(json::get_int(port, 0, "port"));
      std::string_view protocol = json::get_string(port, "protocol");
      if (protocol.empty()) protocol = "TCP";
      std::string url = concat(lower(protocol), "://", ip, ":", number);
      if (first) {
        out[prefix + "_SERVICE_HOST"] = ip;
        out[prefix + "_SERVICE_PORT"] = number;
        out[prefix + "_PORT"] = url;
        first = false;
      }
      if (auto name = json::get_string(port, "name"); !name.empty())
        out[concat(prefix, "_SERVICE_PORT_", link_name(name))] = number;
      std::string link = concat(prefix, "_PORT_", number, "_", protocol);
      out[link] = url;
      out[link + "_PROTO"] = lower(protocol);
      out[link + "_PORT"] = number;
      out[link + "_ADDR"] = ip;
    }
  }
}

void add_own_names(const EnvSources& sources, Variables& out) {
  const kube::Object& pod = sources.pod;
  out["POD_IP"] = sources.pod_ip;
  out["POD_NAME"] = pod.name();
  out["POD_NAMESPACE"] = pod.ns();
  std::string_view host = json::get_string(pod.doc(), "spec", "hostname");
  out["HOSTNAME"] = host.empty() ? pod.name() : host;
  std::string_view hash = pod.label("rollouts-pod-template-hash");
  if (hash.empty()) hash = pod.label("pod-template-hash");
  if (!hash.empty()) out["POD_TEMPLATE_HASH"] = hash;
  if (auto version = pod.label("version"); !version.empty()) out["POD_VERSION"] = version;
}

Result<void> add_env_from(const json::value& source, const EnvSources& sources, Variables& out) {
  for (auto [field, kind, lookup] : {std::tuple("configMapRef", "ConfigMap", &sources.config_map),
                                     std::tuple("secretRef", "Secret", &sources.secret)}) {
    const json::object* reference = json::find_object(source, field);
    if (reference == nullptr) continue;
    std::string name(json::get_string(source, field, "name"));
    auto object = (*lookup)(name);
    if (!object) {
      if (json::get_bool(source, false, field, "optional")) continue;
      return fail(Code::kInvalid, concat(kind, " ", sources.pod.ns(), "/", name, " of envFrom does not exist"));
    }
    for (const std::string& key : data_keys(*object)) {
      std::string variable = concat(json::get_string(source, "prefix"), key);
      if (is_variable_name(variable)) out[variable] = data_value(*object, key).value_or("");
    }
  }
  return {};
}

/// nullopt: an optional reference that leads nowhere leaves the variable undefined.
Result<std::optional<std::string>> value_from(const json::value& from, const json::value& container,
                                              const EnvSources& sources) {
  if (json::find_object(from, "fieldRef") != nullptr)
    return SERIN_TRY(field_value(json::get_string(from, "fieldRef", "fieldPath"), sources));
  if (const json::value* reference = json::find(from, "resourceFieldRef")) {
    const json::value* target = &container;
    std::string_view name = json::get_string(*reference, "containerName");
    for (const json::value& other : json::items(sources.pod.doc(), "spec", "containers"))
      if (!name.empty() && json::get_string(other, "name") == name) target = &other;
    return SERIN_TRY(resource_value(*reference, *target));
  }
  for (auto [field, kind, lookup] : {std::tuple("configMapKeyRef", "ConfigMap", &sources.config_map),
                                     std::tuple("secretKeyRef", "Secret", &sources.secret)}) {
    if (json::find_object(from, field) == nullptr) continue;
    std::string name(json::get_string(from, field, "name"));
    std::string_view key = json::get_string(from, field, "key");
    bool optional = json::get_bool(from, false, field, "optional");
    auto object = (*lookup)(name);
    if (!object) {
      if (optional) return std::nullopt;
      return fail(Code::kInvalid, concat(kind, " ", sources.pod.ns(), "/", name, " does not exist"));
    }
    auto value = data_value(*object, key);
    if (!value && !optional)
      return fail(Code::kInvalid, concat("couldn't find key ", key, " in ", kind, " ", sources.pod.ns(), "/", name));
    return value;
  }
  return fail(Code::kInvalid, "valueFrom names no source that is supported");
}

}  // namespace

std::vector<std::string> data_keys(const kube::Object& source) {
  std::vector<std::string> keys;
  for (std::string_view field : {"data", "binaryData"})
    if (const json::object* data = json::find_object(source.doc(), field))
      for (const auto& [key, value] : *data) keys.emplace_back(key);
  return keys;
}

std::optional<std::string> data_value(const kube::Object& source, std::string_view key) {
  bool secret = source.kind() == "Secret";
  if (const json::value* value = json::find(source.doc(), "data", key)) {
    std::string text(json::as_string(value));
    return secret ? base64_decode(text) : std::optional(text);
  }
  if (const json::value* value = json::find(source.doc(), "binaryData", key))
    return base64_decode(json::as_string(value));
  return std::nullopt;
}

std::string expand(std::string_view text, const Variables& variables) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
    } else if (text[i + 1] == '$') {
      out += '$';
      ++i;
    } else if (size_t end = text.find(')', i); text[i + 1] == '(' && end != text.npos) {
      auto found = variables.find(std::string(text.substr(i + 2, end - i - 2)));
      out += found != variables.end() ? std::string_view(found->second) : text.substr(i, end - i + 1);
      i = end;
    } else {
      out += text[i];
    }
  }
  return out;
}

Result<std::string> field_value(std::string_view path, const EnvSources& sources) {
  const kube::Object& pod = sources.pod;
  if (path == "metadata.name") return std::string(pod.name());
  if (path == "metadata.namespace") return std::string(pod.ns());
  if (path == "metadata.uid") return std::string(pod.uid());
  if (path == "spec.nodeName") return std::string(json::get_string(pod.doc(), "spec", "nodeName"));
  if (path == "spec.serviceAccountName") {
    std::string_view name = json::get_string(pod.doc(), "spec", "serviceAccountName");
    return std::string(name.empty() ? "default" : name);
  }
  if (path == "status.podIP" || path == "status.podIPs") return sources.pod_ip;
  if (path == "status.hostIP" || path == "status.hostIPs") return sources.host_ip;
  for (std::string_view map : {"metadata.labels", "metadata.annotations"}) {
    if (!path.starts_with(map)) continue;
    std::string_view rest = path.substr(map.size());
    if (rest.size() >= 4 && rest.starts_with("['") && rest.ends_with("']")) {
      std::string_view key = rest.substr(2, rest.size() - 4);
      return std::string(map == "metadata.labels" ? pod.label(key) : pod.annotation(key));
    }
    if (rest.empty()) {  // the whole map, for downward-API files
      std::string text;
      if (const json::object* all = json::find_object(pod.doc(), "metadata", map.substr(9)))
        for (const auto& [key, value] : *all)
          text += concat(std::string_view(key), "=", json::dump(value), "\n");
      return text;
    }
  }
  return fail(Code::kInvalid, concat("fieldPath ", path, " is not supported"));
}

Result<std::string> resource_value(const json::value& reference, const json::value& container) {
  std::string_view resource = json::get_string(reference, "resource");
  auto parts = cut(resource, '.');
  if (!parts || (parts->first != "limits" && parts->first != "requests"))
    return fail(Code::kInvalid, concat("resource ", resource, " is not supported"));
  const json::value* amount = json::find(container, "resources", parts->first, parts->second);
  kube::Quantity value = kube::Quantity::of(0);
  if (amount != nullptr) {
    value = SERIN_TRY(kube::Quantity::from_json(*amount));
  } else if (parts->first == "limits" && parts->second == "cpu") {
    value = kube::Quantity::of(::sysconf(_SC_NPROCESSORS_ONLN));
  } else if (parts->first == "limits" && parts->second == "memory") {
    value = kube::Quantity::of(::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE));
  }
  kube::Quantity divisor = kube::Quantity::of(1);
  if (const json::value* given = json::find(reference, "divisor")) {
    auto parsed = SERIN_TRY(kube::Quantity::from_json(*given));
    if (parsed.milli() > 0) divisor = parsed;
  }
  int64_t unit = divisor.milli();
  return std::to_string(unit % 1000 == 0 ? (value.units() + unit / 1000 - 1) / (unit / 1000)
                                         : (value.milli() + unit - 1) / unit);
}

Result<Variables> container_env(const json::value& container, const EnvSources& sources) {
  Variables out = sources.base;
  add_own_names(sources, out);
  if (!sources.kubernetes.empty()) add_service_links({sources.kubernetes}, out);
  if (json::get_bool(sources.pod.doc(), true, "spec", "enableServiceLinks")) add_service_links(sources.services, out);
  for (const json::value& source : json::items(container, "envFrom"))
    SERIN_TRY(add_env_from(source, sources, out));
  for (const json::value& entry : json::items(container, "env")) {
    std::string name(json::get_string(entry, "name"));
    if (const json::value* from = json::find(entry, "valueFrom")) {
      auto value = value_from(*from, container, sources);
      if (!value) return fail(Code::kInvalid, concat("env ", name, ": ", value.error().message));
      if (*value) out[name] = **value;
    } else {
      out[name] = expand(json::get_string(entry, "value"), out);
    }
  }
  return out;
}

}  // namespace serin::node
