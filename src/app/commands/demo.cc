#include <filesystem>
#include <iostream>

#include "app/applications.h"
#include "app/commands/commands.h"
#include "app/demo/repository.h"
#include "app/demo/story.h"
#include "app/files.h"
#include "app/session.h"
#include "app/signals.h"
#include "app/system.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"

namespace serin::app {
namespace {

constexpr Duration kReadyTimeout = std::chrono::seconds(60);

/// A directory that goes with its owner, or one that was asked for and stays.
class StateDirectory {
 public:
  static Result<StateDirectory> make(const std::string& flag) {
    if (!flag.empty()) return StateDirectory(state_directory(flag), false);
    std::string pattern = (std::filesystem::temp_directory_path() / "serin-demo-XXXXXX").string();
    if (!mkdtemp(pattern.data())) return fail(Code::kForbidden, concat("cannot make ", pattern));
    return StateDirectory(pattern, true);
  }
  StateDirectory(StateDirectory&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  ~StateDirectory() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  StateDirectory(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  std::string path_;
  bool temporary_;
};

void print_ways_to_look(const System& system) {
  std::string kubectl = concat("kubectl --kubeconfig ", system.kubeconfig());
  std::string serin = own_path();
  std::cout << "\nLook around:\n"
            << "  export KUBECONFIG=" << system.kubeconfig() << '\n'
            << "  kubectl --context work-1 get pods,rollouts -A\n"
            << "  kubectl --context mesh get virtualservices,destinationrules,gateways -A --show-labels\n"
            << "  kubectl --context hub -n argocd get applications\n"
            << "  " << serin << " release list\n"
            << "  " << serin << " release get provider -n demo-header -w\n"
            << "  " << serin << " app get demo-header\n";
}

}  // namespace

int demo(const DemoFlags& flags) {
  log::set_level(flags.verbose ? log::Level::kInfo : log::Level::kError);
  SystemClock clock;
  TerminationSignal signal;
  Result<StateDirectory> state = StateDirectory::make(flags.state);
  if (!state) return report(state.error());
  if (hello_directory().empty())
    return report({Code::kNotFound, "hello-consumer and hello-provider are not beside this program: run `make build`"});

  TimePoint begin = clock.now();
  SystemOptions options;
  options.state = state->path();
  options.api_port = flags.api_port;
  options.envoy = flags.envoy;
  auto system = System::start(std::move(options), clock);
  if (!system) return report(system.error());
  if (Result<void> ready = (*system)->wait_ready(kReadyTimeout); !ready) {
    (*system)->stop_pods();
    return report(ready.error());
  }
  std::cout << "Serin is ready after " << (clock.now() - begin) / std::chrono::milliseconds(1)
            << " ms: API servers of a hub, a hosted mesh and one work cluster, two Envoys.\n";

  StoryOptions story;
  story.step_pause = flags.step_pause;
  story.requests_per_second = flags.requests_per_second;
  Result<bool> told = [&]() -> Result<bool> {
    story.repository = SERIN_TRY(make_demo_repository(state->path() + "/demo-repo", flags.step_pause));
    return tell_story(**system, story, clock, std::cout);
  }();
  if (!told) report(told.error());
  bool good = told && *told;
  if (!flags.exit && told) {
    print_ways_to_look(**system);
    std::cout << "\nThis stays up until Ctrl-C." << std::endl;
    signal.wait();
  }
  (*system)->stop_pods();
  return good ? kExitYes : told ? kExitNo : kExitError;
}

}  // namespace serin::app
