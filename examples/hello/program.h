#pragma once

// What both example programs share: who they are, their flags, and waiting for the signal to stop.
//
// Plain values and free functions; everything is called from main(), before or after the threads
// run.

#include <chrono>
#include <cstdint>
#include <string>

namespace serin::hello {

/// Who answers. Empty fields are unknown.
struct Identity {
  std::string pod;      ///< POD_NAME, else HOSTNAME
  std::string hash;     ///< POD_TEMPLATE_HASH, else the pod-template-hash label
  std::string version;  ///< POD_VERSION, else VERSION, else the `version` label
};

/// Reads the environment first, then the labels file of a downward API volume: PODINFO_LABELS, by
/// default /etc/podinfo/labels (lines `key="value"`).
Identity read_identity();

struct Flags {
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;
  /// How long open connections and calls may take to end after the signal to stop.
  std::chrono::seconds drain{10};
};

/// Parses `--address A`, `--port N` (0: any free port) and `--drain SECONDS`. Prints usage and ends
/// the process on --help (status 0) and on anything else (status 2).
Flags parse_flags(int argc, char** argv, std::uint16_t default_port);

/// Keeps SIGTERM and SIGINT from every thread started later, so that wait_for_stop() receives them.
void block_stop_signals();

/// Blocks until SIGTERM or SIGINT arrives.
void wait_for_stop();

}  // namespace serin::hello
