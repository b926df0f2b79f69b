#include "node/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "node/shim/proc.h"

namespace serin::node {
namespace {

constexpr size_t kKeptOutput = 10 << 10;

/// Appends what is there; closes at the end.
void drain(Fd& fd, std::string& into) {
  char buffer[4096];
  ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
  if (n < 0 && errno == EINTR) return;
  if (n <= 0) {
    fd.reset();
    return;
  }
  into.append(buffer, std::min(static_cast<size_t>(n), kKeptOutput - std::min(kKeptOutput, into.size())));
}

}  // namespace

Result<SpawnResult> spawn_and_wait(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  Pipe output = SERIN_TRY(make_pipe());
  Pipe result = SERIN_TRY(make_pipe());
  // dup2 onto itself would leave the close-on-exec flag: keep both ends away from 3.
  Fd result_write(::fcntl(result.write.get(), F_DUPFD_CLOEXEC, 10));
  result.write.reset();

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  Fd output_write(::fcntl(output.write.get(), F_DUPFD_CLOEXEC, 10));
  output.write.reset();
  posix_spawn_file_actions_adddup2(&actions, output_write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output_write.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, result_write.get(), 3);
  posix_spawn_file_actions_addclosefrom_np(&actions, 4);  // libraries open sockets without close-on-exec

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);  // a Ctrl-C at the terminal is not for it
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<char*> arguments, variables;
  for (const std::string& word : argv) arguments.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& entry : environment) variables.push_back(const_cast<char*>(entry.c_str()));
  arguments.push_back(nullptr);
  variables.push_back(nullptr);
  pid_t pid = 0;
  int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  output_write.reset();
  result_write.reset();
  if (error != 0) return fail(Code::kInternal, concat("start ", argv[0], ": ", std::string_view(std::strerror(error))));

  SpawnResult out;
  while (output.read || result.read) {
    pollfd watched[] = {{output.read.get(), POLLIN, 0}, {result.read.get(), POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) break;
    if (watched[0].revents != 0) drain(output.read, out.output);
    if (watched[1].revents != 0) drain(result.read, out.result);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  out.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return out;
}

}  // namespace serin::node
