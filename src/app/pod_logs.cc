#include "app/pod_logs.h"

#include "base/strings.h"

namespace serin::app {
namespace {

constexpr std::chrono::milliseconds kPatience{200};
/// A reader that is this far behind is waited for.
constexpr size_t kMaxPending = 1 << 20;
/// Followed logs at one time, over all clusters.
constexpr size_t kMaxReadings = 256;

}  // namespace

PodLogs::~PodLogs() { stop(); }

void PodLogs::stop() {
  stopping_ = true;
  std::lock_guard lock(mutex_);
  for (auto& reading : readings_) reading->thread.join();
  readings_.clear();
  agents_.clear();
}

void PodLogs::add(const std::string& cluster, node::NodeAgent& agent) {
  std::lock_guard lock(mutex_);
  agents_[cluster] = &agent;
}

void PodLogs::join_finished_locked() {
  for (auto at = readings_.begin(); at != readings_.end();) {
    if (!(*at)->done) {
      ++at;
      continue;
    }
    (*at)->thread.join();
    at = readings_.erase(at);
  }
}

Result<void> PodLogs::open(const std::string& cluster, const kube::NamespacedName& pod,
                           const apiserver::LogOptions& options, std::shared_ptr<apiserver::LogSink> sink) {
  std::lock_guard lock(mutex_);
  auto agent = agents_.find(cluster);
  if (agent == agents_.end()) return fail(Code::kUnavailable, concat("no node agent runs for ", cluster));
  join_finished_locked();
  if (readings_.size() >= kMaxReadings) return fail(Code::kTooManyRequests, "too many logs are being read");
  node::LogOptions wanted{options.container, options.follow,     options.previous, options.timestamps,
                          options.tail_lines, options.limit_bytes, options.since};
  std::shared_ptr<node::LogReader> reader = SERIN_TRY(agent->second->open_log(pod, wanted));
  auto reading = std::make_unique<Reading>();
  reading->thread = std::thread([this, raw = reading.get(), reader, sink = std::move(sink)] {
    pump(*reader, *sink);
    raw->done = true;
  });
  readings_.push_back(std::move(reading));
  return {};
}

void PodLogs::pump(node::LogReader& reader, apiserver::LogSink& sink) {
  while (!stopping_) {
    if (sink.pending() > kMaxPending) {
      std::this_thread::sleep_for(kPatience);
      continue;
    }
    Result<std::optional<std::string>> piece = reader.read(kPatience);
    if (!piece) break;
    // An empty write finds out whether anybody still listens.
    if (!sink.write(*piece ? **piece : std::string_view())) return;
  }
  sink.finish();
}

}  // namespace serin::app
