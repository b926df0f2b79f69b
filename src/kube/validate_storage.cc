// Volumes, their claims and classes; ConfigMaps and Secrets.

#include <cctype>

#include "kube/quantity.h"
#include "kube/validate_kinds.h"

namespace serin::kube {
namespace {

/// The part of a volume's spec that says where the data is.
json::object source_of(const json::value& volume) {
  json::object source;
  if (const json::object* spec = json::find_object(volume, "spec"))
    for (const auto& [name, value] : *spec) {
      std::string_view key = name;
      bool other = false;
      for (std::string_view field : {"capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions",
                                     "volumeMode", "nodeAffinity", "volumeAttributesClassName"})
        other |= key == field;
      if (!other) source[key] = value;
    }
  return source;
}

void check_access_modes(const json::value& object, Causes& causes) {
  const json::array& modes = json::items(object, "spec", "accessModes");
  if (modes.empty()) causes.required("spec.accessModes", "at least 1 access mode is required");
  bool alone = false;
  for (const json::value& mode : modes) alone |= json::as_string(&mode) == "ReadWriteOncePod";
  if (alone && modes.size() > 1)
    causes.forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes");
}

std::optional<Quantity> quantity_at(const json::value& object, json::Path path) {
  const json::value* found = json::find_at(object, path);
  auto parsed = found ? Quantity::from_json(*found) : Result<Quantity>(fail(Code::kInvalid, ""));
  return parsed ? std::optional<Quantity>(*parsed) : std::nullopt;
}

bool is_config_key(std::string_view name) {
  bool good = !name.empty() && name != "." && !name.starts_with("..") && name.size() <= 253;
  for (char c : name) good &= std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  return good;
}

/// Keys and size of what a ConfigMap or Secret holds, and that it may change at all.
void check_data(const Subject& s, std::initializer_list<std::string_view> lists, Causes& causes) {
  constexpr size_t kMaxBytes = 1 << 20;
  size_t bytes = 0;
  for (std::string_view list : lists) {
    const json::object* members = json::find_object(s.object, list);
    if (!members) continue;
    for (const auto& [key, value] : *members) {
      std::string_view name = key;
      if (!is_config_key(name))
        causes.invalid(concat(list, "[", name, "]"), json::value(name),
                       "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
                       "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')");
      if (list == "binaryData" && json::find(s.object, "data", name))
        causes.invalid(concat("data[", name, "]"), json::value(name), "duplicate of key present in binaryData");
      // Kubernetes counts what stands in the bytes, not their base64.
      size_t size = json::as_string(&value).size();
      bytes += list == "data" && s.kind == "ConfigMap" ? size : size / 4 * 3;
    }
  }
  if (bytes > kMaxBytes) causes.too_long(s.kind == "Secret" ? "data" : "", kMaxBytes);
  if (!s.old || !json::get_bool(*s.old, false, "immutable")) return;
  if (!json::get_bool(s.object, false, "immutable"))
    causes.forbidden("immutable", "field is immutable when `immutable` is set");
  for (std::string_view field : lists)
    if (changed(s, {field})) causes.forbidden(std::string(field), "field is immutable when `immutable` is set");
}

}  // namespace

void validate_persistent_volume(const Subject& s, Causes& causes) {
  check_access_modes(s.object, causes);
  if (!json::find(s.object, "spec", "capacity", "storage")) causes.required("spec.capacity");
  json::object source = source_of(s.object);
  if (source.empty()) causes.required("spec", "must specify a volume type");
  if (source.size() > 1) causes.forbidden("spec", "may not specify more than 1 volume type");
  if (!s.old) return;
  if (source_of(*s.old) != source) causes.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
  check_immutable(s, {"spec", "volumeMode"}, causes);
}

void validate_persistent_volume_claim(const Subject& s, Causes& causes) {
  check_access_modes(s.object, causes);
  auto wanted = quantity_at(s.object, {"spec", "resources", "requests", "storage"});
  if (!wanted) causes.required("spec.resources[storage]");
  else if (*wanted <= Quantity::of(0)) causes.invalid("spec.resources[storage]", json::value(wanted->str()), "must be greater than zero");
  if (!s.old) return;
  auto frozen = [&](const json::value& claim) {
    json::value spec = or_null(json::find(claim, "spec"));
    for (json::Path path : {json::Path{"resources", "requests"}, json::Path{"volumeAttributesClassName"}}) json::erase(spec, path);
    // A claim may still be given its volume and its class.
    if (json::get_string(*s.old, "spec", "volumeName").empty()) json::erase(spec, {"volumeName"});
    if (!json::find(*s.old, "spec", "storageClassName")) json::erase(spec, {"storageClassName"});
    return spec;
  };
  if (frozen(s.object) != frozen(*s.old))
    causes.forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
  auto before = quantity_at(*s.old, {"spec", "resources", "requests", "storage"});
  auto has = quantity_at(*s.old, {"status", "capacity", "storage"});
  if (before && wanted && *wanted < *before && !(has && *wanted > *has))
    causes.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
}

void validate_storage_class(const Subject& s, Causes& causes) {
  if (json::get_string(s.object, "provisioner").empty()) causes.required("provisioner");
  for (std::string_view field : {"parameters", "provisioner", "reclaimPolicy"})
    if (changed(s, {field})) causes.forbidden(std::string(field), concat("updates to ", field, " are forbidden."));
  check_immutable(s, {"volumeBindingMode"}, causes);
}

void validate_config_map(const Subject& s, Causes& causes) { check_data(s, {"data", "binaryData"}, causes); }

void validate_secret(const Subject& s, Causes& causes) {
  check_data(s, {"data"}, causes);
  check_immutable(s, {"type"}, causes);
  std::string_view type = json::get_string(s.object, "type");
  auto need = [&](std::string_view key) {
    if (!json::find(s.object, "data", key)) causes.required(concat("data[", key, "]"));
  };
  if (type == "kubernetes.io/service-account-token") {
    if (json::get_string(s.object, "metadata", "annotations", "kubernetes.io/service-account.name").empty())
      causes.required("metadata.annotations[kubernetes.io/service-account.name]");
  } else if (type == "kubernetes.io/dockerconfigjson") {
    need(".dockerconfigjson");
    const json::value* config = json::find(s.object, "data", ".dockerconfigjson");
    auto text = base64_decode(json::as_string(config));
    if (config && (!text || !json::parse(*text))) causes.invalid("data[.dockerconfigjson]", json::value("<secret contents redacted>"), "invalid JSON");
  } else if (type == "kubernetes.io/dockercfg") {
    need(".dockercfg");
  } else if (type == "kubernetes.io/basic-auth") {
    if (!json::find(s.object, "data", "username") && !json::find(s.object, "data", "password")) {
      need("username");
      need("password");
    }
  } else if (type == "kubernetes.io/ssh-auth") {
    need("ssh-privatekey");
  } else if (type == "kubernetes.io/tls") {
    need("tls.crt");
    need("tls.key");
  }
}

}  // namespace serin::kube
