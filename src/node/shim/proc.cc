#include "node/shim/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"

namespace serin::node {

std::string system_message(std::string_view what) {
  int error = errno;
  return concat(what, ": ", std::string_view(std::strerror(error)));
}

serin::Error system_error(std::string_view what) {
  return Error{Code::kInternal, system_message(what), {}, {}, false};
}

Result<std::string> read_file(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    Code code = errno == ENOENT ? Code::kNotFound : Code::kInternal;
    return fail(code, system_message("open " + path));
  }
  std::string text;
  char buffer[8192];
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("read " + path));
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
}

namespace {

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

Result<void> write_file_atomically(const std::string& path, std::string_view content) {
  std::string temporary = concat(path, ".tmp", static_cast<long>(::getpid()));
  {
    Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) return fail(system_error("open " + temporary));
    if (!write_all(fd.get(), content)) return fail(system_error("write " + temporary));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(system_error("rename " + temporary));
  return {};
}

Result<void> write_file_in_place(const std::string& path, std::string_view content) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return fail(system_error("open " + path));
  if (!write_all(fd.get(), content)) return fail(system_error("write " + path));
  if (::ftruncate(fd.get(), static_cast<off_t>(content.size())) != 0)
    return fail(system_error("truncate " + path));
  return {};
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("pipe"));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

std::optional<uint64_t> start_ticks(pid_t pid) {
  auto stat = read_file(concat("/proc/", static_cast<long>(pid), "/stat"));
  if (!stat) return std::nullopt;
  size_t name_end = stat->rfind(')');  // the name may hold spaces and parentheses
  if (name_end == std::string::npos || name_end + 2 > stat->size()) return std::nullopt;
  auto fields = split(std::string_view(*stat).substr(name_end + 2), ' ');
  constexpr size_t kStartTime = 22 - 3;  // fields count from 1; the first here is the third
  if (fields.size() <= kStartTime) return std::nullopt;
  return parse_int<uint64_t>(fields[kStartTime]);
}

std::optional<ProcessRef> process_ref(pid_t pid) {
  auto ticks = start_ticks(pid);
  if (!ticks) return std::nullopt;
  return ProcessRef{pid, *ticks};
}

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id");
  return text ? std::string(trim(*text)) : std::string();
}

Fd open_process(const ProcessRef& process) {
  if (process.pid <= 0) return Fd();
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  // The pidfd pins the pid; only now does the comparison prove anything.
  if (fd && start_ticks(process.pid) != process.start_ticks) return Fd();
  return fd;
}

bool signal_process(const ProcessRef& process, int signal, int value) {
  Fd fd = open_process(process);
  if (!fd) return false;
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = value;
  return ::syscall(SYS_pidfd_send_signal, fd.get(), signal, &info, 0) == 0;
}

std::vector<ProcessRef> processes_with_environment(std::string_view entry) {
  std::vector<ProcessRef> found;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return found;
  while (dirent* item = ::readdir(proc)) {
    auto pid = parse_int<pid_t>(item->d_name);
    if (!pid || *pid == ::getpid()) continue;
    auto process = process_ref(*pid);
    auto environment = read_file(concat("/proc/", std::string_view(item->d_name), "/environ"));
    if (!process || !environment) continue;
    for (std::string_view line : split(*environment, '\0')) {
      if (line != entry) continue;
      found.push_back(*process);
      break;
    }
  }
  ::closedir(proc);
  return found;
}

}  // namespace serin::node
