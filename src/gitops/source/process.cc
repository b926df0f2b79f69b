#include "gitops/source/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/strings.h"

namespace serin::gitops::source {
namespace {

constexpr size_t kMaxErrorText = 16 << 10;

/// A file descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read, write;
};

Result<Pipe> make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return fail(Code::kUnavailable, concat("no pipe: ", strerror(errno)));
  return Pipe{Descriptor(fds[0]), Descriptor(fds[1])};
}

std::vector<std::string> merged_environment(const std::vector<std::string>& changes) {
  std::vector<std::string> merged;
  auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry; ++entry) {
    bool changed = false;
    for (const std::string& change : changes) changed = changed || name_of(change) == name_of(*entry);
    if (!changed) merged.emplace_back(*entry);
  }
  for (const std::string& change : changes)
    if (change.find('=') != std::string::npos) merged.push_back(change);
  return merged;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Runs in the child between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* arguments, char* const* environment, uint64_t max_file_bytes, int out, int err,
                         int report) {
  setpgid(0, 0);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(out, 1);
  dup2(err, 2);
  if (max_file_bytes > 0) {
    rlimit limit{max_file_bytes, max_file_bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  execvpe(arguments[0], arguments, environment);
  int problem = errno;
  [[maybe_unused]] ssize_t written = write(report, &problem, sizeof problem);
  _exit(127);
}

}  // namespace

Result<Outcome> SystemProcessRunner::run(const Command& command) {
  Pipe out = SERIN_TRY(make_pipe()), err = SERIN_TRY(make_pipe()), report = SERIN_TRY(make_pipe());
  std::vector<std::string> environment = merged_environment(command.environment);
  std::vector<char*> argument_pointers = pointers(command.arguments), environment_pointers = pointers(environment);

  pid_t pid = fork();
  if (pid < 0) return fail(Code::kUnavailable, concat("cannot start ", command.arguments[0], ": ", strerror(errno)));
  if (pid == 0)
    become(argument_pointers.data(), environment_pointers.data(), command.max_file_bytes, out.write.get(),
           err.write.get(), report.write.get());
  setpgid(pid, pid);  // both sides set it, so that a kill by group cannot come too early
  out.write.close();
  err.write.close();
  report.write.close();

  Outcome outcome;
  auto finish = [&](bool kill_it) {
    if (kill_it) kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  };
  int problem = 0;
  if (read(report.read.get(), &problem, sizeof problem) == sizeof problem) {
    finish(false);
    return fail(problem == ENOENT ? Code::kNotFound : Code::kInternal,
                concat("cannot run ", command.arguments[0], ": ", strerror(problem)));
  }

  auto deadline = std::chrono::steady_clock::now() + command.timeout;
  char buffer[64 << 10];
  while (out.read.open() || err.read.open()) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd polled[2] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
    int ready = left.count() > 0 ? poll(polled, 2, static_cast<int>(left.count()) + 1) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      finish(true);
      return fail(Code::kTimeout, concat(command.arguments[0], " did not end within ",
                                         std::chrono::duration_cast<std::chrono::seconds>(command.timeout).count(), " s"));
    }
    for (Descriptor* from : {&out.read, &err.read}) {
      const pollfd& state = polled[from == &out.read ? 0 : 1];
      if (!from->open() || state.revents == 0) continue;
      ssize_t count = read(from->get(), buffer, sizeof buffer);
      if (count <= 0) {
        if (count == 0 || errno != EINTR) from->close();
        continue;
      }
      std::string& text = from == &out.read ? outcome.out : outcome.err;
      text.append(buffer, static_cast<size_t>(count));
      if (from == &err.read && text.size() > kMaxErrorText) text.erase(0, text.size() - kMaxErrorText);
      if (outcome.out.size() > command.max_output) {
        finish(true);
        return fail(Code::kTooLarge, concat(command.arguments[0], " answered with more than ", command.max_output, " bytes"));
      }
    }
  }
  finish(false);
  return outcome;
}

}  // namespace serin::gitops::source
