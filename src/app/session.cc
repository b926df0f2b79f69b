#include "app/session.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "app/files.h"
#include "base/strings.h"
#include "client/rest_client.h"

namespace serin::app {

Result<std::unique_ptr<Session>> Session::open(const GlobalFlags& flags, Clock& clock) {
  std::vector<std::string> files;
  const char* variable = std::getenv("KUBECONFIG");
  if (!flags.kubeconfig.empty()) files = {flags.kubeconfig};
  else if (flags.state.empty() && variable && *variable) files = client::kubeconfig_files("", variable, "");
  else files = {state_directory(flags.state) + "/kubeconfig"};
  Result<client::Kubeconfig> config = client::Kubeconfig::load(files);
  if (failed_with(config, Code::kNotFound))
    return fail(Code::kNotFound, concat(config.error().message,
                                        ": is `serin up` running? Say where with --state or --kubeconfig"));
  if (!config) return fail(std::move(config).error());
  return std::unique_ptr<Session>(new Session(*std::move(config), clock));
}

Result<client::Client*> Session::cluster(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto& client = clients_[name];
  if (!client) {
    client::KubeContext context = SERIN_TRY(config_.context(name));
    client = SERIN_TRY(client::make_rest_client(context, {.field_manager = "serin-cli"}, clock_));
  }
  return client.get();
}

std::vector<std::string> Session::work_clusters() const {
  std::vector<std::string> out;
  for (const std::string& name : config_.context_names())
    if (name != "hub" && name != "mesh") out.push_back(name);
  return out;
}

int report(const Error& error) {
  std::cerr << "error: " << error.message << '\n';
  for (const Cause& cause : error.causes)
    std::cerr << "  " << cause.field << (cause.field.empty() ? "" : ": ") << cause.message << '\n';
  return kExitError;
}

}  // namespace serin::app
