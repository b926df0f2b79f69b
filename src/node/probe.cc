#include "node/probe.h"

#include "base/strings.h"

namespace serin::node {
namespace {

constexpr Duration kFirstEagerWait = std::chrono::milliseconds(250);

Result<int> resolve_port(const json::value* port, const json::value& container) {
  if (auto number = json::as_int(port); number && *number > 0 && *number < 65536) return static_cast<int>(*number);
  std::string_view name = json::as_string(port);
  for (const json::value& item : json::items(container, "ports"))
    if (!name.empty() && json::get_string(item, "name") == name)
      return static_cast<int>(json::get_int(item, 0, "containerPort"));
  if (auto number = parse_int<int>(name); number && *number > 0 && *number < 65536) return *number;
  return fail(Code::kInvalid, name.empty() ? "port: must be between 1 and 65535"
                                           : concat("port: the container has no port named ", name));
}

Result<std::optional<ProbeSpec>> parse_probe(const json::value& container, std::string_view field,
                                             const std::string& pod_ip) {
  const json::value* probe = json::find(container, field);
  if (probe == nullptr || !probe->is_object()) return std::nullopt;
  ProbeSpec spec;
  auto check = parse_check(*probe, container, pod_ip);
  if (!check) return fail(Code::kInvalid, concat(field, ": ", check.error().message));
  spec.check = std::move(*check);
  auto seconds = [&](std::string_view name, int64_t otherwise) {
    return std::chrono::seconds(std::max<int64_t>(0, json::get_int(*probe, otherwise, name)));
  };
  spec.initial_delay = seconds("initialDelaySeconds", 0);
  spec.period = std::max(std::chrono::seconds(1), seconds("periodSeconds", 10));
  spec.timeout = std::max(std::chrono::seconds(1), seconds("timeoutSeconds", 1));
  spec.success_threshold = static_cast<int>(std::max<int64_t>(1, json::get_int(*probe, 1, "successThreshold")));
  spec.failure_threshold = static_cast<int>(std::max<int64_t>(1, json::get_int(*probe, 3, "failureThreshold")));
  if (json::find(*probe, "terminationGracePeriodSeconds") != nullptr)
    spec.termination_grace = seconds("terminationGracePeriodSeconds", 0);
  return spec;
}

}  // namespace

std::string_view name_of(ProbeKind kind) {
  constexpr std::string_view kNames[] = {"Startup", "Readiness", "Liveness"};
  return kNames[static_cast<int>(kind)];
}

std::string Check::describe() const {
  switch (type) {
    case Type::kHttp:
      return concat("http GET ", https ? "https" : "http", "://", host, ":", port, path);
    case Type::kTcp:
      return concat("tcp ", host, ":", port);
    case Type::kGrpc:
      return concat("grpc ", host, ":", port, service.empty() ? "" : " ", service);
    case Type::kExec:
      return concat("exec ", join(command, " "));
  }
  return "";
}

Result<Check> parse_check(const json::value& handler, const json::value& container, const std::string& pod_ip) {
  Check check;
  check.host = pod_ip;
  if (const json::value* http = json::find(handler, "httpGet")) {
    check.type = Check::Type::kHttp;
    check.port = SERIN_TRY(resolve_port(json::find(*http, "port"), container));
    if (auto host = json::get_string(*http, "host"); !host.empty()) check.host = host;
    if (auto path = json::get_string(*http, "path"); !path.empty()) check.path = path;
    if (!check.path.starts_with('/')) check.path.insert(0, "/");
    check.https = lower(json::get_string(*http, "scheme")) == "https";
    for (const json::value& header : json::items(*http, "httpHeaders"))
      check.headers.emplace_back(json::get_string(header, "name"), json::get_string(header, "value"));
    return check;
  }
  if (const json::value* tcp = json::find(handler, "tcpSocket")) {
    check.type = Check::Type::kTcp;
    check.port = SERIN_TRY(resolve_port(json::find(*tcp, "port"), container));
    if (auto host = json::get_string(*tcp, "host"); !host.empty()) check.host = host;
    return check;
  }
  if (const json::value* grpc = json::find(handler, "grpc")) {
    check.type = Check::Type::kGrpc;
    check.port = SERIN_TRY(resolve_port(json::find(*grpc, "port"), container));
    check.service = json::get_string(*grpc, "service");
    return check;
  }
  if (const json::value* exec = json::find(handler, "exec")) {
    check.type = Check::Type::kExec;
    for (const json::value& word : json::items(*exec, "command")) check.command.emplace_back(json::as_string(&word));
    if (check.command.empty()) return fail(Code::kInvalid, "exec.command: must not be empty");
    return check;
  }
  return fail(Code::kInvalid, "must have one of httpGet, tcpSocket, exec, grpc");
}

Result<ContainerProbes> parse_probes(const json::value& container, const std::string& pod_ip) {
  ContainerProbes probes;
  probes.startup = SERIN_TRY(parse_probe(container, "startupProbe", pod_ip));
  probes.readiness = SERIN_TRY(parse_probe(container, "readinessProbe", pod_ip));
  probes.liveness = SERIN_TRY(parse_probe(container, "livenessProbe", pod_ip));
  return probes;
}

ProbeState begin_probe(ProbeKind kind, const ProbeSpec& spec, TimePoint container_started) {
  ProbeState state;
  state.kind = kind;
  state.due = container_started + spec.initial_delay;
  state.passing = kind == ProbeKind::kLiveness;
  return state;
}

bool count_outcome(ProbeState& state, const ProbeSpec& spec, const Outcome& outcome, TimePoint now) {
  state.in_row = state.in_row > 0 && state.last_ok == outcome.ok ? state.in_row + 1 : 1;
  state.last_ok = outcome.ok;
  if (!outcome.ok) state.message = outcome.message;
  // Periods count from the due time, so that slow answers don't stretch them, but never pile up.
  Duration wait = spec.period;
  state.ever_passed = state.ever_passed || outcome.ok;
  if (state.kind == ProbeKind::kReadiness && !state.ever_passed && state.in_row < 16)
    wait = std::min(wait, kFirstEagerWait * (1 << (state.in_row - 1)));
  state.hurried = wait < spec.period;
  state.due = std::max(state.due + wait, now);
  if (state.in_row < (outcome.ok ? spec.success_threshold : spec.failure_threshold)) return false;
  bool changed = !state.decided || state.passing != outcome.ok;
  state.passing = outcome.ok;
  state.decided = true;
  return changed;
}

}  // namespace serin::node
