#include "node/shim/isolation.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <filesystem>

#include "base/strings.h"

namespace serin::node {
namespace {

namespace fs = std::filesystem;

/// A directory with more entries is not copied: each costs a mount.
constexpr int kMaxShownEntries = 4096;

Result<void> write_once(const std::string& path, const std::string& text) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail(system_error("write " + path));
  return {};
}

Result<void> unshare_mounts() {
  if (::unshare(CLONE_NEWNS) == 0) return {};
  if (errno != EPERM) return fail(system_error("new mount namespace"));
  uid_t uid = ::geteuid();
  gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
    return fail(system_error("new user namespace"));
  SERIN_TRY(write_once("/proc/self/setgroups", "deny"));
  SERIN_TRY(write_once("/proc/self/uid_map", concat(uid, " ", uid, " 1")));
  SERIN_TRY(write_once("/proc/self/gid_map", concat(gid, " ", gid, " 1")));
  return {};
}

Result<void> bind_mount(const std::string& source, const std::string& target, bool read_only = false) {
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return fail(system_error(concat("mount ", source, " at ", target)));
  if (!read_only) return {};
  // A remount must keep the flags of the mount below, which an unprivileged user may not drop.
  unsigned long kept = 0;
  if (::mount(nullptr, target.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kept, nullptr) == 0) return {};
  kept = MS_NOSUID | MS_NODEV;
  if (::mount(nullptr, target.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kept, nullptr) != 0)
    return fail(system_error(concat("make ", target, " read-only")));
  return {};
}

/// Shows every entry of `from` (a directory) in `to` (an empty one).
Result<void> show_entries(const std::string& from, const std::string& to) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(from.c_str()), ::closedir);
  if (!dir) return fail(system_error("read " + from));
  int count = 0;
  while (dirent* item = ::readdir(dir.get())) {
    std::string name = item->d_name;
    if (name == "." || name == "..") continue;
    if (++count > kMaxShownEntries)
      return fail(Code::kInvalid, concat(from, " has too many entries to add a mount point to it"));
    std::string source = concat(from, "/", name), target = concat(to, "/", name);
    struct stat info{};
    if (::lstat(source.c_str(), &info) != 0) continue;
    if (S_ISLNK(info.st_mode)) {
      std::error_code ignored;
      fs::copy_symlink(source, target, ignored);
      continue;
    }
    if (S_ISDIR(info.st_mode)) {
      ::mkdir(target.c_str(), 0755);
    } else {
      Fd made(::open(target.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    }
    SERIN_TRY(bind_mount(source, target));
  }
  return {};
}

Result<void> mount_tmpfs(const std::string& at) {
  if (::mount("tmpfs", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
    return fail(system_error("mount tmpfs at " + at));
  return {};
}

constexpr const char* kOldRoot = "/.old";

/// Replaces the root by a tmpfs that shows the same entries, so that one more can be made. The old root stays at
/// kOldRoot until the last mount, because descriptors held open lead there.
Result<void> copy_root(const std::string& scratch) {
  SERIN_TRY(mount_tmpfs(scratch));
  SERIN_TRY(show_entries("/", scratch));
  std::string old = scratch + kOldRoot;
  ::mkdir(old.c_str(), 0700);
  if (::syscall(SYS_pivot_root, scratch.c_str(), old.c_str()) != 0) return fail(system_error("pivot_root"));
  if (::chdir("/") != 0) return fail(system_error("enter the new root"));
  return {};
}

Result<void> copy_directory(const std::string& path) {
  Fd original(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!original) return fail(system_error("open " + path));
  SERIN_TRY(mount_tmpfs(path));
  return show_entries(concat("/proc/self/fd/", original.get()), path);
}

/// Makes `target` exist as a place to mount on.
Result<void> provide(const std::string& target, bool directory, const std::string& scratch, bool& root_copied) {
  std::error_code error;
  if (fs::exists(target, error)) return {};
  fs::path ancestor = fs::path(target).parent_path();
  while (!fs::exists(ancestor, error)) ancestor = ancestor.parent_path();
  struct stat info{};
  bool ours = ::stat(ancestor.c_str(), &info) == 0 && (root_copied && ancestor == "/");
  if (!ours) {
    if (ancestor == "/") {
      SERIN_TRY(copy_root(scratch));
      root_copied = true;
    } else {
      SERIN_TRY(copy_directory(ancestor));
    }
  }
  fs::create_directories(directory ? fs::path(target) : fs::path(target).parent_path(), error);
  if (error) return fail(Code::kInternal, concat("make ", target, ": ", error.message()));
  if (!directory) Fd made(::open(target.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  return {};
}

}  // namespace

Result<void> enter_namespaces(const std::string& hosts_file, const std::vector<Mount>& mounts,
                              const std::string& scratch) {
  SERIN_TRY(unshare_mounts());
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail(system_error("private mounts"));
  // Sources are held open: a mount must not hide the source of a later one.
  struct Held {
    const Mount* mount;
    Fd source;
    bool directory;
  };
  std::vector<Held> held;
  for (const Mount& mount : mounts) {
    Fd source(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
    struct stat info{};
    if (!source || ::fstat(source.get(), &info) != 0) return fail(system_error("open " + mount.source));
    held.push_back({&mount, std::move(source), S_ISDIR(info.st_mode)});
  }
  Fd hosts;
  if (!hosts_file.empty()) {
    hosts = Fd(::open(hosts_file.c_str(), O_PATH | O_CLOEXEC));
    if (!hosts) return fail(system_error("open " + hosts_file));
  }
  bool root_copied = false;
  for (const Held& item : held) {
    SERIN_TRY(provide(item.mount->target, item.directory, scratch, root_copied));
    SERIN_TRY(bind_mount(concat("/proc/self/fd/", item.source.get()), item.mount->target, item.mount->read_only));
  }
  if (hosts) SERIN_TRY(bind_mount(concat("/proc/self/fd/", hosts.get()), "/etc/hosts"));
  if (root_copied) {
    if (::umount2(kOldRoot, MNT_DETACH) != 0) return fail(system_error("leave the old root"));
    ::rmdir(kOldRoot);
  }
  return {};
}

Result<void> join_namespaces(pid_t pid) {
  auto open_ns = [&](std::string_view name) {
    return Fd(::open(concat("/proc/", static_cast<long>(pid), "/ns/", name).c_str(), O_RDONLY | O_CLOEXEC));
  };
  auto inode = [](int fd) {
    struct stat info{};
    return ::fstat(fd, &info) == 0 ? info.st_ino : 0;
  };
  Fd user = open_ns("user"), mount = open_ns("mnt");
  if (!mount) return fail(system_error("open the container's namespaces"));
  Fd own(::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
  if (user && own && inode(user.get()) != inode(own.get()) && ::setns(user.get(), CLONE_NEWUSER) != 0)
    return fail(system_error("join the container's user namespace"));
  if (::setns(mount.get(), CLONE_NEWNS) != 0) return fail(system_error("join the container's mount namespace"));
  return {};
}

}  // namespace serin::node
