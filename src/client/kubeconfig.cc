#include "client/kubeconfig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "data/yaml.h"

namespace serin::client {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, concat("cannot read ", path, ": ", std::strerror(errno)));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string resolve(const std::string& directory, std::string_view path) {
  fs::path given{std::string(path)};
  return given.is_absolute() || directory.empty() ? given.string()
                                                  : (fs::path(directory) / given).string();
}

/// `name-data` (base64) or else the file that `name` names; "" where neither stands.
Result<std::string> credential(const json::value& body, const std::string& directory,
                               const std::string& name) {
  std::string_view data = json::get_string(body, name + "-data");
  if (!data.empty()) {
    std::string packed;  // long values may stand on several lines
    for (char c : data)
      if (c != '\n' && c != '\r' && c != ' ') packed += c;
    auto bytes = base64_decode(packed);
    if (!bytes) return fail(Code::kInvalid, concat(name, "-data is not base64"));
    return *bytes;
  }
  std::string_view path = json::get_string(body, name);
  if (path.empty()) return std::string();
  return read_file(resolve(directory, path));
}

Result<void> read_cluster(const json::value& body, const std::string& directory,
                          KubeContext& context) {
  context.server = json::get_string(body, "server");
  if (context.server.empty()) return fail(Code::kInvalid, "server is missing");
  if (!json::get_string(body, "proxy-url").empty())
    return fail(Code::kInvalid, "proxy-url is not supported");
  context.insecure_skip_tls_verify = json::get_bool(body, false, "insecure-skip-tls-verify");
  context.tls_server_name = json::get_string(body, "tls-server-name");
  context.ca_pem = SERIN_TRY(credential(body, directory, "certificate-authority"));
  return {};
}

Result<void> read_user(const json::value& body, const std::string& directory,
                       KubeContext& context) {
  if (const json::value* exec = json::find(body, "exec"); exec && exec->is_object())
    return fail(
        Code::kInvalid,
        concat("it gets its credentials from the program \"", json::get_string(*exec, "command"),
               "\" (exec), which is not supported; use a token or a client certificate"));
  if (const json::value* provider = json::find(body, "auth-provider");
      provider && provider->is_object())
    return fail(Code::kInvalid,
                "auth-provider is not supported; use a token or a client certificate");
  // Going on without it would act with rights that were not asked for.
  for (const char* field : {"as", "as-uid", "as-groups", "as-user-extra"})
    if (json::find(body, field))
      return fail(Code::kInvalid, concat("impersonation (", field, ") is not supported"));
  context.certificate_pem = SERIN_TRY(credential(body, directory, "client-certificate"));
  context.key_pem = SERIN_TRY(credential(body, directory, "client-key"));
  if (context.certificate_pem.empty() != context.key_pem.empty())
    return fail(Code::kInvalid, "client-certificate and client-key go together");
  context.token = json::get_string(body, "token");
  if (std::string_view file = json::get_string(body, "tokenFile"); !file.empty())
    context.token_file = resolve(directory, file);
  context.username = json::get_string(body, "username");
  context.password = json::get_string(body, "password");
  return {};
}

tl::unexpected<Error> in(std::string_view what, std::string_view name, Error error) {
  error.message = concat("kubeconfig ", what, " \"", name, "\": ", error.message);
  error.code = Code::kInvalid;
  return fail(std::move(error));
}

}  // namespace

const Kubeconfig::Entry* Kubeconfig::find(const Entries& entries, std::string_view name) {
  for (const Entry& entry : entries)
    if (entry.name == name) return &entry;
  return nullptr;
}

Result<Kubeconfig> Kubeconfig::parse(std::string_view text, const std::string& directory) {
  Kubeconfig config;
  auto documents = SERIN_TRY(yaml::parse_all(text));
  if (documents.empty()) return config;
  const json::value& doc = documents[0].value;
  if (documents.size() > 1 || !doc.is_object())
    return fail(Code::kInvalid, "a kubeconfig must be one YAML document with named fields");
  std::string_view kind = json::get_string(doc, "kind");
  if (!kind.empty() && kind != "Config")
    return fail(Code::kInvalid, concat("kind must be Config, not ", kind));
  config.current_ = json::get_string(doc, "current-context");
  auto read = [&](const char* list, const char* member, Entries& to) {
    for (const json::value& item : json::items(doc, list)) {
      std::string name(json::get_string(item, "name"));
      const json::value* body = json::find(item, member);
      if (!find(to, name)) to.push_back({name, body ? *body : json::object(), directory});
    }
  };
  read("clusters", "cluster", config.clusters_);
  read("users", "user", config.users_);
  read("contexts", "context", config.contexts_);
  return config;
}

void Kubeconfig::merge(Kubeconfig&& other) {
  auto add = [](Entries& to, Entries& from) {
    for (Entry& entry : from)
      if (!find(to, entry.name)) to.push_back(std::move(entry));
  };
  add(clusters_, other.clusters_);
  add(users_, other.users_);
  add(contexts_, other.contexts_);
  if (current_.empty()) current_ = std::move(other.current_);
}

