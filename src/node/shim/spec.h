#pragma once

/// What a shim is told and what it reports: two small JSON files in the container's directory. They are the
/// only link between the agent and the containers that outlive it, so both sides read them leniently.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "node/shim/proc.h"

namespace serin::node {

/// The environment entry by which every process of a container is known, whatever became of its shim.
inline constexpr std::string_view kContainerVariable = "SERIN_CONTAINER_ID";

/// A directory or file shown at another place inside the container's mount namespace.
struct Mount {
  std::string source;  ///< absolute path outside
  std::string target;  ///< absolute path inside
  bool read_only = false;
  bool operator==(const Mount&) const = default;
};

struct ShimSpec {
  std::string id;                        ///< "POD-UID/CONTAINER/ATTEMPT"
  std::vector<std::string> argv;
  std::vector<std::string> env;          ///< "NAME=value", the whole environment
  std::string cwd = "/";
  std::string pod_ip;                    ///< IPv4; wildcard binds go there
  std::string hosts_file;                ///< shown as /etc/hosts; empty: the machine's own
  std::vector<Mount> mounts;
  bool namespaces = true;                ///< false: neither hosts file nor mounts
  bool move_binds = true;                ///< false: wildcard binds stay where they are
  std::string log_path;
  int64_t log_max_bytes = 10 << 20;      ///< rotated past this
  int log_files = 5;                     ///< kept, the current one included
  int64_t crashes = 0;                   ///< the agent's own note: quick exits in a row before this start
};

std::string to_json(const ShimSpec& spec);
Result<ShimSpec> parse_shim_spec(std::string_view text);

struct ShimState {
  enum class Phase { kStarting, kRunning, kExited } phase = Phase::kStarting;
  std::string boot;      ///< boot_id() it was written under
  ProcessRef shim;
  ProcessRef process;
  std::optional<TimePoint> started_at, finished_at;
  int exit_code = 0;     ///< 128 + signal for a process that a signal ended
  int signal = 0;
  std::string error;     ///< why it could not start; empty: it did
  /// Binds that failed because the address was taken: "127.10.0.4:8080: Address already in use".
  std::vector<std::string> bind_failures;
};

std::string to_json(const ShimState& state);
Result<ShimState> parse_shim_state(std::string_view text);

}  // namespace serin::node
