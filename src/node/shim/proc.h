#pragma once

/// Processes and small files, named so that they cannot be mistaken for others: a process is its pid and the
/// tick it started at, on one boot of the machine. No state; safe from any thread.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "node/shim/fd.h"

namespace serin::node {

/// One process of this boot. A pid alone may be reused; with its start tick (field 22 of /proc/PID/stat) it is
/// the same process or none.
struct ProcessRef {
  pid_t pid = 0;
  uint64_t start_ticks = 0;
  bool operator==(const ProcessRef&) const = default;
};

/// nullopt where no such process exists (a zombie still does).
std::optional<uint64_t> start_ticks(pid_t pid);
std::optional<ProcessRef> process_ref(pid_t pid);
/// The kernel's id of this boot: start ticks of another boot mean nothing.
std::string boot_id();
/// A pidfd of exactly this process; invalid where it is gone.
Fd open_process(const ProcessRef& process);
/// Sends `signal` with `value` attached (sigqueue) to exactly this process. False where it is gone.
bool signal_process(const ProcessRef& process, int signal, int value = 0);
/// Every process whose environment holds `NAME=value` (`entry`), this one left out.
std::vector<ProcessRef> processes_with_environment(std::string_view entry);

Result<std::string> read_file(const std::string& path);
/// Readers see the old content or the new, never a part: a temporary file beside it, then rename. Mode 0600.
Result<void> write_file_atomically(const std::string& path, std::string_view content);
/// Changes a file under its readers and bind mounts: the inode stays. Mode 0644 when made.
Result<void> write_file_in_place(const std::string& path, std::string_view content);

Result<Pipe> make_pipe();
/// "open /x: No such file or directory" for the current errno.
std::string system_message(std::string_view what);
serin::Error system_error(std::string_view what);

}  // namespace serin::node
