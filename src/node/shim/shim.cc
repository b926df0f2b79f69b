#include "node/shim/shim.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/strings.h"
#include "node/shim/bind_filter.h"
#include "node/shim/isolation.h"
#include "node/shim/log_writer.h"
#include "node/shim/proc.h"
#include "node/shim/spec.h"

namespace serin::node {
namespace shim {
namespace {

/// A message to the other side of the socket, with a descriptor where `fd` is valid.
bool send_message(int socket, std::string_view text, int fd = -1) {
  char tag = fd >= 0 ? 'f' : 'e';
  iovec parts[2] = {{&tag, 1}, {const_cast<char*>(text.data()), text.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) > 0;
}

struct Received {
  bool closed = false;
  std::string text;
  Fd fd;
};

Received receive_message(int socket) {
  char bytes[4096];
  iovec part{bytes, sizeof bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  Received out;
  ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (n <= 0) {
    out.closed = true;
    return out;
  }
  out.text.assign(bytes + 1, static_cast<size_t>(n - 1));
  if (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    out.fd = Fd(fd);
  }
  return out;
}

/// The child's way from fork to the program. Never returns.
[[noreturn]] void become_program(const ShimSpec& spec, const std::string& directory, int socket, int out, int err,
                                 pid_t parent) {
  auto give_up = [&](const std::string& why) {
    send_message(socket, why);
    ::_exit(127);
  };
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);

  if (spec.namespaces) {
    auto entered = enter_namespaces(spec.hosts_file, spec.mounts, directory + "/root");
    if (!entered) give_up(entered.error().message);
  }
  if (::chdir(spec.cwd.c_str()) != 0) give_up(system_message("working directory " + spec.cwd));
  if (spec.move_binds) {
    auto listener = install_bind_filter();
    if (!listener) give_up(listener.error().message);
    if (!send_message(socket, "", listener->get())) ::_exit(127);
  }
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  give_up(execute(spec.argv, spec.env));
  ::_exit(127);
}

/// One running container, from fork to its last byte of log.
class Supervisor {
 public:
  Supervisor(std::string directory, ShimSpec spec)
      : directory_(std::move(directory)),
        spec_(std::move(spec)),
        log_(spec_.log_path, spec_.log_max_bytes, spec_.log_files, clock_) {}

  /// Returns the reason where the program could not be started.
  std::string start();
  void supervise();

 private:
  void save() { (void)write_file_atomically(directory_ + "/state.json", to_json(state_)); }
  void on_signal();
  void reap();
  /// Copies what a pipe holds into the log; closes it at its end.
  void copy(Fd& pipe, std::string_view stream);
  int timeout_ms() const;

  std::string directory_;
  ShimSpec spec_;
  SystemClock clock_;
  LogWriter log_;
  ShimState state_;
  Fd signals_, out_, err_;
  std::unique_ptr<BindMover> binds_;
  bool running_ = false;
  std::optional<TimePoint> kill_at_;
};

std::string Supervisor::start() {
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGCHLD);
  sigaddset(&handled, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &handled, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  signals_ = Fd(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);

  state_.boot = boot_id();
  state_.shim = process_ref(::getpid()).value_or(ProcessRef{});
  state_.started_at = clock_.now();
  save();

  auto fail_start = [&](std::string why) {
    kill_all_children();
    state_.phase = ShimState::Phase::kExited;
    state_.finished_at = clock_.now();
    state_.exit_code = 128;
    state_.error = std::move(why);
    save();
    return state_.error;
  };
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return fail_start(system_message("socketpair"));
  Fd ours(sockets[0]), theirs(sockets[1]);
  auto out = make_pipe(), err = make_pipe();
  if (!out || !err) return fail_start("no pipes");

  pid_t parent = ::getpid();
  pid_t child = ::fork();
  if (child < 0) return fail_start(system_message("fork"));
  if (child == 0) become_program(spec_, directory_, theirs.get(), out->write.get(), err->write.get(), parent);
  theirs.reset();
  out_ = std::move(out->read);
  err_ = std::move(err->read);
  ::fcntl(out_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(err_.get(), F_SETFL, O_NONBLOCK);

  // The socket closes at exec; until then the child says what went wrong or hands over its listener.
  for (;;) {
    Received message = receive_message(ours.get());
    if (message.closed) break;
    if (!message.fd) return fail_start(message.text);
    in_addr address{};
    ::inet_pton(AF_INET, spec_.pod_ip.c_str(), &address);
    binds_ = std::make_unique<BindMover>(std::move(message.fd), address, [this](std::string taken) {
      auto& known = state_.bind_failures;
      if (std::find(known.begin(), known.end(), taken) != known.end()) return;
      known.push_back(std::move(taken));
      save();
    });
  }
  state_.process = process_ref(child).value_or(ProcessRef{child, 0});
  state_.phase = ShimState::Phase::kRunning;
  running_ = true;
  save();
  return "";
}

void Supervisor::copy(Fd& pipe, std::string_view stream) {
  char buffer[16384];
  for (;;) {
    ssize_t n = ::read(pipe.get(), buffer, sizeof buffer);
    if (n > 0) {
      log_.write(stream, std::string_view(buffer, static_cast<size_t>(n)));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    pipe.reset();
    return;
  }
}

void Supervisor::on_signal() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGTERM || !running_) continue;
    TimePoint at = clock_.now() + std::chrono::milliseconds(std::max(0, info.ssi_int));
    if (!kill_at_) ::kill(-state_.process.pid, SIGTERM);
    kill_at_ = kill_at_ ? std::min(*kill_at_, at) : at;
  }
  reap();
}

void Supervisor::reap() {
  for (;;) {
    int status = 0;
    pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid != state_.process.pid) continue;
    running_ = false;
    state_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    state_.exit_code = WIFSIGNALED(status) ? 128 + state_.signal : WEXITSTATUS(status);
  }
}

int Supervisor::timeout_ms() const {
  if (!kill_at_) return -1;
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*kill_at_ - clock_.now()).count() + 1;
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

void Supervisor::supervise() {
  while (running_) {
    pollfd watched[] = {{signals_.get(), POLLIN, 0},
                        {out_.get(), POLLIN, 0},
                        {err_.get(), POLLIN, 0},
                        {binds_ ? binds_->fd() : -1, POLLIN, 0}};
    ::poll(watched, std::size(watched), timeout_ms());
    if (watched[1].revents != 0) copy(out_, "stdout");
    if (watched[2].revents != 0) copy(err_, "stderr");
    if (watched[3].revents & POLLIN) {
      if (!binds_->answer_one()) binds_.reset();
    } else if (watched[3].revents != 0) {
      binds_.reset();
    }
    on_signal();
    if (running_ && kill_at_ && clock_.now() >= *kill_at_) {
      ::kill(-state_.process.pid, SIGKILL);
      ::kill(state_.process.pid, SIGKILL);
      kill_at_ = clock_.now() + std::chrono::seconds(1);
    }
  }
  // As in a pid namespace: when the first process is gone, so are all.
  kill_all_children();
  if (out_) copy(out_, "stdout");
  if (err_) copy(err_, "stderr");
  log_.flush();
  state_.phase = ShimState::Phase::kExited;
  state_.finished_at = clock_.now();
  save();
}

void to_null(int fd, int mode) {
  Fd null(::open("/dev/null", mode | O_CLOEXEC));
  ::dup2(null.get(), fd);
}

}  // namespace

void kill_all_children() {
  for (;;) {
    // Only direct children are named by a pid that cannot be reused under us; killing them makes their own
    // children ours.
    DIR* tasks = ::opendir("/proc");
    if (tasks == nullptr) return;
    pid_t self = ::getpid();
    while (dirent* item = ::readdir(tasks)) {
      auto pid = parse_int<pid_t>(item->d_name);
      if (!pid) continue;
      auto stat = read_file(concat("/proc/", std::string_view(item->d_name), "/stat"));
      if (!stat) continue;
      size_t name_end = stat->rfind(')');
      if (name_end == std::string::npos) continue;
      auto fields = split(std::string_view(*stat).substr(std::min(name_end + 2, stat->size())), ' ');
      if (fields.size() > 1 && parse_int<pid_t>(fields[1]) == self) ::kill(*pid, SIGKILL);
    }
    ::closedir(tasks);
    if (::waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
  }
}

std::string execute(const std::vector<std::string>& argv, const std::vector<std::string>& env) {
  std::vector<char*> arguments, environment;
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& word : argv) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  for (const std::string& entry : env) {
    environment.push_back(const_cast<char*>(entry.c_str()));
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  }
  environment.push_back(nullptr);

  if (argv[0].find('/') != std::string::npos) {
    ::execve(argv[0].c_str(), arguments.data(), environment.data());
    return system_message("exec " + argv[0]);
  }
  int error = ENOENT;
  for (std::string_view directory : split(path, ':')) {
    if (directory.empty()) continue;
    ::execve(concat(directory, "/", argv[0]).c_str(), arguments.data(), environment.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  errno = error;
  return system_message(concat("exec ", argv[0], " (searched in ", path, ")"));
}

int run(const std::string& directory) {
  ::syscall(SYS_close_range, 3, ~0U, 0);
  auto text = read_file(directory + "/spec.json");
  auto spec = text ? parse_shim_spec(*text) : Result<ShimSpec>(fail(text.error()));
  auto report = make_pipe();
  if (!spec || !report) {
    std::fprintf(stderr, "%s\n", spec ? "no pipe" : spec.error().message.c_str());
    return 1;
  }
  pid_t child = ::fork();
  if (child < 0) {
    std::fprintf(stderr, "%s\n", system_message("fork").c_str());
    return 1;
  }
  if (child > 0) {
    report->write.reset();
    char why[4096];
    ssize_t n = ::read(report->read.get(), why, sizeof why);
    if (n == 1 && why[0] == '\n') return 0;
    if (n > 0) std::fwrite(why, 1, static_cast<size_t>(n), stderr);
    return 1;
  }
  report->read.reset();
  ::setsid();
  if (::chdir("/") != 0) return 1;
  to_null(STDIN_FILENO, O_RDONLY);
  to_null(STDOUT_FILENO, O_WRONLY);
  to_null(STDERR_FILENO, O_WRONLY);
  Supervisor supervisor(directory, std::move(*spec));
  std::string error = supervisor.start();
  std::string line = error + "\n";
  (void)!::write(report->write.get(), line.data(), line.size());
  report->write.reset();
  if (!error.empty()) return 1;
  supervisor.supervise();
  return 0;
}

}  // namespace shim

int shim_main(const std::vector<std::string>& args) {
  if (args.size() == 2 && args[0] == "run") return shim::run(args[1]);
  if (args.size() == 2 && args[0] == "probe") return shim::probe(args[1]);
  if (args.size() >= 4 && args[0] == "exec")
    return shim::exec(args[1], parse_int<int64_t>(args[2]).value_or(0), {args.begin() + 3, args.end()});
  std::fputs("usage: shim run DIR | exec DIR TIMEOUT_MS PROGRAM ARGS... | probe DIR\n", stderr);
  return 2;
}

}  // namespace serin::node
