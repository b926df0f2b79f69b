#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/strings.h"
#include "data/json.h"
#include "node/shim/isolation.h"
#include "node/shim/shim.h"
#include "node/shim/spec.h"

namespace serin::node::shim {
namespace {

constexpr int kResult = 3;  ///< the descriptor that the result is written to

int report(int exit_code, bool timed_out, const std::string& error) {
  std::string text = json::dump(json::object{{"exitCode", exit_code}, {"timedOut", timed_out}, {"error", error}});
  (void)!::write(kResult, text.data(), text.size());
  return 0;
}

}  // namespace

int exec(const std::string& directory, int64_t timeout_ms, const std::vector<std::string>& argv) {
  auto spec_text = read_file(directory + "/spec.json");
  auto state_text = read_file(directory + "/state.json");
  if (!spec_text || !state_text) return report(-1, false, "no such container");
  auto spec = parse_shim_spec(*spec_text);
  auto state = parse_shim_state(*state_text);
  if (!spec || !state) return report(-1, false, "unreadable container state");
  Fd pin = open_process(state->process);
  if (state->phase != ShimState::Phase::kRunning || !pin) return report(-1, false, "the container does not run");

  if (spec->namespaces) {
    auto joined = join_namespaces(state->process.pid);
    if (!joined) return report(-1, false, joined.error().message);
  }
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &handled, nullptr);
  Fd signals(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto errors = make_pipe();
  if (!errors) return report(-1, false, errors.error().message);
  pid_t parent = ::getpid();
  pid_t child = ::fork();
  if (child < 0) return report(-1, false, system_message("fork"));
  if (child == 0) {
    ::close(kResult);
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::sigprocmask(SIG_UNBLOCK, &handled, nullptr);
    std::string why = ::chdir(spec->cwd.c_str()) == 0 ? execute(argv, spec->env)
                                                      : system_message("working directory " + spec->cwd);
    (void)!::write(errors->write.get(), why.data(), why.size());
    ::_exit(127);
  }
  errors->write.reset();
  char why[512];
  ssize_t n = ::read(errors->read.get(), why, sizeof why);  // ends at exec

  SystemClock clock;
  TimePoint end = clock.now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      kill_all_children();
      if (n > 0) return report(-1, false, std::string(why, static_cast<size_t>(n)));
      return report(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), false, "");
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock.now()).count();
    if (left <= 0) {
      kill_all_children();
      return report(-1, true, concat("timed out after ", timeout_ms, " ms"));
    }
    pollfd watched{signals.get(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
    signalfd_siginfo drained{};
    while (::read(signals.get(), &drained, sizeof drained) > 0) {
    }
  }
}

}  // namespace serin::node::shim
