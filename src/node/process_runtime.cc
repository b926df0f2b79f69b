#include "node/process_runtime.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/strings.h"
#include "data/json.h"
#include "node/spawn.h"

namespace serin::node {

namespace fs = std::filesystem;

std::string ContainerId::str() const { return concat(pod_uid, "/", container, "/", attempt); }

namespace {

constexpr std::string_view kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Result<void> make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail(Code::kInternal, concat("make directory ", path, ": ", error.message()));
  return {};
}

std::vector<std::string> entries(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) names.push_back(entry.path().filename());
  return names;
}

/// Names become path components: nothing that leads elsewhere.
Result<void> check_name(std::string_view what, std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos)
    return fail(Code::kInvalid, concat(what, " ", name, " cannot be a file name"));
  return {};
}

}  // namespace

ProcessRuntime::ProcessRuntime(ProcessRuntimeOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), boot_(boot_id()), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Result<std::unique_ptr<ProcessRuntime>> ProcessRuntime::open(ProcessRuntimeOptions options, const Clock& clock) {
  SERIN_TRY(make_directory(options.directory + "/pods"));
  ::chmod(options.directory.c_str(), 0700);
  std::unique_ptr<ProcessRuntime> runtime(new ProcessRuntime(std::move(options), clock));
  SERIN_TRY(runtime->probe_limits());
  runtime->adopt();
  runtime->watcher_ = std::thread([raw = runtime.get()] { raw->watch(); });
  return runtime;
}

ProcessRuntime::~ProcessRuntime() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (watcher_.joinable()) watcher_.join();
}

Result<void> ProcessRuntime::probe_limits() {
  std::vector<std::string> argv = options_.shim_command;
  argv.insert(argv.end(), {"probe", options_.directory});
  SpawnResult probed = SERIN_TRY(spawn_and_wait(argv, {std::string(kPath)}));
  auto doc = json::parse(probed.output);
  if (probed.exit_code != 0 || !doc)
    return fail(Code::kInternal, concat("container supervisor ", argv[0], ": ", trim(probed.output)));
  limits_.no_namespaces = json::get_string(*doc, "namespaces");
  limits_.no_bind_moves = json::get_string(*doc, "moveBinds");
  return {};
}

std::string ProcessRuntime::container_directory(const ContainerId& id) const {
  return concat(pod_directory(id.pod_uid), "/containers/", id.container, "/", id.attempt);
}

std::string ProcessRuntime::log_path(const ContainerId& id) const {
  return concat(pod_directory(id.pod_uid), "/logs/", id.container, "/", id.attempt, ".log");
}

