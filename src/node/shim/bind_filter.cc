#include "node/shim/bind_filter.h"

#include <arpa/inet.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "base/strings.h"
#include "node/shim/proc.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace serin::node {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "bind_filter: name this architecture's AUDIT_ARCH"
#endif

int install(unsigned long flags) {
  // Other architectures (32-bit programs) pass: their system calls have other numbers.
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bind, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{std::size(program), program};
  return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

std::string describe(in_addr address, in_port_t port) {
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &address, text, sizeof text);
  return concat(std::string_view(text), ":", ntohs(port));
}

/// The process that owns thread `tid`; pidfd_open takes processes only.
pid_t process_of(int tid) {
  auto status = read_file(concat("/proc/", tid, "/status"));
  if (!status) return 0;
  for (std::string_view line : split(*status, '\n'))
    if (line.starts_with("Tgid:")) return parse_int<pid_t>(trim(line.substr(5))).value_or(0);
  return 0;
}

int bind_v4(int fd, in_addr address, in_port_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr = address;
  to.sin_port = port;
  return ::bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 ? 0 : -errno;
}

int bind_v6(int fd, const in6_addr& address, in_port_t port) {
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_addr = address;
  to.sin6_port = port;
  return ::bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 ? 0 : -errno;
}

int bind_mapped(int fd, in_addr address, in_port_t port) {
  int v6only = 0;
  socklen_t size = sizeof v6only;
  ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &size);
  int off = 0;
  if (v6only != 0) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  in6_addr mapped{};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  std::memcpy(&mapped.s6_addr[12], &address, sizeof address);
  int result = bind_v6(fd, mapped, port);
  if (result != -EADDRINUSE || v6only == 0) return result;
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
  return bind_v6(fd, in6addr_any, 0);
}

}  // namespace

Result<Fd> install_bind_filter() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(system_error("no_new_privs"));
  // A waiting bind that signals cannot restart half-way, where the kernel (5.19) knows how.
  int fd = install(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (fd < 0 && errno == EINVAL) fd = install(SECCOMP_FILTER_FLAG_NEW_LISTENER);
  if (fd < 0) return fail(system_error("seccomp user notification"));
  return Fd(fd);
}

BindMover::BindMover(Fd listener, in_addr pod_address, std::function<void(std::string)> on_taken)
    : listener_(std::move(listener)), pod_address_(pod_address), on_taken_(std::move(on_taken)) {}

bool BindMover::still_waits(uint64_t id) const {
  return ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

std::optional<int> BindMover::move(uint64_t id, int tid, int socket, uint64_t address, uint64_t length) {
  sockaddr_storage wanted{};
  size_t size = std::min<size_t>(length, sizeof wanted);
  iovec local{&wanted, size};
  iovec remote{reinterpret_cast<void*>(address), size};
  ssize_t n = ::process_vm_readv(tid, &local, 1, &remote, 1, 0);
  if (n < static_cast<ssize_t>(sizeof(sa_family_t)) || !still_waits(id)) return std::nullopt;

  in_port_t port = 0;
  if (wanted.ss_family == AF_INET && n >= static_cast<ssize_t>(sizeof(sockaddr_in))) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(wanted);
    if (v4.sin_addr.s_addr != htonl(INADDR_ANY)) return std::nullopt;
    port = v4.sin_port;
  } else if (wanted.ss_family == AF_INET6 && n >= static_cast<ssize_t>(sizeof(sockaddr_in6))) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(wanted);
    if (!IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)) return std::nullopt;
    port = v6.sin6_port;
  }
  if (port == 0) return std::nullopt;  // an ephemeral port collides with nobody

  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, process_of(tid), 0)));
  if (!process || !still_waits(id)) return std::nullopt;
  Fd taken(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), socket, 0)));
  if (!taken) return std::nullopt;

  int result = wanted.ss_family == AF_INET ? bind_v4(taken.get(), pod_address_, port)
                                           : bind_mapped(taken.get(), pod_address_, port);
  if (result == -EADDRINUSE)
    on_taken_(concat(describe(pod_address_, port), ": ", std::string_view(std::strerror(EADDRINUSE))));
  return result;
}

bool BindMover::answer_one() {
  seccomp_notif_sizes sizes{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) return false;
  // The kernel may know longer messages than this program was built with.
  std::vector<char> request_bytes(std::max<size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)));
  std::vector<char> answer_bytes(std::max<size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)));
  auto* request = reinterpret_cast<seccomp_notif*>(request_bytes.data());
  auto* answer = reinterpret_cast<seccomp_notif_resp*>(answer_bytes.data());

  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request) != 0)
    return errno == EINTR || errno == ENOENT || errno == EAGAIN;  // the caller is gone: nothing to answer

  auto result = move(request->id, static_cast<int>(request->pid), static_cast<int>(request->data.args[0]),
                     request->data.args[1], request->data.args[2]);
  answer->id = request->id;
  if (result) {
    answer->error = *result;
  } else {
    answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  }
  ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, answer);
  return true;
}

}  // namespace serin::node
