#include "app/platform.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strings.h"
#include "data/yaml.h"
#include "embedded/crds.h"
#include "embedded/platform.h"

namespace serin::app {
namespace {

/// Files of our own that do not parse are a broken build, not a user's mistake.
std::vector<kube::Object> objects_of(const std::string& text) {
  std::vector<kube::Object> out;
  Result<std::vector<yaml::Document>> documents = yaml::parse_all(text);
  if (!documents) std::abort();
  for (yaml::Document& document : *documents) out.emplace_back(std::move(document.value));
  return out;
}

std::string fill_in(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    std::string placeholder = concat("${", name, "}");
    for (size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos; at += value.size())
      text.replace(at, placeholder.size(), value);
  }
  return text;
}

std::string quoted(const std::string& path) { return concat("'", path, "'"); }

kube::Object image_map(const PlatformOptions& options) {
  std::string defaults = concat("serin.local/proxy=", quoted(options.serin), " proxy\n",
                                "# runs the pod's own command\nserin.local/host=\n");
  if (!options.hello_dir.empty()) {
    for (const char* side : {"consumer", "provider"}) {
      std::string command = quoted(concat(options.hello_dir, "/hello-", side));
      defaults += concat("serin.local/hello-", side, "*=", command, "\n");
      defaults += concat("*/spring-dubbo3-", side, ":*=", command, "\n");
    }
  }
  json::object data{{"defaults", defaults}};
  std::string own;
  for (const auto& [pattern, command] : options.images) own += concat(pattern, "=", command, "\n");
  if (!own.empty()) data["command-line"] = own;
  return kube::Object(json::object{
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata", json::object{{"name", "images"}, {"namespace", "serin-system"}}},
      {"data", std::move(data)}});
}

}  // namespace

std::vector<kube::Object> platform_objects(const PlatformOptions& options) {
  std::map<std::string, std::string> values{{"CLUSTER", options.cluster},
                                            {"XDS", options.xds},
                                            {"ENVOY", options.envoy},
                                            {"RUN_DIR", options.run_dir},
                                            {"HTTP_PORT", std::to_string(options.http_port)}};
  std::map<std::string_view, std::string_view> files;
  for (const embedded::File& file : embedded::platform()) files[file.name] = file.bytes;
  std::vector<kube::Object> out;
  auto add = [&](std::string_view name) {
    for (kube::Object& object : objects_of(fill_in(std::string(files.at(name)), values))) out.push_back(std::move(object));
  };
  add("api/platform/namespaces.yaml");
  out.push_back(image_map(options));
  if (!options.mesh) return out;
  add("api/platform/mesh-proxy.yaml");
  add("api/platform/ingress-gateway.yaml");
  return out;
}

std::vector<kube::Object> bundled_crds() {
  std::vector<kube::Object> out;
  for (const embedded::File& file : embedded::crds())
    for (kube::Object& object : objects_of(std::string(file.bytes))) out.push_back(std::move(object));
  return out;
}

bool may_bind_low_ports() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f00fffe);  // 127.0.255.254: nobody listens there
  address.sin_port = htons(80);
  bool allowed = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return allowed;
}

}  // namespace serin::app