void ProcessRuntime::wake() {
  uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void ProcessRuntime::end_leftovers(const ContainerId& id) {
  // A process may fork between the look and the kill: look again until there is none.
  for (int round = 0; round < 100; ++round) {
    auto left = processes_with_environment(concat(kContainerVariable, "=", id.str()));
    if (left.empty()) return;
    for (const ProcessRef& process : left) signal_process(process, SIGKILL);
    std::this_thread::yield();
  }
}

ProcessRuntime::Container ProcessRuntime::read_container(const std::string& pod_uid, const std::string& name,
                                                         int attempt) {
  Container out;
  ContainerRecord& record = out.record;
  record.id = {pod_uid, name, attempt};
  record.log_path = log_path(record.id);
  std::string directory = container_directory(record.id);
  auto spec_text = read_file(directory + "/spec.json");
  auto spec = spec_text ? parse_shim_spec(*spec_text) : Result<ShimSpec>(fail(spec_text.error()));
  if (spec) record.crashes = spec->crashes;
  auto read_state = [&]() -> Result<ShimState> {
    return parse_shim_state(SERIN_TRY(read_file(directory + "/state.json")));
  };
  auto state = read_state();
  if (state && state->phase == ShimState::Phase::kRunning && state->boot == boot_) {
    out.shim = state->shim;
    out.shim_handle = open_process(state->shim);
    if (!out.shim_handle) state = read_state();  // it may have ended between the two looks
  }

  if (state) {
    record.started_at = state->started_at.value_or(clock_.now());
    record.bind_failures = state->bind_failures;
    if (state->phase == ShimState::Phase::kExited) {
      record.state = ContainerRecord::State::kExited;
      record.finished_at = state->finished_at.value_or(record.started_at);
      record.exit_code = state->exit_code;
      record.signal = state->signal;
      record.start_error = state->error;
      return out;
    }
    if (out.shim_handle) return out;
  }
  if (!state || state->boot == boot_) end_leftovers(record.id);
  record.state = ContainerRecord::State::kExited;
  record.lost = true;
  if (!state) record.started_at = clock_.now();
  record.finished_at = clock_.now();
  record.exit_code = 137;

  ShimState gone = state ? *state : ShimState{};
  gone.phase = ShimState::Phase::kExited;
  gone.finished_at = record.finished_at;
  gone.started_at = record.started_at;
  gone.exit_code = record.exit_code;
  (void)write_file_atomically(directory + "/state.json", to_json(gone));
  return out;
}

void ProcessRuntime::adopt() {
  for (const std::string& uid : entries(options_.directory + "/pods")) {
    Pod pod;
    pod.spec.pod_uid = uid;
    if (auto text = read_file(pod_directory(uid) + "/sandbox.json")) {
      if (auto doc = json::parse(*text)) {
        pod.spec.ns = json::get_string(*doc, "namespace");
        pod.spec.pod_name = json::get_string(*doc, "name");
        pod.spec.ip = json::get_string(*doc, "ip");
        pod.spec.hosts_file = json::get_string(*doc, "hostsFile");
      }
    }
    for (const std::string& name : entries(pod_directory(uid) + "/containers"))
      for (const std::string& attempt : entries(concat(pod_directory(uid), "/containers/", name)))
        if (auto number = parse_int<int>(attempt))
          pod.containers[{name, *number}] = read_container(uid, name, *number);
    pods_[uid] = std::move(pod);
  }
}

Result<void> ProcessRuntime::start_sandbox(const SandboxSpec& spec) {
  SERIN_TRY(check_name("pod uid", spec.pod_uid));
  SERIN_TRY(make_directory(pod_directory(spec.pod_uid)));
  SERIN_TRY(write_file_atomically(pod_directory(spec.pod_uid) + "/sandbox.json",
                                  json::dump(json::object{{"namespace", spec.ns},
                                                          {"name", spec.pod_name},
                                                          {"ip", spec.ip},
                                                          {"hostsFile", spec.hosts_file}})));
  std::lock_guard lock(mutex_);
  pods_[spec.pod_uid].spec = spec;
  return {};
}

Result<void> ProcessRuntime::start_container(const ContainerSpec& spec) {
  SERIN_TRY(check_name("container", spec.id.container));
  ShimSpec shim;
  {
    std::lock_guard lock(mutex_);
    auto pod = pods_.find(spec.id.pod_uid);
    if (pod == pods_.end()) return fail(Code::kNotFound, concat("no sandbox for pod ", spec.id.pod_uid));
    if (pod->second.containers.contains({spec.id.container, spec.id.attempt}))
      return fail(Code::kAlreadyExists, concat("container ", spec.id.str(), " was started before"));
    shim.pod_ip = pod->second.spec.ip;
    shim.hosts_file = pod->second.spec.hosts_file;
  }
  shim.id = spec.id.str();
  shim.argv = spec.argv;
  shim.env = spec.env;
  shim.env.push_back(concat(kContainerVariable, "=", shim.id));
  if (!spec.cwd.empty()) shim.cwd = spec.cwd;
  shim.mounts = spec.mounts;
  shim.namespaces = limits_.no_namespaces.empty();
  shim.move_binds = limits_.no_bind_moves.empty();
  shim.log_path = log_path(spec.id);
  shim.log_max_bytes = options_.log_max_bytes;
  shim.log_files = options_.log_files;
  shim.crashes = spec.crashes;

  std::string directory = container_directory(spec.id);
  SERIN_TRY(make_directory(directory + "/root"));
  SERIN_TRY(make_directory(fs::path(shim.log_path).parent_path()));
  SERIN_TRY(write_file_atomically(directory + "/spec.json", to_json(shim)));
  std::vector<std::string> argv = options_.shim_command;
  argv.insert(argv.end(), {"run", directory});
  auto started = spawn_and_wait(argv, {std::string(kPath), shim.env.back()});

  Container container = read_container(spec.id.pod_uid, spec.id.container, spec.id.attempt);
  std::string error;
  if (!started) {
    error = started.error().message;
  } else if (started->exit_code != 0) {
    error = trim(started->output);
  }
  if (!error.empty() && container.record.start_error.empty() &&
      container.record.state == ContainerRecord::State::kExited)
    container.record.start_error = error;
  bool over = container.record.state == ContainerRecord::State::kExited;
  {
    std::lock_guard lock(mutex_);
    Pod& pod = pods_[spec.id.pod_uid];
    pod.containers[{spec.id.container, spec.id.attempt}] = std::move(container);
    prune(pod, spec.id.container);
  }
  wake();
  if (!error.empty()) return fail(Code::kInternal, error);
  if (over) tell(spec.id.pod_uid);  // it ended before the watcher knew of it
  return {};
}

void ProcessRuntime::tell(const std::string& pod_uid) {
  std::lock_guard lock(callback_mutex_);
  if (changed_) changed_(pod_uid);
}

void ProcessRuntime::prune(Pod& pod, const std::string& container) {
  std::vector<int> attempts;
  for (const auto& [key, item] : pod.containers)
    if (key.first == container) attempts.push_back(key.second);
  for (size_t i = 0; i + static_cast<size_t>(options_.kept_attempts) < attempts.size(); ++i) {
    auto found = pod.containers.find({container, attempts[i]});
    if (found->second.record.state == ContainerRecord::State::kRunning) continue;
    std::error_code ignored;
    fs::remove_all(container_directory(found->second.record.id), ignored);
    std::string log = found->second.record.log_path;
    fs::remove(log, ignored);
    for (int file = 1; file < options_.log_files; ++file) fs::remove(concat(log, ".", file), ignored);
    pod.containers.erase(found);
  }
}

Result<void> ProcessRuntime::stop(const ContainerId& id, Duration grace) {
  ProcessRef shim;
  {
    std::lock_guard lock(mutex_);
    auto pod = pods_.find(id.pod_uid);
    auto container = pod == pods_.end() ? decltype(pod->second.containers.end()){}
                                        : pod->second.containers.find({id.container, id.attempt});
    if (pod == pods_.end() || container == pod->second.containers.end() ||
        container->second.record.state != ContainerRecord::State::kRunning)
      return fail(Code::kNotFound, concat("container ", id.str(), " does not run"));
    shim = container->second.shim;
  }
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(grace).count();
  signal_process(shim, SIGTERM, static_cast<int>(std::clamp<int64_t>(ms, 0, INT32_MAX)));
  return {};
}

Sandbox ProcessRuntime::snapshot(const Pod& pod) {
  Sandbox out{pod.spec, {}};
  for (const auto& [key, container] : pod.containers) out.containers.push_back(container.record);
  return out;
}

std::vector<Sandbox> ProcessRuntime::list() {
  std::lock_guard lock(mutex_);
  std::vector<Sandbox> out;
  for (const auto& [uid, pod] : pods_) out.push_back(snapshot(pod));
  return out;
}

std::optional<Sandbox> ProcessRuntime::find(const std::string& pod_uid) {
  std::lock_guard lock(mutex_);
  auto pod = pods_.find(pod_uid);
  if (pod == pods_.end()) return std::nullopt;
  // What a supervisor adds while its container runs.
  for (auto& [key, container] : pod->second.containers) {
    if (container.record.state != ContainerRecord::State::kRunning) continue;
    auto text = read_file(container_directory(container.record.id) + "/state.json");
    auto state = text ? parse_shim_state(*text) : Result<ShimState>(fail(text.error()));
    if (state) container.record.bind_failures = state->bind_failures;
  }
  return snapshot(pod->second);
}

Result<ExecResult> ProcessRuntime::exec(const ContainerId& id, const std::vector<std::string>& argv,
                                        Duration timeout) {
  if (argv.empty()) return fail(Code::kInvalid, "exec: no command");
  std::vector<std::string> command = options_.shim_command;
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  command.insert(command.end(), {"exec", container_directory(id), std::to_string(ms)});
  command.insert(command.end(), argv.begin(), argv.end());
  SpawnResult ran = SERIN_TRY(spawn_and_wait(command, {std::string(kPath)}));
  json::value doc = SERIN_TRY(json::parse(ran.result));
  ExecResult out;
  out.exit_code = static_cast<int>(json::get_int(doc, -1, "exitCode"));
  out.timed_out = json::get_bool(doc, false, "timedOut");
  out.output = std::move(ran.output);
  std::string_view error = json::get_string(doc, "error");
  if (!error.empty() && !out.timed_out) return fail(Code::kInternal, std::string(error));
  return out;
}

Result<void> ProcessRuntime::remove_sandbox(const std::string& pod_uid) {
  {
    std::lock_guard lock(mutex_);
    auto pod = pods_.find(pod_uid);
    if (pod == pods_.end()) return fail(Code::kNotFound, concat("no sandbox for pod ", pod_uid));
    for (const auto& [key, container] : pod->second.containers)
      if (container.record.state == ContainerRecord::State::kRunning)
        return fail(Code::kConflict, concat("container ", container.record.id.str(), " still runs"));
    pods_.erase(pod);
  }
  std::error_code error;
  fs::remove_all(pod_directory(pod_uid), error);
  if (error) return fail(Code::kInternal, concat("remove ", pod_directory(pod_uid), ": ", error.message()));
  return {};
}

void ProcessRuntime::on_change(std::function<void(const std::string&)> changed) {
  std::lock_guard lock(callback_mutex_);
  changed_ = std::move(changed);
}

void ProcessRuntime::collect() {
  std::vector<ContainerId> ended;
  {
    std::lock_guard lock(mutex_);
    for (auto& [uid, pod] : pods_)
      for (auto& [key, container] : pod.containers) {
        if (!container.shim_handle) continue;
        pollfd watched{container.shim_handle.get(), POLLIN, 0};
        if (::poll(&watched, 1, 0) > 0) ended.push_back(container.record.id);
      }
  }
  for (const ContainerId& id : ended) {
    Container last = read_container(id.pod_uid, id.container, id.attempt);
    {
      std::lock_guard lock(mutex_);
      auto pod = pods_.find(id.pod_uid);
      if (pod == pods_.end()) continue;
      pod->second.containers[{id.container, id.attempt}] = std::move(last);
    }
    tell(id.pod_uid);
  }
}

void ProcessRuntime::watch() {
  for (;;) {
    // Descriptors stay open while polled: only this thread drops a running container's handle.
    std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      for (const auto& [uid, pod] : pods_)
        for (const auto& [key, container] : pod.containers)
          if (container.shim_handle) watched.push_back({container.shim_handle.get(), POLLIN, 0});
    }
    ::poll(watched.data(), watched.size(), -1);
    uint64_t drained = 0;
    (void)!::read(wake_.get(), &drained, sizeof drained);
    collect();
  }
}

}  // namespace serin::node
