#include "node/container_starter.h"

#include <filesystem>

#include "base/strings.h"
#include "kube/resources.h"
#include "node/hosts.h"

namespace serin::node {
namespace {

using namespace std::chrono_literals;

/// How soon a start that failed for something outside the pod is tried again.
constexpr Duration kRetry = 5s;
/// Against an API server whose tokens are over at once.
constexpr Duration kShortestRenewal = 1s;

std::vector<std::string> words(const json::value& container, std::string_view field, const Variables& variables) {
  std::vector<std::string> out;
  for (const json::value& word : json::items(container, field)) out.push_back(expand(json::as_string(&word), variables));
  return out;
}

bool set(const json::value& doc, json::Path path) {
  const json::value* value = json::find_at(doc, path);
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->as_bool();
  if (value->is_object()) return !value->as_object().empty();
  return !value->is_array() || !value->as_array().empty();
}

/// Every container has the account's volume, also those that never look at it.
bool mounts_more_than_token(const json::value& container) {
  for (const json::value& mount : json::items(container, "volumeMounts"))
    if (json::get_string(mount, "mountPath") != kServiceAccountPath) return true;
  return false;
}

}  // namespace

const json::value* find_container(const kube::Object& pod, std::string_view name) {
  for (std::string_view field : {"containers", "initContainers"})
    for (const json::value& container : json::items(pod.doc(), "spec", field))
      if (json::get_string(container, "name") == name) return &container;
  return nullptr;
}

std::vector<std::string> ignored_fields(const kube::Object& pod) {
  std::vector<std::string> out;
  for (std::string_view field : {"hostNetwork", "hostPID", "hostIPC", "securityContext", "hostAliases", "dnsConfig"})
    if (set(pod.doc(), {"spec", field})) out.push_back(concat("spec.", field));
  for (std::string_view list : {"initContainers", "containers"}) {
    int index = 0;
    for (const json::value& container : json::items(pod.doc(), "spec", list)) {
      std::string prefix = concat("spec.", list, "[", index++, "].");
      for (std::string_view field : {"securityContext", "volumeDevices", "stdin", "tty"})
        if (set(container, {field})) out.push_back(concat(prefix, field));
      if (set(container, {"resources", "limits"})) out.push_back(prefix + "resources.limits");
      if (set(container, {"lifecycle", "postStart"})) out.push_back(prefix + "lifecycle.postStart");
    }
  }
  return out;
}

ContainerStarter::ContainerStarter(client::Client& client, client::Informer& services, Runtime& runtime,
                                   AddressPool addresses, Clock& clock, StarterOptions options)
    : client_(client),
      services_(services),
      runtime_(runtime),
      addresses_(std::move(addresses)),
      tokens_(client, clock),
      clock_(clock),
      options_(std::move(options)),
      node_address_(addresses_.node_address()),
      images_(options_.images) {
  for (const Sandbox& sandbox : runtime_.list()) addresses_.claim(sandbox.spec.ip);
}

std::vector<std::string> ContainerStarter::set_image_config(const json::value* data) {
  std::lock_guard lock(mutex_);
  return images_.set_config(data);
}

Result<std::string> ContainerStarter::write_hosts(const std::string& ns) {
  std::string machine = read_file("/etc/hosts").value_or("127.0.0.1 localhost\n");
  std::string text = render_hosts(machine, ns, services_.list());
  std::string path = concat(options_.directory, "/hosts/", ns);
  std::lock_guard lock(mutex_);
  auto& written = hosts_files_[ns];
  if (written == text) return path;
  std::error_code error;
  std::filesystem::create_directories(options_.directory + "/hosts", error);
  SERIN_TRY(write_file_in_place(path, text));
  written = std::move(text);
  return path;
}

void ContainerStarter::refresh_hosts() {
  std::set<std::string> namespaces;
  for (const Sandbox& sandbox : runtime_.list()) namespaces.insert(sandbox.spec.ns);
  for (const std::string& ns : namespaces) (void)write_hosts(ns);
}

Result<std::string> ContainerStarter::ensure_sandbox(const kube::Object& pod) {
  std::string uid(pod.uid());
  if (auto sandbox = runtime_.find(uid); sandbox && !sandbox->spec.ip.empty()) return sandbox->spec.ip;
  SandboxSpec spec{uid, std::string(pod.ns()), std::string(pod.name()), "", ""};
  // A pod whose sandbox was lost keeps the address that others know it by, where it is still free.
  spec.ip = json::get_string(pod.doc(), "status", "podIP");
  if (spec.ip.empty() || !addresses_.claim(spec.ip)) spec.ip = SERIN_TRY(addresses_.take());
  auto hosts = write_hosts(spec.ns);
  if (hosts) spec.hosts_file = *hosts;
  auto made = hosts ? runtime_.start_sandbox(spec) : Result<void>(fail(hosts.error()));
  if (!made) {
    addresses_.release(spec.ip);
    return fail(made.error());
  }
  return spec.ip;
}

Result<void> ContainerStarter::remove_sandbox(const Sandbox& sandbox) {
  SERIN_TRY(runtime_.remove_sandbox(sandbox.spec.pod_uid));
  addresses_.release(sandbox.spec.ip);
  return {};
}

EnvSources ContainerStarter::sources(const kube::Object& pod, const std::string& ip) {
  EnvSources out;
  out.pod = pod;
  out.pod_ip = ip;
  out.host_ip = node_address_;
  out.services = services_.list(std::string(pod.ns()));
  if (auto kubernetes = services_.get({"default", "kubernetes"})) out.kubernetes = *kubernetes;
  out.base = options_.base_env;
  out.token = [this, pod](const json::value& source) { return tokens_.request(pod, source); };
  auto lookup = [this, ns = std::string(pod.ns())](const kube::Resource& resource) -> Lookup {
    return [this, ns, &resource](const std::string& name) -> std::optional<kube::Object> {
      auto object = client_.get(resource, {ns, name});
      if (!object) return std::nullopt;
      // Stored objects in a list may lack their kind; who reads Secrets needs it.
      return object->edit([&](json::value& doc) { json::set(doc, {"kind"}, json::value(std::string_view(resource.kind))); });
    };
  };
  out.config_map = lookup(kube::kConfigMaps);
  out.secret = lookup(kube::kSecrets);
  return out;
}

std::string ContainerStarter::volumes_directory(std::string_view pod_uid) const {
  return concat(options_.directory, "/pods/", pod_uid, "/volumes");
}

Result<std::optional<Duration>> ContainerStarter::renew_tokens(const kube::Object& pod) {
  if (!PodTokens::wanted(pod)) return std::nullopt;
  auto sandbox = runtime_.find(std::string(pod.uid()));
  if (!sandbox || sandbox->containers.empty()) return std::nullopt;  // who starts the first one asks for the tokens
  TimePoint now = clock_.now(), due = tokens_.due(pod);
  if (due > now) return due - now;
  if (!SERIN_TRY(node::renew_tokens(sources(pod, sandbox->spec.ip), volumes_directory(pod.uid())))) return std::nullopt;
  return std::max<Duration>(tokens_.due(pod) - now, kShortestRenewal);
}

Result<ContainerSpec> ContainerStarter::specify(const kube::Object& pod, const json::value& container,
                                                const ContainerId& id) {
  std::string ip = SERIN_TRY(ensure_sandbox(pod));
  EnvSources from = sources(pod, ip);
  Variables variables = SERIN_TRY(container_env(container, from));
  SERIN_TRY(parse_probes(container, ip));
  ContainerSpec spec;
  spec.id = id;
  {
    std::lock_guard lock(mutex_);
    const ImageRule* rule = images_.find(json::get_string(container, "image"));
    spec.argv = SERIN_TRY(command_line(rule != nullptr ? *rule : ImageRule{},
                                       words(container, "command", variables), words(container, "args", variables)));
  }
  for (const auto& [name, value] : variables) spec.env.push_back(concat(name, "=", value));
  spec.cwd = json::get_string(container, "workingDir");
  std::string no_namespaces = runtime_.limits().no_namespaces;
  if (mounts_more_than_token(container) && !no_namespaces.empty())
    return fail(Code::kInvalid, concat("volumeMounts need mount namespaces: ", no_namespaces));
  if (!json::items(container, "volumeMounts").empty() && no_namespaces.empty()) {
    auto volumes = SERIN_TRY(prepare_volumes(from, volumes_directory(id.pod_uid), options_.allow_host_path));
    spec.mounts = SERIN_TRY(container_mounts(container, volumes, variables));
  }
  return spec;
}

std::optional<StartProblem> ContainerStarter::start(const kube::Object& pod, const ContainerId& id, int64_t crashes) {
  TimePoint retry_at = clock_.now() + kRetry;
  const json::value* container = find_container(pod, id.container);
  if (container == nullptr) return StartProblem{"CreateContainerConfigError", "no such container", retry_at};
  std::string_view image = json::get_string(*container, "image");
  {
    std::lock_guard lock(mutex_);
    if (images_.find(image) == nullptr) return StartProblem{"ErrImageNeverPull", mapping_advice(image), retry_at};
  }
  auto spec = specify(pod, *container, id);
  if (!spec) {
    bool config = spec.error().code == Code::kInvalid;
    return StartProblem{config ? "CreateContainerConfigError" : "CreateContainerError", spec.error().message, retry_at};
  }
  spec->crashes = crashes;
  auto started = runtime_.start_container(*spec);
  if (started) return std::nullopt;
  if (auto sandbox = runtime_.find(id.pod_uid))
    for (const ContainerRecord& record : sandbox->containers)
      if (record.id == id) return std::nullopt;
  return StartProblem{"CreateContainerError", started.error().message, retry_at};
}

}  // namespace serin::node
