#include "node/volumes.h"

#include <sys/stat.h>

#include <filesystem>

#include "base/strings.h"
#include "node/shim/proc.h"

namespace serin::node {
namespace {

namespace fs = std::filesystem;

/// Relative, and never upwards: it becomes a path below a volume.
bool safe_path(std::string_view path) {
  if (path.empty() || path.starts_with('/')) return false;
  for (std::string_view part : split(path, '/'))
    if (part == "..") return false;
  return true;
}

Result<void> put(const std::string& directory, std::string_view path, std::string_view content, int64_t mode) {
  if (!safe_path(path)) return fail(Code::kInvalid, concat("path ", path, " leads out of the volume"));
  std::string file = concat(directory, "/", path);
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  SERIN_TRY(write_file_atomically(file, content));
  ::chmod(file.c_str(), static_cast<mode_t>(mode));
  return {};
}

/// The keys of a ConfigMap or Secret, or those that `items` selects.
Result<void> put_keys(const json::value& source, std::string_view kind, std::string_view name_field,
                      const Lookup& lookup, const std::string& directory, int64_t mode) {
  std::string name(json::get_string(source, name_field));
  bool optional = json::get_bool(source, false, "optional");
  auto object = lookup(name);
  if (!object) {
    if (optional) return {};
    return fail(Code::kInvalid, concat(kind, " ", name, " does not exist"));
  }
  const json::array& items = json::items(source, "items");
  if (items.empty()) {
    for (const std::string& key : data_keys(*object))
      SERIN_TRY(put(directory, key, data_value(*object, key).value_or(""), mode));
    return {};
  }
  for (const json::value& item : items) {
    std::string_view key = json::get_string(item, "key");
    auto value = data_value(*object, key);
    if (!value && optional) continue;
    if (!value) return fail(Code::kInvalid, concat(kind, " ", name, " has no key ", key));
    SERIN_TRY(put(directory, json::get_string(item, "path"), *value, json::get_int(item, mode, "mode")));
  }
  return {};
}

Result<void> put_fields(const json::value& source, const EnvSources& sources, const std::string& directory,
                        int64_t mode) {
  for (const json::value& item : json::items(source, "items")) {
    if (json::find(item, "fieldRef") == nullptr) continue;
    std::string text = SERIN_TRY(field_value(json::get_string(item, "fieldRef", "fieldPath"), sources));
    SERIN_TRY(put(directory, json::get_string(item, "path"), text, json::get_int(item, mode, "mode")));
  }
  return {};
}

Result<void> put_token(const json::value& source, const EnvSources& sources, const std::string& directory, int64_t mode) {
  std::string token = SERIN_TRY(sources.token(source));
  return put(directory, json::get_string(source, "path"), token, mode);
}

/// The parts of a projected volume; also how a plain configMap, secret or downwardAPI volume is filled.
Result<void> put_source(const json::value& source, const EnvSources& sources, const std::string& directory,
                        int64_t mode, std::string_view secret_name) {
  if (const json::value* part = json::find(source, "configMap"))
    return put_keys(*part, "ConfigMap", "name", sources.config_map, directory, json::get_int(*part, mode, "defaultMode"));
  if (const json::value* part = json::find(source, "secret"))
    return put_keys(*part, "Secret", secret_name, sources.secret, directory, json::get_int(*part, mode, "defaultMode"));
  if (const json::value* part = json::find(source, "downwardAPI"))
    return put_fields(*part, sources, directory, json::get_int(*part, mode, "defaultMode"));
  if (const json::value* part = json::find(source, "serviceAccountToken"))
    return put_token(*part, sources, directory, mode);
  return fail(Code::kInvalid, "this kind of source is not supported");
}

constexpr int64_t kDefaultMode = 0644;

}  // namespace

Result<bool> renew_tokens(const EnvSources& sources, const std::string& directory) {
  bool any = false;
  for (const json::value& volume : json::items(sources.pod.doc(), "spec", "volumes")) {
    std::string_view name = json::get_string(volume, "name");
    std::string path = concat(directory, "/", name);
    std::error_code error;
    if (!safe_path(name) || !fs::is_directory(path, error)) continue;
    int64_t mode = json::get_int(volume, kDefaultMode, "projected", "defaultMode");
    for (const json::value& source : json::items(volume, "projected", "sources")) {
      const json::value* part = json::find(source, "serviceAccountToken");
      if (part == nullptr) continue;
      SERIN_TRY(put_token(*part, sources, path, mode));
      any = true;
    }
  }
  return any;
}

Result<std::map<std::string, std::string>> prepare_volumes(const EnvSources& sources, const std::string& directory,
                                                           bool allow_host_path) {
  std::map<std::string, std::string> out;
  for (const json::value& volume : json::items(sources.pod.doc(), "spec", "volumes")) {
    std::string name(json::get_string(volume, "name"));
    std::string path = concat(directory, "/", name);
    auto where = [&](const Error& error) {
      return fail(Code::kInvalid, concat("volume ", name, ": ", error.message));
    };
    if (!safe_path(name)) return fail(Code::kInvalid, concat("volume name ", name, " is not a file name"));
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return fail(Code::kInternal, concat("make ", path, ": ", error.message()));
    ::chmod(directory.c_str(), 0700);

    if (json::find(volume, "emptyDir") != nullptr) {
      ::chmod(path.c_str(), 0777);
    } else if (json::find(volume, "hostPath") != nullptr) {
      if (!allow_host_path)
        return fail(Code::kInvalid, concat("volume ", name, ": hostPath is not allowed on this node"));
      path = json::get_string(volume, "hostPath", "path");
      if (!path.starts_with('/')) return fail(Code::kInvalid, concat("volume ", name, ": hostPath.path is not absolute"));
    } else if (const json::value* projected = json::find(volume, "projected")) {
      int64_t mode = json::get_int(*projected, kDefaultMode, "defaultMode");
      for (const json::value& source : json::items(*projected, "sources"))
        if (auto done = put_source(source, sources, path, mode, "name"); !done) return where(done.error());
    } else if (auto done = put_source(volume, sources, path, kDefaultMode, "secretName"); !done) {
      return where(done.error());
    }
    out[name] = path;
  }
  return out;
}

Result<std::vector<Mount>> container_mounts(const json::value& container,
                                            const std::map<std::string, std::string>& volumes,
                                            const Variables& variables) {
  std::vector<Mount> out;
  for (const json::value& mount : json::items(container, "volumeMounts")) {
    std::string name(json::get_string(mount, "name"));
    auto volume = volumes.find(name);
    if (volume == volumes.end()) return fail(Code::kInvalid, concat("volumeMounts: the pod has no volume ", name));
    Mount item{volume->second, std::string(json::get_string(mount, "mountPath")),
               json::get_bool(mount, false, "readOnly")};
    if (!item.target.starts_with('/') || item.target == "/" || item.target.find("/../") != std::string::npos)
      return fail(Code::kInvalid, concat("volumeMounts: mountPath ", item.target, " is not supported"));
    std::string sub_path(json::get_string(mount, "subPath"));
    if (sub_path.empty()) sub_path = expand(json::get_string(mount, "subPathExpr"), variables);
    if (!sub_path.empty()) {
      if (!safe_path(sub_path)) return fail(Code::kInvalid, concat("volumeMounts: subPath ", sub_path, " leads out of the volume"));
      item.source += "/" + sub_path;
      std::error_code error;
      if (!fs::exists(item.source, error)) fs::create_directories(item.source, error);
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace serin::node