Result<Kubeconfig> Kubeconfig::load(const std::vector<std::string>& files) {
  Kubeconfig all;
  bool any = false;
  for (const std::string& file : files) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) continue;
    any = true;
    std::string directory = fs::absolute(file, ignored).parent_path().string();
    auto config = parse(SERIN_TRY(read_file(file)), directory);
    if (!config) return fail(config.error().code, concat(file, ": ", config.error().message));
    all.merge(std::move(*config));
  }
  if (!any) return fail(Code::kNotFound, concat("no kubeconfig at ", join(files, ", ")));
  return all;
}

std::vector<std::string> Kubeconfig::context_names() const {
  std::vector<std::string> names;
  for (const Entry& entry : contexts_) names.push_back(entry.name);
  return names;
}

Result<KubeContext> Kubeconfig::context(const std::string& wanted) const {
  const std::string& name = wanted.empty() ? current_ : wanted;
  if (name.empty()) return fail(Code::kNotFound, "the kubeconfig has no current context; name one");
  const Entry* entry = find(contexts_, name);
  if (!entry)
    return fail(Code::kNotFound, concat("the kubeconfig has no context \"", name, "\"; it has: ",
                                        contexts_.empty() ? "none" : join(context_names(), ", ")));
  KubeContext context;
  context.name = name;
  context.ns = json::get_string(entry->body, "namespace");
  std::string_view cluster_name = json::get_string(entry->body, "cluster");
  std::string_view user_name = json::get_string(entry->body, "user");
  const Entry* cluster = find(clusters_, cluster_name);
  if (!cluster)
    return in("context", name,
              {Code::kInvalid, concat("there is no cluster \"", cluster_name, "\"")});
  if (auto read = read_cluster(cluster->body, cluster->directory, context); !read)
    return in("cluster", cluster_name, std::move(read).error());
  if (user_name.empty()) return context;
  const Entry* user = find(users_, user_name);
  if (!user)
    return in("context", name, {Code::kInvalid, concat("there is no user \"", user_name, "\"")});
  if (auto read = read_user(user->body, user->directory, context); !read)
    return in("user", user_name, std::move(read).error());
  return context;
}

std::vector<std::string> kubeconfig_files(const std::string& flag,
                                          const std::string& kubeconfig_variable,
                                          const std::string& home) {
  if (!flag.empty()) return {flag};
  std::vector<std::string> files;
  for (std::string_view file : split(kubeconfig_variable, ':'))
    if (!file.empty()) files.emplace_back(file);
  if (files.empty()) files.push_back(home + "/.kube/config");
  return files;
}

std::string kubeconfig_text(const std::vector<KubeContext>& contexts, const std::string& current) {
  json::array clusters, users, entries;
  auto set = [](json::object& to, const char* field, std::string_view value) {
    if (!value.empty()) to[field] = value;
  };
  auto set_data = [&](json::object& to, const char* field, const std::string& value) {
    set(to, field, base64_encode(value));
  };
  for (const KubeContext& context : contexts) {
    json::object cluster{{"server", context.server}};
    set_data(cluster, "certificate-authority-data", context.ca_pem);
    if (context.insecure_skip_tls_verify) cluster["insecure-skip-tls-verify"] = true;
    set(cluster, "tls-server-name", context.tls_server_name);
    json::object user;
    set_data(user, "client-certificate-data", context.certificate_pem);
    set_data(user, "client-key-data", context.key_pem);
    set(user, "token", context.token);
    set(user, "tokenFile", context.token_file);
    set(user, "username", context.username);
    set(user, "password", context.password);
    json::object entry{{"cluster", context.name}, {"user", context.name}};
    set(entry, "namespace", context.ns);
    clusters.push_back(json::object{{"name", context.name}, {"cluster", std::move(cluster)}});
    users.push_back(json::object{{"name", context.name}, {"user", std::move(user)}});
    entries.push_back(json::object{{"name", context.name}, {"context", std::move(entry)}});
  }
  return yaml::dump(json::object{{"apiVersion", "v1"},
                                 {"kind", "Config"},
                                 {"clusters", std::move(clusters)},
                                 {"users", std::move(users)},
                                 {"contexts", std::move(entries)},
                                 {"current-context", current}});
}

Result<void> write_kubeconfig(const std::string& path, const std::vector<KubeContext>& contexts,
                              const std::string& current) {
  std::string text = kubeconfig_text(contexts, current);
  std::string temporary = path + ".XXXXXX";
  auto failed = [&](std::string_view doing) {
    Code code =
        errno == EACCES || errno == EPERM || errno == EROFS ? Code::kForbidden : Code::kUnavailable;
    return fail(code, concat("cannot ", doing, " ", path, ": ", std::strerror(errno)));
  };
  int fd = ::mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600
  if (fd < 0) return failed("write");
  std::string_view rest = text;
  while (!rest.empty()) {
    ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    rest.remove_prefix(static_cast<size_t>(n));
  }
  bool whole = rest.empty() && ::fsync(fd) == 0;
  int error = errno;
  ::close(fd);
  if (whole && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (whole) error = errno;
  ::unlink(temporary.c_str());
  errno = error;
  return failed("write");
}

}  // namespace serin::client
