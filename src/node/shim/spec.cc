#include "node/shim/spec.h"

#include "base/time.h"
#include "data/json.h"

namespace serin::node {
namespace {

json::array to_array(const std::vector<std::string>& values) {
  json::array out;
  for (const std::string& value : values) out.emplace_back(value);
  return out;
}

std::vector<std::string> strings(const json::value& doc, std::string_view field) {
  std::vector<std::string> out;
  for (const json::value& item : json::items(doc, field)) out.emplace_back(json::as_string(&item));
  return out;
}

json::object to_object(const ProcessRef& process) {
  return {{"pid", process.pid}, {"startTicks", process.start_ticks}};
}

ProcessRef process_at(const json::value& doc, std::string_view field) {
  return {static_cast<pid_t>(json::get_int(doc, 0, field, "pid")),
          static_cast<uint64_t>(json::get_int(doc, 0, field, "startTicks"))};
}

constexpr std::string_view kPhases[] = {"starting", "running", "exited"};

}  // namespace

std::string to_json(const ShimSpec& spec) {
  json::array mounts;
  for (const Mount& mount : spec.mounts)
    mounts.push_back(json::object{
        {"source", mount.source}, {"target", mount.target}, {"readOnly", mount.read_only}});
  return json::dump(json::object{{"id", spec.id},
                                 {"argv", to_array(spec.argv)},
                                 {"env", to_array(spec.env)},
                                 {"cwd", spec.cwd},
                                 {"podIP", spec.pod_ip},
                                 {"hostsFile", spec.hosts_file},
                                 {"mounts", std::move(mounts)},
                                 {"namespaces", spec.namespaces},
                                 {"moveBinds", spec.move_binds},
                                 {"logPath", spec.log_path},
                                 {"logMaxBytes", spec.log_max_bytes},
                                 {"logFiles", spec.log_files},
                                 {"crashes", spec.crashes}});
}

Result<ShimSpec> parse_shim_spec(std::string_view text) {
  json::value doc = SERIN_TRY(json::parse(text));
  ShimSpec spec;
  spec.id = json::get_string(doc, "id");
  spec.argv = strings(doc, "argv");
  spec.env = strings(doc, "env");
  spec.cwd = json::get_string(doc, "cwd");
  spec.pod_ip = json::get_string(doc, "podIP");
  spec.hosts_file = json::get_string(doc, "hostsFile");
  for (const json::value& mount : json::items(doc, "mounts"))
    spec.mounts.push_back({std::string(json::get_string(mount, "source")),
                           std::string(json::get_string(mount, "target")),
                           json::get_bool(mount, false, "readOnly")});
  spec.namespaces = json::get_bool(doc, false, "namespaces");
  spec.move_binds = json::get_bool(doc, false, "moveBinds");
  spec.log_path = json::get_string(doc, "logPath");
  spec.log_max_bytes = json::get_int(doc, spec.log_max_bytes, "logMaxBytes");
  spec.log_files = static_cast<int>(json::get_int(doc, spec.log_files, "logFiles"));
  spec.crashes = json::get_int(doc, 0, "crashes");
  if (spec.id.empty() || spec.argv.empty() || spec.log_path.empty())
    return fail(Code::kInvalid, "container spec: id, argv and logPath are required");
  return spec;
}

std::string to_json(const ShimState& state) {
  json::object doc{{"phase", kPhases[static_cast<int>(state.phase)]},
                   {"boot", state.boot},
                   {"shim", to_object(state.shim)},
                   {"process", to_object(state.process)},
                   {"exitCode", state.exit_code},
                   {"signal", state.signal},
                   {"error", state.error},
                   {"bindFailures", to_array(state.bind_failures)}};
  if (state.started_at) doc["startedAt"] = format_micro_time(*state.started_at);
  if (state.finished_at) doc["finishedAt"] = format_micro_time(*state.finished_at);
  return json::dump(doc);
}

Result<ShimState> parse_shim_state(std::string_view text) {
  json::value doc = SERIN_TRY(json::parse(text));
  ShimState state;
  std::string_view phase = json::get_string(doc, "phase");
  for (int i = 0; i < 3; ++i)
    if (kPhases[i] == phase) state.phase = static_cast<ShimState::Phase>(i);
  state.boot = json::get_string(doc, "boot");
  state.shim = process_at(doc, "shim");
  state.process = process_at(doc, "process");
  state.started_at = parse_time(json::get_string(doc, "startedAt"));
  state.finished_at = parse_time(json::get_string(doc, "finishedAt"));
  state.exit_code = static_cast<int>(json::get_int(doc, 0, "exitCode"));
  state.signal = static_cast<int>(json::get_int(doc, 0, "signal"));
  state.error = json::get_string(doc, "error");
  state.bind_failures = strings(doc, "bindFailures");
  return state;
}

}  // namespace serin::node
