#pragma once

/// Probes without their I/O: what a pod's spec asks for, and what a row of outcomes means. Pure.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "data/json.h"

namespace serin::node {

enum class ProbeKind { kStartup, kReadiness, kLiveness };
/// "Startup", "Readiness", "Liveness"
std::string_view name_of(ProbeKind kind);

/// What to ask the program: also a preStop hook's httpGet or exec.
struct Check {
  enum class Type { kHttp, kTcp, kExec, kGrpc } type = Type::kTcp;
  std::string host;  ///< an address
  int port = 0;
  std::string path = "/";
  bool https = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> command;  ///< kExec
  std::string service;               ///< kGrpc
  /// "http GET http://127.10.0.2:8080/hello", for messages.
  std::string describe() const;
};

struct ProbeSpec {
  Check check;
  Duration initial_delay = std::chrono::seconds(0), period = std::chrono::seconds(10),
           timeout = std::chrono::seconds(1);
  int success_threshold = 1, failure_threshold = 3;
  std::optional<Duration> termination_grace;  ///< instead of the pod's, for a liveness or startup failure
};

struct ContainerProbes {
  std::optional<ProbeSpec> startup, readiness, liveness;
};

/// An httpGet, tcpSocket, exec or grpc handler. Named ports are those of the container. kInvalid says what is
/// wrong with it.
Result<Check> parse_check(const json::value& handler, const json::value& container, const std::string& pod_ip);
/// The probes of a container. kInvalid names the field.
Result<ContainerProbes> parse_probes(const json::value& container, const std::string& pod_ip);

struct Outcome {
  bool ok = false;
  std::string message;  ///< why not
};

/// One probe of one run of a container.
struct ProbeState {
  ProbeKind kind = ProbeKind::kReadiness;
  TimePoint due{};
  bool passing = false;
  bool decided = false;  ///< a threshold was reached once
  bool ever_passed = false;
  bool hurried = false;  ///< the next turn comes sooner than its period
  bool last_ok = false;
  int in_row = 0;        ///< equal outcomes at the end
  std::string message;   ///< of the latest failure
};

ProbeState begin_probe(ProbeKind kind, const ProbeSpec& spec, TimePoint container_started);
/// Counts an outcome. Returns whether `passing` or `decided` changed. A readiness probe that has never passed is
/// asked again sooner than its period at first (250 ms, 500 ms, ...): its failures change nothing yet, and a pod
/// should not wait ten seconds because its program took one to start.
bool count_outcome(ProbeState& state, const ProbeSpec& spec, const Outcome& outcome, TimePoint now);

/// What the probes say of one run of a container.
struct ContainerHealth {
  bool started = true;         ///< no startup probe, or it has passed
  bool ready = true;           ///< started, and no readiness probe or it passes
  std::string not_ready;       ///< "readiness probe http GET ...: connection refused", where it is not ready
  /// The liveness or startup probe has failed for good: the container must be restarted.
  bool unhealthy = false;
  std::string unhealthy_message;
  std::optional<Duration> termination_grace;
};

}  // namespace serin::node
