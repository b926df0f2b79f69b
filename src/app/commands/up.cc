#include <csignal>
#include <iostream>

#include "app/commands/commands.h"
#include "app/files.h"
#include "app/proxy_bootstrap.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/system.h"
#include "base/log.h"
#include "base/strings.h"
#include "node/shim/shim.h"

namespace serin::app {
namespace {

constexpr Duration kReadyTimeout = std::chrono::seconds(60);
constexpr Duration kSignalInterval = std::chrono::milliseconds(100);
constexpr const char* kStopping = "stopping; pods keep running until `serin down`";

/// False where a signal came first.
Result<bool> wait_ready(System& system, TerminationSignal& signal, Clock& clock) {
  TimePoint deadline = clock.now() + kReadyTimeout;
  for (;;) {
    Result<void> ready = system.wait_ready(kSignalInterval);
    if (ready) return true;
    if (signal.wait_for({})) return false;
    if (!failed_with(ready, Code::kTimeout) || clock.now() >= deadline) return fail(ready.error());
  }
}

}  // namespace

int up(const UpFlags& flags) {
  log::set_level(flags.verbose ? log::Level::kInfo : log::Level::kWarning);
  SystemClock clock;
  TerminationSignal signal;
  SystemOptions options;
  options.state = state_directory(flags.state);
  options.clusters = flags.clusters;
  options.api_port = flags.api_port;
  options.envoy = flags.envoy;
  options.token_file = flags.token_file;
  options.audit_log = flags.audit_log;
  options.audit_policy = flags.audit_policy;
  options.without.insert(flags.without.begin(), flags.without.end());
  for (const std::string& image : flags.images) {
    Result<node::ImageRule> rule = node::parse_image_rule(image);
    if (!rule) return report(rule.error());
    options.images.push_back(*rule);
  }
  TimePoint begin = clock.now();
  auto system = System::start(std::move(options), clock);
  if (!system) return report(system.error());
  std::cout << "kubeconfig " << (*system)->kubeconfig() << std::endl;
  Result<bool> ready = wait_ready(**system, signal, clock);
  if (!ready || !*ready) {
    if (!ready) report(ready.error());
    std::cout << kStopping << std::endl;
    return ready ? kExitYes : kExitError;
  }
  for (const GatewayAddress& gateway : (*system)->gateways())
    std::cout << "gateway of " << gateway.cluster << " at " << gateway.address << ", port " << gateway.port
              << " and every port that a Gateway asks for\n";
  std::cout << "ready in " << (clock.now() - begin) / std::chrono::milliseconds(1) << " ms; try: kubectl --kubeconfig "
            << (*system)->kubeconfig() << " get pods -A" << std::endl;
  signal.wait();
  std::cout << kStopping << std::endl;
  return kExitYes;
}

int shim(const std::vector<std::string>& arguments) { return node::shim_main(arguments); }

int proxy(const std::string& type) {
  Result<ProxyOptions> options = proxy_options(type);
  if (!options) return report(options.error());
  Result<void> done = exec_envoy(*options);
  return report(done.error());
}

}  // namespace serin::app
