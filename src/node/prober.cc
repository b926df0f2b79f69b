#include "node/prober.h"

#include "base/strings.h"

namespace serin::node {
namespace {

constexpr Duration kLongWait = std::chrono::hours(1);

}  // namespace

const Prober::Probe* Prober::Watched::find(ProbeKind kind) const {
  for (const Probe& probe : probes)
    if (probe.kind == kind) return &probe;
  return nullptr;
}

bool Prober::Watched::started() const {
  const Probe* startup = find(ProbeKind::kStartup);
  return startup == nullptr || startup->state.passing;
}

bool Prober::Watched::active(const Probe& probe) const {
  if (probe.running) return false;
  switch (probe.kind) {
    case ProbeKind::kStartup:
      return !ending && !probe.state.decided;
    case ProbeKind::kReadiness:
      return started();
    case ProbeKind::kLiveness:
      return !ending && started() && probe.state.passing;
  }
  return false;
}

Prober::Prober(CheckRunner& checks, Clock& clock, Listener listener, ProberOptions options)
    : checks_(checks), clock_(clock), listener_(std::move(listener)) {
  for (int i = 0; i < options.workers; ++i) workers_.emplace_back([this] { work(); });
}

Prober::~Prober() { stop(); }

void Prober::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Prober::watch(const ContainerId& id, TimePoint started_at, const ContainerProbes& probes, bool was_ready) {
  {
    std::lock_guard lock(mutex_);
    auto [entry, fresh] = watched_.try_emplace(id);
    if (!fresh) return;
    for (auto [kind, spec] : {std::pair(ProbeKind::kStartup, &probes.startup),
                              std::pair(ProbeKind::kReadiness, &probes.readiness),
                              std::pair(ProbeKind::kLiveness, &probes.liveness)}) {
      if (!*spec) continue;
      Probe probe{kind, **spec, begin_probe(kind, **spec, started_at)};
      if (was_ready && kind != ProbeKind::kLiveness) probe.state.passing = probe.state.decided = probe.state.ever_passed = true;
      entry->second.probes.push_back(std::move(probe));
    }
    ++changes_;
  }
  wake_.notify_one();
}

void Prober::set_ending(const ContainerId& id) {
  std::lock_guard lock(mutex_);
  auto found = watched_.find(id);
  if (found != watched_.end()) found->second.ending = true;
}

void Prober::forget(const ContainerId& id) {
  std::lock_guard lock(mutex_);
  watched_.erase(id);
}

std::optional<ContainerHealth> Prober::health(const ContainerId& id) const {
  std::lock_guard lock(mutex_);
  auto found = watched_.find(id);
  if (found == watched_.end()) return std::nullopt;
  const Watched& watched = found->second;
  ContainerHealth health;
  health.started = watched.started();
  const Probe* readiness = watched.find(ProbeKind::kReadiness);
  health.ready = health.started && (readiness == nullptr || readiness->state.passing);
  auto say = [](std::string_view kind, const Probe& probe) {
    if (!probe.state.message.empty()) return concat(kind, " probe ", probe.state.message);
    return concat(kind, " probe ", probe.spec.check.describe(), ": not asked yet");
  };
  if (!health.started) {
    health.not_ready = say("startup", *watched.find(ProbeKind::kStartup));
  } else if (!health.ready) {
    health.not_ready = say("readiness", *readiness);
  }
  for (auto [kind, word] : {std::pair(ProbeKind::kStartup, "startup"), std::pair(ProbeKind::kLiveness, "liveness")}) {
    const Probe* probe = watched.find(kind);
    if (probe == nullptr || !probe->state.decided || probe->state.passing) continue;
    health.unhealthy = true;
    health.unhealthy_message = concat(word, " probe ", probe->state.message);
    health.termination_grace = probe->spec.termination_grace;
  }
  return health;
}

Prober::Probe* Prober::next_locked(ContainerId& id, TimePoint& due) {
  Probe* first = nullptr;
  for (auto& [key, watched] : watched_)
    for (Probe& probe : watched.probes)
      if (watched.active(probe) && (first == nullptr || probe.state.due < due)) {
        first = &probe;
        due = probe.state.due;
        id = key;
      }
  return first;
}

void Prober::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    ContainerId id;
    TimePoint due = clock_.now() + kLongWait;
    Probe* probe = next_locked(id, due);
    if (probe == nullptr || due > clock_.now()) {
      uint64_t seen = changes_;
      clock_.wait_until(lock, wake_, due, [&] { return stopping_ || changes_ != seen; });
      continue;
    }
    ProbeKind kind = probe->kind;
    ProbeSpec spec = probe->spec;
    probe->running = true;
    lock.unlock();
    Outcome outcome = checks_.run(spec.check, id, spec.timeout);
    lock.lock();
    auto found = watched_.find(id);
    if (found == watched_.end() || stopping_) continue;
    bool changed = false, news = false;
    for (Probe& item : found->second.probes) {
      if (item.kind != kind) continue;
      item.running = false;
      bool first_failure = !outcome.ok && item.state.message.empty();
      changed = count_outcome(item.state, spec, outcome, clock_.now()) || first_failure;
      news = !outcome.ok && (first_failure || !item.state.hurried);
    }
    ++changes_;
    lock.unlock();
    wake_.notify_all();
    if (news && listener_.failed) listener_.failed(id, kind, outcome.message);
    if (changed && listener_.changed) listener_.changed(id);
    lock.lock();
  }
}

}  // namespace serin::node
